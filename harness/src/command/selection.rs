//! Which scenarios the command line selects.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::refused::Refused;
use super::streams;
use crate::input::diagnostic;
use crate::plan::Plan;
use crate::scenario::{self, Found, Scenario};

/// What `harness run`, `sim`, `check` and `plan` take for it.
#[derive(Clone, Debug, clap::Args)]
pub struct Selection {
    /// Scenarios: YAML files, folders with such files in them, or - for standard input
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,

    /// Only scenarios whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
}

impl Selection {
    /// The scenarios; at least one.
    pub(super) fn load(&self) -> Result<Vec<Scenario>, Refused> {
        let scenarios = scenario::load_all(self.find());
        let mut scenarios = scenarios.map_err(|error| Refused::scenario(&error))?;
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
        scenarios.retain(|scenario| self.takes(&scenario.name));
        if scenarios.is_empty() {
            return Err(self.nothing(&names));
        }
        Ok(scenarios)
    }

    /// The files, after a line for each that is passed over.
    pub(super) fn find(&self) -> Found {
        let found = scenario::find(&self.paths);
        for file in &found.passed_over {
            let file = file.display();
            streams::tell(&format!("note: {file} is passed over: it has no `topics`"));
        }
        found
    }

    /// Whether the filter lets a name through.
    pub(super) fn takes(&self, name: &str) -> bool {
        self.filter.as_ref().is_none_or(|filter| name.contains(filter))
    }

    pub(super) fn nothing(&self, names: &[String]) -> Refused {
        let searched: Vec<_> = self.paths.iter().map(|path| path.display().to_string()).collect();
        let filter = self.filter.as_ref().map(|filter| format!(" whose name contains {filter:?}"));
        let filter = filter.unwrap_or_default();
        let there = match names {
            [] => String::from("a scenario is a file *.yaml or *.yml"),
            names => format!("there are: {}", names.join(", ")),
        };
        let searched = searched.join(", ");
        Refused::nothing_selected(format_args!("no scenario in {searched}{filter}; {there}"))
    }
}

/// The plans of these scenarios.
///
/// # Errors
/// All that is wrong with the producers' logs of any.
pub(super) fn plans(scenarios: Vec<Scenario>) -> Result<Vec<Plan>, Refused> {
    let mut plans = Vec::with_capacity(scenarios.len());
    let mut wrong = Vec::new();
    for scenario in scenarios {
        match Plan::new(scenario) {
            Ok(plan) => plans.push(plan),
            Err(error) => wrong.extend(error.into_diagnostics()),
        }
    }
    diagnostic::Error::unless_empty(wrong).map_err(|error| Refused::scenario(&error))?;
    Ok(plans)
}

/// Parses a number of things done at the same time.
pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1".to_owned())
}
