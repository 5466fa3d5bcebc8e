//! `harness schema`: the JSON Schema of a scenario, for editors and other programs.

use std::io::{self, Write};

use crate::exit::Exit;
use crate::scenario;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Carries it out.
#[must_use]
pub fn main(_arguments: &Arguments) -> Exit {
    // A reader that has gone away has seen enough.
    let _ = writeln!(io::stdout(), "{:#}", scenario::schema().as_value());
    Exit::Passed
}
