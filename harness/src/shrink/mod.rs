//! Reduces a failing simulated run to one that still fails in the same way and that a person can
//! read: fewer actors, topics, messages and faults, a calmer network.
//!
//! [`case`] is a scenario with every message spelt out; [`write`](mod@write) makes files of it, and
//! what is tried is always those files, so what is kept fails as it was tried. [`reduce`] is delta
//! debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002) over
//! its parts, [`steps`] the parts and the simplifications, [`hunt`] what each is tried by.

pub mod case;
mod hunt;
pub mod reduce;
mod steps;
pub mod write;

use std::path::Path;

use tokio::time::Instant;

use self::case::Case;
use self::hunt::Hunt;

pub use hunt::{Failing, Settings, Way, run};

/// What a reduction came to.
#[derive(Debug)]
pub struct Shrunk {
    /// The smallest failing case that was found.
    pub failing: Failing,
    /// How many cases were tried, and how many runs that took.
    pub cases: u64,
    /// See `cases`.
    pub runs: u64,
    /// Whether the time was over before nothing could be taken out any more.
    pub out_of_time: bool,
}

/// Reduces a case that fails in a way, as long as time permits and nothing stops it. Cases are
/// written to an existing `folder` to be tried. `tell` hears of each that is smaller.
pub fn shrink(
    failing: Failing,
    way: &Way,
    settings: &Settings,
    folder: &Path,
    tell: &mut dyn FnMut(&Case),
) -> Shrunk {
    let deadline = Instant::now() + settings.limit;
    let mut hunt = Hunt { way, settings, deadline, best: failing, cases: 0, runs: 0, tell, folder };
    steps::all(&mut hunt);
    Shrunk { out_of_time: hunt.is_over(), failing: hunt.best, cases: hunt.cases, runs: hunt.runs }
}
