//! `harness review|accept|reject|pending`: golden files for people without cargo.

use crate::exit::Exit;

/// Their arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Shows each pending golden file and asks.
#[must_use]
pub fn review(_arguments: &Arguments) -> Exit {
    Exit::NoVerdict
}

/// Accepts all.
#[must_use]
pub fn accept(_arguments: &Arguments) -> Exit {
    Exit::NoVerdict
}

/// Rejects all.
#[must_use]
pub fn reject(_arguments: &Arguments) -> Exit {
    Exit::NoVerdict
}

/// Lists all.
#[must_use]
pub fn pending(_arguments: &Arguments) -> Exit {
    Exit::NoVerdict
}
