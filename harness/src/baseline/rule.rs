//! When one state is worse than another: the rule, which is said beside every comparison.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::sample::Sample;

/// So many runs of each state are needed before anything is claimed.
pub const RUNS_MIN: u64 = 10;

/// So many are needed where the noise is above the difference that is looked for: of ten equal runs one noisy
/// figure in 25 would be called better or worse, of twenty one in 500.
pub const NOISY_RUNS_MIN: u64 = 20;

/// By how much medians differ before anything is claimed, where nobody says otherwise.
pub const BY: f64 = 0.1;

/// The greatest difference that may be asked for: eleven times as much.
pub const BY_MAX: f64 = 10.0;

/// What decides.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Rule {
    /// So many runs of each state.
    pub least_runs: u64,
    /// So many where the noise of one is above `by`.
    pub least_noisy_runs: u64,
    /// The greater median is more than so much above the lesser: 0.1 is 10 %.
    pub by: f64,
}

/// What a state is beside another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// No difference is shown.
    Same,
    /// It is shown to be better.
    Better,
    /// There are too few runs to claim anything, or too few for their noise.
    Unclear,
    /// It is shown to be worse.
    Worse,
}

/// Which of two values of a figure is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// The lesser, as of a latency.
    Less,
    /// The greater, as of a throughput.
    More,
}

impl Rule {
    /// The usual one.
    pub const USUAL: Self = Self { least_runs: RUNS_MIN, least_noisy_runs: NOISY_RUNS_MIN, by: BY };

    /// What the second is beside the first: worse or better where the medians of enough runs differ by
    /// more than the rule says, and the interquartile ranges do not meet.
    #[must_use]
    pub fn judge(self, before: &Sample, after: &Sample, good: Good) -> Outcome {
        let is_noisy = before.noise().max(after.noise()) > self.by;
        let needed = if is_noisy { self.least_noisy_runs } else { self.least_runs };
        if before.runs.min(after.runs) < needed {
            return Outcome::Unclear;
        }
        let (more, less) = match good {
            Good::Less => (Outcome::Worse, Outcome::Better),
            Good::More => (Outcome::Better, Outcome::Worse),
        };
        if self.is_above(after, before) {
            more
        } else if self.is_above(before, after) {
            less
        } else {
            Outcome::Same
        }
    }

    fn is_above(self, one: &Sample, other: &Sample) -> bool {
        one.median > other.median * (1.0 + self.by) && one.first_quartile > other.third_quartile
    }
}

/// As a sentence.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "worse or better: the medians of at least {} runs each, or {} where the noise is above \
             {by} %, differ by more than {by} %, and the interquartile ranges do not meet; noise: the \
             interquartile range by the median",
            self.least_runs,
            self.least_noisy_runs,
            by = self.by * 100.0
        )
    }
}

impl Outcome {
    /// A word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Better => "better",
            Self::Unclear => "unclear",
            Self::Worse => "worse",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Purpose, between, generator};
    use rand_pcg::Pcg64Mcg;

    /// So many values around 1 by `noise`, and now and then one that is far out, as machines have them.
    fn values(chance: &mut Pcg64Mcg, runs: usize, noise: f64, times: f64) -> Sample {
        let mut values = Vec::with_capacity(runs);
        for _ in 0..runs {
            // The sum of twelve is normal enough.
            let normal: f64 = (0..12).map(|_| unit(chance)).sum::<f64>() - 6.0;
            let outlier = if unit(chance) < 0.05 { 1.5 } else { 1.0 };
            values.push(times * (1.0 + noise * normal).max(0.1) * outlier);
        }
        Sample::of(&values).unwrap()
    }

    fn unit(chance: &mut Pcg64Mcg) -> f64 {
        f64::from(between(chance, 0, 999_999)) / 1e6
    }

    /// How often each outcome came of 2,000 comparisons.
    fn outcomes(runs: usize, noise: f64, times: f64, good: Good) -> [u32; 4] {
        let mut counts = [0; 4];
        for seed in 0..2_000 {
            let mut chance = generator(seed, Purpose::Payloads, 0);
            let before = values(&mut chance, runs, noise, 1.0);
            let after = values(&mut chance, runs, noise, times);
            counts[Rule::USUAL.judge(&before, &after, good) as usize] += 1;
        }
        counts
    }

    #[test]
    fn equal_states_are_the_same_however_noisy() {
        for noise in [0.02, 0.05, 0.1, 0.2, 0.3] {
            let [same, better, unclear, worse] = outcomes(20, noise, 1.0, Good::Less);
            assert_eq!(unclear, 0);
            assert!(better + worse <= 10, "noise {noise}: {better} better and {worse} worse");
            assert_eq!(same, 2_000 - better - worse);
        }
    }

    #[test]
    fn a_fifth_more_is_worse_and_a_fifth_less_is_better() {
        for (times, good, place) in [
            (1.2, Good::Less, Outcome::Worse),
            (1.2, Good::More, Outcome::Better),
            (1.0 / 1.2, Good::More, Outcome::Worse),
            (1.0 / 1.2, Good::Less, Outcome::Better),
        ] {
            let counts = outcomes(20, 0.04, times, good);
            assert!(counts[place as usize] >= 1_990, "{times} {good:?}: {counts:?}");
        }
    }

    #[test]
    fn a_twentieth_is_not_claimed_and_neither_is_anything_of_few_runs() {
        assert_eq!(outcomes(20, 0.02, 1.05, Good::Less)[Outcome::Same as usize], 2_000);
        assert_eq!(outcomes(9, 0.02, 3.0, Good::Less)[Outcome::Unclear as usize], 2_000);
        let sample =
            |runs, median| Sample { runs, median, first_quartile: median, third_quartile: median };
        let judge =
            |one, other| Rule::USUAL.judge(&sample(one, 1.0), &sample(other, 3.0), Good::Less);
        let noisy = |runs| {
            let wide = |sample: Sample| Sample { third_quartile: sample.median * 1.11, ..sample };
            let (one, other) = (wide(sample(runs, 1.0)), sample(runs, 3.0));
            Rule::USUAL.judge(&one, &other, Good::Less)
        };
        assert_eq!((noisy(19), noisy(20)), (Outcome::Unclear, Outcome::Worse));
        assert_eq!((judge(9, 1000), judge(1000, 9)), (Outcome::Unclear, Outcome::Unclear));
        assert_eq!(judge(10, 10), Outcome::Worse);
    }
}
