//! Values of a figure over several runs, and what is said of them.

use schemars::JsonSchema;
use serde::Serialize;

/// The values of a figure over several runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Sample {
    /// How many values there are, at least one.
    pub runs: u64,
    /// Half of them are at most this.
    pub median: f64,
    /// A quarter of them are.
    pub first_quartile: f64,
    /// Three quarters of them are.
    pub third_quartile: f64,
}

impl Sample {
    /// None of no values. A quartile between two values is on the line between them.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().checked_sub(1)?;
        let at = |quarters: usize| {
            let (place, rest) = (last * quarters / 4, last * quarters % 4);
            let next = sorted[(place + 1).min(last)];
            sorted[place] + (next - sorted[place]) * rest as f64 / 4.0
        };
        Some(Self {
            runs: values.len() as u64,
            median: at(2),
            first_quartile: at(1),
            third_quartile: at(3),
        })
    }

    /// The interquartile range by the median: 0.03 where half of the runs are within 3 %.
    #[must_use]
    pub fn noise(&self) -> f64 {
        if self.median == 0.0 {
            0.0
        } else {
            (self.third_quartile - self.first_quartile) / self.median
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Sample;

    #[test]
    fn quartiles_are_on_the_line_between_values() {
        let of = |values: &[f64]| {
            let sample = Sample::of(values).unwrap();
            [sample.first_quartile, sample.median, sample.third_quartile]
        };
        assert_eq!(of(&[5.0]), [5.0; 3]);
        assert_eq!(of(&[4.0, 2.0]), [2.5, 3.0, 3.5]);
        assert_eq!(of(&[5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
        assert_eq!(of(&[1.0, 2.0, 3.0, 4.0]), [1.75, 2.5, 3.25]);
        assert_eq!(Sample::of(&[]), None);
        assert_eq!(Sample::of(&[90.0, 100.0, 110.0]).unwrap().noise(), 0.1);
    }
}
