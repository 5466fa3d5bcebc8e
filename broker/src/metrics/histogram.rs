//! How often values came that are at most so large.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of values by size. The library's own takes a lock for each value.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// The greatest value of each bucket but the last, which has no bound.
    bounds: &'static [u64],
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram has counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    /// By bucket, its greatest value and how many came; the last is infinity.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// How many came.
    pub(crate) count: u64,
    /// All of them together.
    pub(crate) sum: f64,
}

impl Histogram {
    /// One with these bounds, which ascend.
    pub(crate) fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    pub(crate) fn note(&self, value: u64) {
        let bucket = self.bounds.partition_point(|&bound| bound < value);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// What it has counted, in units of `scale` values.
    #[expect(clippy::cast_precision_loss, reason = "figures for people, exact up to 2^53")]
    pub(crate) fn counted(&self, scale: f64) -> Counted {
        let bounds = self.bounds.iter().map(|&bound| bound as f64 / scale).chain([f64::INFINITY]);
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<_> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        Counted { buckets, count, sum: self.sum.load(Ordering::Relaxed) as f64 / scale }
    }
}

impl Counted {
    /// With what another histogram of the same bounds has counted.
    pub(crate) fn and(mut self, other: Self) -> Self {
        for ((_, count), (_, more)) in self.buckets.iter_mut().zip(other.buckets) {
            *count += more;
        }
        self.count += other.count;
        self.sum += other.sum;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_where_it_is_at_most_the_bound() {
        let histogram = Histogram::new(&[10, 20]);
        for value in [0, 10, 11, 20, 21, 1000] {
            histogram.note(value);
        }
        let counted = histogram.counted(10.0);
        assert_eq!(counted.buckets, [(1.0, 2), (2.0, 2), (f64::INFINITY, 2)]);
        assert_eq!((counted.count, counted.sum), (6, 106.2));
        let both = counted.clone().and(counted);
        assert_eq!(both.buckets, [(1.0, 4), (2.0, 4), (f64::INFINITY, 4)]);
        assert_eq!((both.count, both.sum), (12, 212.4));
    }
}
