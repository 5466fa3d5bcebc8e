//! So many in a time.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::numbers::rate;

/// So many in a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// At least a millisecond.
    pub time: Duration,
}

impl Rate {
    /// How many a second.
    #[must_use]
    pub fn per_second(self) -> f64 {
        self.count as f64 / self.time.as_secs_f64()
    }
}

/// `12,345/s`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&rate(self.per_second()))
    }
}

/// A number, to a thousandth.
impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64((self.per_second() * 1e3).round() / 1e3)
    }
}
