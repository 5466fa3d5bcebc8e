//! When a fault fires.

use std::fmt;
use std::time::Duration;

use humantime::format_duration;

/// When a fault fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Once, so long after producers may send.
    At(Duration),
    /// Once, as soon as so much was counted.
    After {
        /// At least 1.
        count: u64,
        /// What is counted.
        counted: Counted,
    },
    /// At `from`, and then again and again; the last time before or at `until`.
    Every {
        /// Between two firings; not zero.
        every: Duration,
        /// The first.
        from: Duration,
        /// None begins after it; where it is not given, none begins after the last producer ended.
        until: Option<Duration>,
    },
}

/// What an `after` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Messages acked, of all producers or of the one with this number.
    Acked(Option<u32>),
    /// Deliveries, to all consumers or to the one with this number.
    Delivered(Option<u32>),
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "at: {}", format_duration(*at)),
            Self::After { count, counted } => write!(f, "after: {count} {counted}"),
            Self::Every { every, from, until } => {
                write!(f, "every: {}", format_duration(*every))?;
                if !from.is_zero() {
                    write!(f, ", from: {}", format_duration(*from))?;
                }
                until.map_or(Ok(()), |until| write!(f, ", until: {}", format_duration(until)))
            }
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acked(None) => f.write_str("acked"),
            Self::Acked(Some(number)) => write!(f, "acked by P{number}"),
            Self::Delivered(None) => f.write_str("delivered"),
            Self::Delivered(Some(number)) => write!(f, "delivered to C{number}"),
        }
    }
}
