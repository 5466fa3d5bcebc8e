//! `harness broker`, hidden: the child that the harness starts by running itself again.

use super::streams;
use crate::exit::Exit;

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
