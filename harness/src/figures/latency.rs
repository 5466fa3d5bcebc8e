//! Latencies: gathered in a histogram, and what is said of them.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use crate::history::Nanos;

/// A distribution of latencies, each to three significant figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// How many values there are; the others are 0 if none.
    pub count: u64,
    /// Half of the values are at most this.
    #[serde(rename = "p50_ns", serialize_with = "nanos")]
    pub p50: Duration,
    /// 90 of 100 are.
    #[serde(rename = "p90_ns", serialize_with = "nanos")]
    pub p90: Duration,
    /// 95 of 100 are.
    #[serde(rename = "p95_ns", serialize_with = "nanos")]
    pub p95: Duration,
    /// 99 of 100 are.
    #[serde(rename = "p99_ns", serialize_with = "nanos")]
    pub p99: Duration,
    /// 999 of 1,000 are.
    #[serde(rename = "p99_9_ns", serialize_with = "nanos")]
    pub p99_9: Duration,
    /// All are.
    #[serde(rename = "max_ns", serialize_with = "nanos")]
    pub max: Duration,
    /// Their sum by their count.
    #[serde(rename = "mean_ns", serialize_with = "nanos")]
    pub mean: Duration,
}

/// A whole distribution, for drawing it and for other figures than those of [`Latency`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// What is said of it.
    #[serde(flatten)]
    pub latency: Latency,
    /// Ascending, each with the greatest value that it stands for, in nanoseconds to two significant
    /// figures, and how many values there are; those without any are left out.
    #[serde(rename = "buckets_ns")]
    pub buckets: Vec<(u64, u64)>,
}

/// A duration in whole nanoseconds, as the JSON report has it.
pub fn nanos<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// No request has carried the message.
pub(super) const NEVER: Nanos = Nanos::MAX;

/// Gathers latencies up to an hour; longer ones count as an hour.
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    const HOUR: u64 = 3_600_000_000_000;

    pub(super) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, Self::HOUR, 3).expect("the bounds are in range"))
    }

    pub(super) fn add(&mut self, nanos: Nanos, times: u64) {
        self.0.saturating_record_n(nanos, times);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The value that so many of `whole` are at most, or rather the least that the histogram does not
    /// tell from it: what is above a limit then surely is.
    pub(super) fn at_most(&self, part: u32, whole: u32) -> Duration {
        let value = self.0.value_at_quantile(f64::from(part) / f64::from(whole));
        Duration::from_nanos(self.0.lowest_equivalent(value))
    }

    pub(super) fn finish(&self) -> Latency {
        if self.0.is_empty() {
            return Latency::default();
        }
        let at = |quantile| Duration::from_nanos(self.0.value_at_quantile(quantile));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most an hour"
        )]
        let mean = Duration::from_nanos(self.0.mean().round() as u64);
        Latency {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            max: Duration::from_nanos(self.0.max()),
            mean,
        }
    }
}
