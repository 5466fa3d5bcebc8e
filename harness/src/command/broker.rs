//! `harness broker`, hidden: the child that the harness starts by running itself again.

use clap::Args as _;

use super::streams;
use crate::exit::Exit;

/// The command line of the standalone broker, for its page of the manual.
pub(super) fn command() -> clap::Command {
    broker::Arguments::augment_args(clap::Command::new("broker"))
        .about("A compact message broker: named append-only logs over HTTP")
        .version(crate::version::VERSION)
}

/// Serves as the standalone broker does, until SIGTERM or SIGINT.
#[must_use]
pub fn main(arguments: &broker::Arguments) -> Exit {
    match broker::run(arguments) {
        Ok(()) => Exit::Passed,
        Err(error) => {
            streams::tell(&format!("harness broker: {error:#}"));
            Exit::NoVerdict
        }
    }
}
