//! `harness broker`, hidden: the child that the harness starts by running itself again.

use clap::CommandFactory as _;

use super::streams;
use crate::exit::Exit;

/// The command line of the standalone broker, for its page of the manual.
pub(super) fn command() -> clap::Command {
    broker::CommandLine::command().version(crate::version::VERSION)
}

/// Serves as the standalone broker does, until SIGTERM, SIGINT or SIGHUP.
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
