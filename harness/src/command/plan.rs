//! `harness plan`: what a scenario is going to do, without doing it.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::exit::Exit;
use crate::plan::Plan;
use crate::scenario;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The scenario file.
    pub file: PathBuf,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    match scenario::load(&arguments.file).and_then(Plan::new) {
        Ok(plan) => {
            let _ = writeln!(io::stdout(), "{} messages", plan.messages.len());
            Exit::Passed
        }
        Err(error) => {
            eprintln!("{error}");
            Exit::Usage
        }
    }
}
