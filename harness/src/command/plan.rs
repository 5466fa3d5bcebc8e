//! `harness plan`: what a scenario is going to do, without doing it.

use std::path::PathBuf;

use super::broker_choice::drivable;
use super::refused::{self, Refused};
use super::streams;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::scenario;

mod json;
mod table;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The scenario file.
    pub file: PathBuf,

    /// Print JSON for programs.
    #[arg(long)]
    pub json: bool,
}

#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    let plan = scenario::load(&arguments.file).and_then(drivable).and_then(Plan::new);
    refused::exit(plan.map_err(|error| Refused::scenario(&error)).map(|plan| {
        let text = if arguments.json { json::render(&plan) } else { table::render(&plan) };
        streams::print(&text).err().unwrap_or(Exit::Passed)
    }))
}
