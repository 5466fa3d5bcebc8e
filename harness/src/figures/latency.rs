//! Latencies: gathered in a histogram, and what is said of them.

use std::time::Duration;

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::history::Nanos;

/// A distribution of latencies, each to three significant figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Latency {
    /// How many values there are; the others are 0 if none.
    pub count: u64,
    /// Half of the values are at most this.
    #[serde(rename = "p50_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub p50: Duration,
    /// 90 of 100 are.
    #[serde(rename = "p90_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub p90: Duration,
    /// 95 of 100 are.
    #[serde(rename = "p95_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub p95: Duration,
    /// 99 of 100 are.
    #[serde(rename = "p99_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub p99: Duration,
    /// 999 of 1,000 are.
    #[serde(rename = "p99_9_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub p99_9: Duration,
    /// All are.
    #[serde(rename = "max_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub max: Duration,
    /// Their sum by their count.
    #[serde(rename = "mean_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub mean: Duration,
}

/// A whole distribution, for drawing it and for other figures than those of [`Latency`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
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
    to.serialize_u64(whole(*duration))
}

/// In whole nanoseconds.
pub(super) fn whole(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// So many different values are kept one by one, which is exact; more go into a histogram.
const FEW: usize = 256;

/// Longer latencies count as an hour in percentiles, which nothing else does.
const HOUR: Nanos = 3_600_000_000_000;

/// Gathers latencies: exact while they are few, then to so many significant figures.
#[derive(Clone)]
pub(super) struct Latencies {
    figures: u8,
    few: Vec<(Nanos, u64)>,
    many: Option<Histogram<u32>>,
    count: u64,
    sum: u128,
    max: Nanos,
}

impl Latencies {
    /// For percentiles to so many significant figures.
    pub(super) const fn new(figures: u8) -> Self {
        Self { figures, few: Vec::new(), many: None, count: 0, sum: 0, max: 0 }
    }

    pub(super) fn add(&mut self, nanos: Nanos, times: u64) {
        if times == 0 {
            return;
        }
        self.count += times;
        self.sum += u128::from(nanos) * u128::from(times);
        self.max = self.max.max(nanos);
        match &mut self.many {
            Some(many) => many.saturating_record_n(nanos, saturated(times)),
            None => {
                self.few.push((nanos, times));
                if self.few.len() > FEW {
                    self.many = Some(histogram(self.figures, self.few.drain(..)));
                }
            }
        }
    }

    /// Adds what was gathered elsewhere.
    pub(super) fn merge(&mut self, other: &Self) {
        let (sum, max) = (self.sum + other.sum, self.max.max(other.max));
        for (nanos, times) in &other.few {
            self.add(*nanos, *times);
        }
        if let Some(others) = &other.many {
            let few = self.few.drain(..);
            let many = self.many.get_or_insert_with(|| histogram(self.figures, few));
            many.add(others).expect("histograms of equal bounds");
            self.count += others.len();
        }
        (self.sum, self.max) = (sum, max);
    }

    pub(super) fn finish(&self) -> Latency {
        if self.count == 0 {
            return Latency::default();
        }
        let mut sorted = self.few.clone();
        sorted.sort_unstable();
        let at = |quantile| {
            let value = match &self.many {
                Some(many) => many.value_at_quantile(quantile).min(self.max),
                None => nearest_rank(&sorted, self.count, quantile),
            };
            Duration::from_nanos(value)
        };
        let mean = self.sum / u128::from(self.count);
        Latency {
            count: self.count,
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p99_9: at(0.999),
            max: Duration::from_nanos(self.max),
            mean: Duration::from_nanos(u64::try_from(mean).unwrap_or(Nanos::MAX)),
        }
    }

    /// All of it, for drawing.
    pub(super) fn distribution(&self) -> Distribution {
        let mut coarse = histogram(2, self.few.iter().copied());
        for value in self.many.iter().flat_map(Histogram::iter_recorded) {
            coarse.saturating_record_n(value.value_iterated_to(), value.count_at_value());
        }
        let buckets = coarse.iter_recorded();
        let buckets =
            buckets.map(|own| (own.value_iterated_to(), own.count_at_value().into())).collect();
        Distribution { latency: self.finish(), buckets }
    }
}

fn saturated(times: u64) -> u32 {
    u32::try_from(times).unwrap_or(u32::MAX)
}

fn histogram(figures: u8, values: impl Iterator<Item = (Nanos, u64)>) -> Histogram<u32> {
    let mut histogram =
        Histogram::new_with_bounds(1, HOUR, figures).expect("the bounds are in range");
    values.for_each(|(nanos, times)| histogram.saturating_record_n(nanos, saturated(times)));
    histogram
}

/// The least value that so large a part of all are not greater than.
fn nearest_rank(sorted: &[(Nanos, u64)], count: u64, quantile: f64) -> Nanos {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a count that is not negative"
    )]
    let rank = ((count as f64 * quantile).ceil() as u64).max(1);
    let mut seen = 0;
    let found = sorted.iter().find(|(_, times)| {
        seen += times;
        seen >= rank
    });
    found.or(sorted.last()).map_or(0, |(nanos, _)| *nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Nanos = 1_000_000;

    /// 1 ms to `most` ms, each once.
    fn up_to(most: u64) -> Latencies {
        let mut latencies = Latencies::new(3);
        (1..=most).for_each(|millis| latencies.add(millis * MILLI, 1));
        latencies
    }

    /// Whether it is so many milliseconds to three figures.
    fn is(time: Duration, millis: u64) -> bool {
        (time.as_secs_f64() * 1e3 / millis as f64 - 1.0).abs() < 0.001
    }

    #[test]
    fn few_values_are_exact() {
        let own = up_to(100).finish();
        let millis = [own.p50, own.p90, own.p95, own.p99, own.p99_9, own.max];
        assert_eq!(millis.map(|own| own.as_millis()), [50, 90, 95, 99, 100, 100]);
        assert_eq!((own.count, own.mean), (100, Duration::from_micros(50_500)));
        assert_eq!(up_to(0).finish(), Latency::default());
        assert_eq!(up_to(1).finish().p50, Duration::from_millis(1));
    }

    #[test]
    fn many_values_have_three_figures_and_the_greatest_and_the_mean_are_exact() {
        let mut all = up_to(10_000);
        all.add(2 * HOUR, 1);
        let own = all.finish();
        assert!(is(own.p50, 5_000) && is(own.p99, 9_900), "{own:?}");
        assert_eq!(own.max, Duration::from_nanos(2 * HOUR));
        let sum = 10_000 * 10_001 / 2 * MILLI + 2 * HOUR;
        assert_eq!(own.mean, Duration::from_nanos(sum / 10_001));
    }

    #[test]
    fn what_is_merged_is_as_if_it_was_gathered_together() {
        for (one, other) in [(3, 4), (3, 2_000), (2_000, 3), (300, 2_000), (200, 200)] {
            let mut merged = up_to(one);
            merged.merge(&up_to(other));
            let mut together = up_to(one);
            (1..=other).for_each(|millis| together.add(millis * MILLI, 1));
            assert_eq!(merged.finish(), together.finish(), "{one} and {other}");
            assert_eq!(merged.distribution(), together.distribution(), "{one} and {other}");
        }
    }

    #[test]
    fn a_distribution_has_every_value_once() {
        for most in [10, 5_000] {
            let own = up_to(most).distribution();
            assert_eq!(own.buckets.iter().map(|(_, count)| count).sum::<u64>(), most);
            assert!(own.buckets.is_sorted() && own.buckets.len() < 1_000, "{own:?}");
            let last = own.buckets.last().unwrap().0 as f64;
            assert!((last / (most * MILLI) as f64 - 1.0).abs() < 0.01, "{last}");
        }
    }
}
