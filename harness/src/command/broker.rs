//! `harness broker`, hidden: the child that the harness starts by running itself again.

use crate::exit::Exit;

/// Its arguments.
#[derive(Debug, clap::Args)]
// Its group would have the name of the one that the broker's arguments are in.
#[group(skip)]
pub struct Arguments {
    /// As the standalone broker takes them.
    #[command(flatten)]
    broker: broker::Arguments,
}

/// Serves until SIGTERM or SIGINT.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    match broker::run(&arguments.broker, |store| store) {
        Ok(()) => Exit::Passed,
        Err(error) => {
            eprintln!("harness broker: {error:#}");
            Exit::NoVerdict
        }
    }
}
