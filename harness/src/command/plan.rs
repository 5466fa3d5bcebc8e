//! `harness plan`.

use crate::exit::Exit;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Carries it out.
#[must_use]
pub fn main(_arguments: &Arguments) -> Exit {
    Exit::NoVerdict
}
