//! When something was, in the one order of the run and on its clock.

use serde::{Deserialize, Serialize};

/// A place in the one order of the run: a process-wide counter, taken just before a call leaves
/// and just after its whole answer is in. `a < b` means that a came before b.
pub type Stamp = u64;

/// Nanoseconds since the run began.
pub type Nanos = u64;

/// A moment of the run; in a file `[stamp, nanoseconds]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(from = "(Stamp, Nanos)", into = "(Stamp, Nanos)")]
pub struct Moment {
    /// For every rule.
    pub stamp: Stamp,
    /// For latencies and for people.
    pub at: Nanos,
}

impl From<(Stamp, Nanos)> for Moment {
    fn from((stamp, at): (Stamp, Nanos)) -> Self {
        Self { stamp, at }
    }
}

impl From<Moment> for (Stamp, Nanos) {
    fn from(moment: Moment) -> Self {
        (moment.stamp, moment.at)
    }
}
