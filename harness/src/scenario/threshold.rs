//! What a scenario asks of the figures of its run, as types that cannot be wrong.

use std::fmt;
use std::time::Duration;

use crate::numbers::number;

/// One thing that is asked of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// Latencies of at most so much.
    Latency {
        /// Which.
        of: Latencies,
        /// What of them.
        statistic: Statistic,
        /// The limit.
        at_most: Duration,
        /// Whether those that a fault was under way in are left out.
        outside_of_faults: bool,
    },
    /// Deliveries a second over all consumers.
    Throughput {
        /// The limit.
        at_least: u64,
        /// Whether the time of faults is left out, with what came in it.
        outside_of_faults: bool,
    },
    /// How long after a fault the backlog is back at what it was when the fault began.
    Recovery {
        /// The limit, for each firing.
        at_most: Duration,
    },
    /// Pairs of a message and a consumer that it is due to, acked and not delivered, at any moment.
    Backlog {
        /// The limit.
        at_most: u64,
        /// Whether moments within faults are left out.
        outside_of_faults: bool,
    },
    /// How old messages were that the broker's retention deleted before a consumer had them.
    Kept {
        /// The limit, for each of them.
        at_least: Duration,
    },
}

/// Which latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latencies {
    /// From when the plan wanted a request sent to its ack.
    Ack,
    /// From when the plan wanted a message sent to its delivery.
    EndToEnd,
}

/// What of a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// So many of 100,000 values are at most it; above 0 and below 100,000.
    Percentile(u32),
    /// All values are at most it.
    Max,
    /// Their sum by their count.
    Mean,
}

impl Statistic {
    /// What percentiles count in, so that `p99.999` is a whole number.
    pub const WHOLE: u32 = 100_000;

    /// How many values there must be for it to say something: a percentile of fewer is their
    /// maximum, whatever the broker does.
    #[must_use]
    pub fn needs(self) -> u64 {
        match self {
            Self::Percentile(part) => u64::from(Self::WHOLE.div_ceil(Self::WHOLE - part)),
            Self::Max | Self::Mean => 1,
        }
    }
}

impl Threshold {
    /// The limit as it is written, with its comparison: `at most 5ms`, `at least 10,000/s`.
    #[must_use]
    pub fn limit(&self) -> String {
        match self {
            Self::Latency { at_most, .. } | Self::Recovery { at_most } => {
                format!("at most {}", humantime::format_duration(*at_most))
            }
            Self::Throughput { at_least, .. } => format!("at least {}/s", number(*at_least)),
            Self::Backlog { at_most, .. } => format!("at most {}", number(*at_most)),
            Self::Kept { at_least } => {
                format!("at least {}", humantime::format_duration(*at_least))
            }
        }
    }

    /// Whether what faults make of the figure does not count.
    #[must_use]
    pub const fn is_outside_of_faults(&self) -> bool {
        match self {
            Self::Latency { outside_of_faults, .. }
            | Self::Throughput { outside_of_faults, .. }
            | Self::Backlog { outside_of_faults, .. } => *outside_of_faults,
            Self::Recovery { .. } | Self::Kept { .. } => false,
        }
    }
}

/// `ack p99`, `throughput outside of faults`.
impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Latency { of: Latencies::Ack, statistic, .. } => write!(f, "ack {statistic}")?,
            Self::Latency { of: Latencies::EndToEnd, statistic, .. } => {
                write!(f, "end_to_end {statistic}")?;
            }
            Self::Throughput { .. } => f.write_str("throughput")?,
            Self::Recovery { .. } => f.write_str("recovery")?,
            Self::Backlog { .. } => f.write_str("backlog")?,
            Self::Kept { .. } => f.write_str("kept")?,
        }
        f.write_str(if self.is_outside_of_faults() { " outside of faults" } else { "" })
    }
}

/// `p99.9`, `max`, `mean`.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percentile(part) => {
                let (whole, rest) = (part / 1_000, part % 1_000);
                let rest = format!(".{rest:03}");
                let rest = rest.trim_end_matches('0').trim_end_matches('.');
                write!(f, "p{whole}{rest}")
            }
            Self::Max => f.write_str("max"),
            Self::Mean => f.write_str("mean"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_needs_enough_values_to_leave_one_out() {
        let check = |part, text: &str, needs| {
            let statistic = Statistic::Percentile(part);
            assert_eq!((statistic.to_string().as_str(), statistic.needs()), (text, needs));
        };
        check(50_000, "p50", 2);
        check(99_000, "p99", 100);
        check(99_900, "p99.9", 1_000);
        check(99_999, "p99.999", 100_000);
        check(500, "p0.5", 2);
        check(66_600, "p66.6", 3);
        assert_eq!((Statistic::Max.needs(), Statistic::Mean.needs()), (1, 1));
    }
}
