//! How the time of a run is cut into buckets.

use std::time::Duration;

use crate::history::Nanos;

/// At most so many buckets, whatever the run's length.
pub const BUCKETS_MAX: usize = 100;

/// How the time of a run is cut into buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    width: Nanos,
    /// How many buckets there are, at least 1.
    pub(super) buckets: usize,
}

impl Scale {
    /// How long a bucket is.
    pub(super) const fn width(self) -> Duration {
        Duration::from_nanos(self.width)
    }

    /// For a run that lasts so long: a bucket is 1, 2 or 5 of some decimal unit.
    pub(super) fn of(active: Nanos) -> Self {
        let least = active.div_ceil(BUCKETS_MAX as u64).max(1);
        let mut unit: Nanos = 1;
        let width = loop {
            let fits = [1, 2, 5].map(|times| unit.saturating_mul(times));
            match fits.into_iter().find(|width| *width >= least) {
                Some(width) => break width,
                None => unit = unit.saturating_mul(10),
            }
        };
        let buckets = usize::try_from(active.div_ceil(width)).unwrap_or(BUCKETS_MAX).max(1);
        Self { width, buckets }
    }

    /// The bucket of a moment; the end of the run is in the last one.
    pub(super) fn place(self, at: Nanos) -> usize {
        let place = usize::try_from(at / self.width).unwrap_or(usize::MAX);
        place.min(self.buckets - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_any_length_has_at_most_a_hundred_buckets_of_a_round_width() {
        for (active, width, buckets) in [
            (0, 1, 1),
            (1, 1, 1),
            (100, 1, 100),
            (101, 2, 51),
            (1_000_000_000, 10_000_000, 100),
            (1_000_000_001, 20_000_000, 51),
            (86_400_000_000_000, 1_000_000_000_000, 87),
            (u64::MAX, 200_000_000_000_000_000, 93),
        ] {
            let scale = Scale::of(active);
            assert_eq!((scale.width, scale.buckets), (width, buckets), "{active}");
            assert_eq!(scale.place(active), buckets - 1, "{active}");
        }
        let scale = Scale::of(1_000_000_000);
        assert_eq!([0, 9_999_999, 10_000_000].map(|at| scale.place(at)), [0, 0, 1]);
    }
}
