//! `harness plan`: what scenarios are going to do, without doing it.

use super::broker_choice::drivable;
use super::refused::{self, Refused};
use super::selection::Selection;
use super::streams;
use crate::exit::Exit;
use crate::input::diagnostic::Error;
use crate::plan::Plan;
use crate::scenario::{self, equal_names};

pub(super) mod json;
mod notes;
mod table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which scenarios.
    #[command(flatten)]
    pub selection: Selection,

    /// Print JSON for programs: an object for one file, and a list of them for folders and several.
    #[arg(long)]
    pub json: bool,
}

#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    refused::exit(carry_out(arguments))
}

/// Prints the plans, and what is wrong with the files that have none.
fn carry_out(arguments: &Arguments) -> Result<Exit, Refused> {
    let Arguments { selection, json } = arguments;
    let found = selection.find();
    let mut diagnostics = found.problems;
    let (mut plans, mut names) = (Vec::new(), Vec::new());
    for file in &found.files {
        match scenario::load(file).and_then(drivable).and_then(Plan::new) {
            Ok(plan) => {
                names.push(plan.scenario.name.clone());
                plans.push(plan);
            }
            Err(error) => diagnostics.extend(error.into_diagnostics()),
        }
    }
    diagnostics.extend(equal_names(plans.iter().map(|plan| &plan.scenario)));
    plans.retain(|plan| selection.takes(&plan.scenario.name));
    if plans.is_empty() && diagnostics.is_empty() {
        return Err(selection.nothing(&names));
    }
    let is_one = matches!(selection.paths.as_slice(), [path] if !path.is_dir());
    let text = match json {
        true if is_one => plans.first().map(json::render).unwrap_or_default(),
        true => json::render_all(&plans),
        false => plans.iter().map(table::render).collect::<Vec<_>>().join("\n"),
    };
    if let Err(exit) = streams::print(&text) {
        return Ok(exit);
    }
    Error::unless_empty(diagnostics).map_err(|error| Refused::scenario(&error))?;
    Ok(Exit::Passed)
}
