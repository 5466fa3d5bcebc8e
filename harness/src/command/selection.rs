//! Which scenarios the command line selects.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use super::broker_choice::drivable;
use super::filter::Filter;
use super::last::Last;
use super::partition::Partition;
use super::refused::Refused;
use super::streams;
use crate::input::diagnostic::{self, Diagnostic};
use crate::input::values;
use crate::plan::Plan;
use crate::report::words::count;
use crate::scenario::{self, Found, Scenario, Source, equal_names};

/// Where scenarios are looked for where nothing is named.
const DEFAULT_PATH: &str = "scenarios";

/// What `harness run`, `sim`, `check`, `plan` and `list` take for it.
#[derive(Clone, Debug, clap::Args)]
pub struct Selection {
    /// Scenarios: YAML files, folders with such files in them, or - for standard input
    /// [default: scenarios]
    pub paths: Vec<PathBuf>,

    /// Only scenarios whose name contains this, or matches it where it is a glob, or that have a tag:
    /// tag:slow; with ! in front, all but those. Repeat it for more: any may match, and none with !
    #[arg(long, value_name = "PATTERN")]
    pub filter: Vec<Filter>,

    /// Only one part of the scenarios, as in 1/4: each is in exactly one of the parts
    #[arg(long, value_name = "PART/PARTS")]
    pub partition: Option<Partition>,
}

impl Selection {
    /// The scenarios; at least one.
    pub(super) fn load(&self) -> Result<Vec<Scenario>, Refused> {
        self.load_among(None)
    }

    /// The same, and of the last call those alone that did not pass.
    pub(super) fn load_among(&self, last: Option<&Last>) -> Result<Vec<Scenario>, Refused> {
        let paths = match last {
            Some(last) if self.paths.is_empty() => last.files(),
            _ => self.paths(),
        };
        if last.is_some_and(|last| last.names().is_empty()) {
            let all = "--rerun-failed: every scenario passed in the last call";
            return Err(Refused::nothing_selected(all));
        }
        let scenarios = scenario::load_all(find(&paths));
        let mut scenarios = scenarios.map_err(|error| Refused::scenario(&error))?;
        self.choose(&mut scenarios, |scenario| scenario, last)?;
        Ok(scenarios)
    }

    /// Everything that is selected and can be planned, and what is wrong with the files that cannot; at
    /// least one of either.
    pub(super) fn plan_all(&self) -> Result<(Vec<Plan>, Vec<Diagnostic>), Refused> {
        let found = find(&self.paths());
        let mut diagnostics = found.problems;
        let mut plans = Vec::new();
        for file in &found.files {
            match scenario::load(file).and_then(drivable).and_then(Plan::new) {
                Ok(plan) => plans.push(plan),
                Err(error) => diagnostics.extend(error.into_diagnostics()),
            }
        }
        diagnostics.extend(equal_names(plans.iter().map(|plan| &plan.scenario)));
        match self.choose(&mut plans, |plan| &plan.scenario, None) {
            Err(refused) if diagnostics.is_empty() => Err(refused),
            _ => Ok((plans, diagnostics)),
        }
    }

    /// The paths that are searched.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self.paths.is_empty() {
            true => vec![PathBuf::from(DEFAULT_PATH)],
            false => self.paths.clone(),
        }
    }

    /// Keeps what is selected.
    ///
    /// # Errors
    /// When nothing is.
    fn choose<T>(
        &self,
        all: &mut Vec<T>,
        scenario: impl Fn(&T) -> &Scenario,
        last: Option<&Last>,
    ) -> Result<(), Refused> {
        let known = Known::of(all.iter().map(&scenario));
        all.retain(|own| Filter::choose(&self.filter, scenario(own)));
        if all.is_empty() {
            return Err(self.nothing(&known));
        }
        if let Some(last) = last {
            all.retain(|own| last.has_failed(scenario(own)));
            if all.is_empty() {
                let names = last.names().join(", ");
                return Err(Refused::nothing_selected(format_args!(
                    "--rerun-failed: what did not pass in the last call is not selected: {names}"
                )));
            }
        }
        let Some(partition) = self.partition else { return Ok(()) };
        let selected = count(all.len() as u64, "scenario");
        let own = partition.of(all.iter().map(|own| scenario(own).name.as_str()));
        let own: BTreeSet<String> = own.into_iter().map(str::to_owned).collect();
        all.retain(|one| own.contains(&scenario(one).name));
        if all.is_empty() {
            return Err(Refused::nothing_selected(format_args!(
                "--partition {partition} is empty: all parts together have {selected}"
            )));
        }
        Ok(())
    }

    fn nothing(&self, known: &Known) -> Refused {
        let searched: Vec<_> = self.paths().iter().map(|path| path.display().to_string()).collect();
        let filter = match self.filter.as_slice() {
            [] => String::new(),
            [one] if one.part().is_some() => {
                format!(" whose name contains {:?}", one.part().unwrap_or_default())
            }
            filters => {
                let each =
                    filters.iter().map(|filter| format!(" --filter {:?}", filter.to_string()));
                format!(" that{} selects", each.collect::<String>())
            }
        };
        let there = match (known.names.as_slice(), known.tags.as_slice()) {
            ([], _) => String::from("a scenario is a file *.yaml or *.yml"),
            (_, []) if self.is_of_tags() => String::from("none has tags"),
            (_, tags) if self.is_of_tags() => format!("there are the tags: {}", tags.join(", ")),
            (names, _) => format!("there are: {}", names.join(", ")),
        };
        let searched = searched.join(", ");
        Refused::nothing_selected(format_args!("no scenario in {searched}{filter}; {there}"))
    }

    fn is_of_tags(&self) -> bool {
        !self.filter.is_empty() && self.filter.iter().all(Filter::is_of_tags)
    }
}

/// What could have been selected.
struct Known {
    names: Vec<String>,
    tags: Vec<String>,
}

impl Known {
    fn of<'a>(scenarios: impl Iterator<Item = &'a Scenario> + Clone) -> Self {
        let tags: BTreeSet<&String> =
            scenarios.clone().flat_map(|scenario| &scenario.tags).collect();
        Self {
            tags: tags.into_iter().cloned().collect(),
            names: scenarios.map(|scenario| scenario.name.clone()).collect(),
        }
    }
}

/// The files, after a line for each that is passed over.
fn find(paths: &[PathBuf]) -> Found {
    let found = scenario::find(paths);
    for file in &found.passed_over {
        let file = file.display();
        streams::tell(&format!("note: {file} is passed over: it has no `topics`"));
    }
    found
}

/// Gives the scenarios a seed. A golden file is of the scenario's own seed, so with another one it is
/// left alone where messages are made up.
pub(super) fn reseed(scenarios: &mut [Scenario], seed: Option<u64>) {
    let Some(seed) = seed else { return };
    for scenario in scenarios {
        let made_up = |source: &Source| matches!(source, Source::Generate { .. });
        let differs = scenario.producers.iter().any(|producer| made_up(&producer.source));
        scenario.golden &= seed == scenario.seed || !differs;
        scenario.seed = seed;
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

/// Parses a seed, or how many of something.
pub(super) fn whole(text: &str) -> Result<u64, String> {
    values::count(text, 0..=u64::MAX).map_err(|why| why.brief())
}
