//! `harness plan`: what a scenario is going to do, without doing it.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use super::broker_choice::known_driver;
use super::streams;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::scenario;

mod json;
mod table;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The scenario file.
    pub file: PathBuf,

    /// Print JSON for programs.
    #[arg(long)]
    pub json: bool,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    match scenario::load(&arguments.file).and_then(known_driver).and_then(Plan::new) {
        Ok(plan) => {
            let text = if arguments.json { json::render(&plan) } else { table::render(&plan) };
            streams::print(&text).err().unwrap_or(Exit::Passed)
        }
        Err(error) => {
            streams::tell(&error.render(colour()));
            Exit::Usage
        }
    }
}

/// Whether stderr is for eyes that want colours.
fn colour() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !unwanted
}
