//! `harness broker`, hidden: the child that the harness starts by running itself again.

use crate::exit::Exit;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    broker: broker::Arguments,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: Arguments) -> Exit {
    match broker::run(&arguments.broker, |store| store) {
        Ok(()) => Exit::Passed,
        Err(error) => {
            eprintln!("{error:#}");
            Exit::Failed
        }
    }
}
