//! `harness sim`: scenarios on a simulated network and clock. One seed is one exact run; `--seeds`
//! tries many.

mod arguments;
mod one;
mod seeds;
mod sweep;
pub(super) mod workers;

use super::reporting::reporting;
use crate::exit::Exit;

pub use arguments::Arguments;

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    let terminal = arguments.verbosity.terminal();
    reporting(&arguments.outputs.reports, &terminal, |report| match arguments.seeds {
        Some(seeds) => sweep::run(arguments, seeds, &terminal, report),
        None => one::run(arguments, &terminal, report),
    })
}
