//! How many runs of one scenario ended: with many seeds, or the same run again and again.

use std::fmt;

use super::words::{count, number};
use crate::exit::Exit;

/// So many runs are named for people; the JSON report has all.
const NAMED_MAX: usize = 20;

/// In what the runs of a scenario differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Each has its seed: one seed is one exact run.
    Seeds {
        /// The first seed that was asked for.
        first: u64,
        /// The last one.
        last: u64,
    },
    /// In nothing: they are numbered from 1.
    Runs {
        /// So many were asked for, where a number was.
        asked: Option<u64>,
    },
}

/// How the runs of a scenario ended. They go by their seeds, or by their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// What they are.
    pub of: Of,
    /// Runs that passed.
    pub passed: u64,
    /// Those that failed, the least first.
    pub failing: Vec<u64>,
    /// Those without a verdict, the least first.
    pub undecided: Vec<u64>,
    /// Runs that were interrupted.
    pub interrupted: u64,
    /// Whether the user ended it before all was done.
    pub is_interrupted: bool,
    /// Whether seeds are left that nothing was to keep from being tried.
    pub is_incomplete: bool,
}

impl Of {
    /// What one of them is called.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Seeds { .. } => "seed",
            Self::Runs { .. } => "run",
        }
    }
}

impl Tally {
    /// Of runs that have not begun.
    #[must_use]
    pub const fn new(of: Of) -> Self {
        Self {
            of,
            passed: 0,
            failing: Vec::new(),
            undecided: Vec::new(),
            interrupted: 0,
            is_interrupted: false,
            is_incomplete: false,
        }
    }

    /// Counts a run, by its seed or its number.
    pub fn add(&mut self, run: u64, exit: Exit) {
        // In order, whichever thread was quicker.
        let insert = |runs: &mut Vec<u64>| runs.insert(runs.partition_point(|own| *own < run), run);
        match exit {
            Exit::Passed => self.passed += 1,
            Exit::Interrupted => self.interrupted += 1,
            Exit::NoVerdict | Exit::NothingSelected => insert(&mut self.undecided),
            Exit::Failed | Exit::Usage => insert(&mut self.failing),
        }
    }

    /// How many runs there were.
    #[must_use]
    pub fn tried(&self) -> u64 {
        self.passed + self.without_pass() + self.interrupted
    }

    /// How many of them failed or have no verdict.
    #[must_use]
    pub fn without_pass(&self) -> u64 {
        (self.failing.len() + self.undecided.len()) as u64
    }

    /// How many of the runs that were asked for have not begun.
    #[must_use]
    pub fn not_begun(&self) -> u64 {
        match self.of {
            Of::Runs { asked: Some(asked) } => asked.saturating_sub(self.tried()),
            Of::Runs { asked: None } | Of::Seeds { .. } => 0,
        }
    }

    /// Whether the same run both passed and failed. Seeds are not the same run.
    #[must_use]
    pub fn is_flaky(&self) -> bool {
        matches!(self.of, Of::Runs { .. }) && self.passed > 0 && !self.failing.is_empty()
    }

    /// What the runs alone would end the process with: the gravest of them.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if self.is_interrupted || self.interrupted > 0 {
            Exit::Interrupted
        } else if !self.failing.is_empty() {
            Exit::Failed
        } else if !self.undecided.is_empty() || self.is_incomplete {
            Exit::NoVerdict
        } else {
            Exit::Passed
        }
    }

    /// The runs that did not pass, for people: `failing seeds 3, 17 and 4 more`; nothing where all
    /// passed.
    #[must_use]
    pub fn named(&self) -> Option<String> {
        let noun = self.of.noun();
        let parts: Vec<_> = [("failing", &self.failing), ("undecided", &self.undecided)]
            .into_iter()
            .filter(|(_, runs)| !runs.is_empty())
            .map(|(word, runs)| {
                let shown: Vec<_> = runs.iter().take(NAMED_MAX).map(ToString::to_string).collect();
                let rest = match runs.len().checked_sub(NAMED_MAX) {
                    Some(rest @ 1..) => format!(" and {} more", number(rest as u64)),
                    _ => String::new(),
                };
                let plural = if runs.len() == 1 { "" } else { "s" };
                format!("{word} {noun}{plural} {}{rest}", shown.join(", "))
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// `998 of 1,000 seeds of 1..1000 passed, 2 failed`; `47 of 50 runs passed, 3 failed`.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", number(self.passed), count(self.tried(), self.of.noun()))?;
        if let Of::Seeds { first, last } = self.of {
            write!(f, " of {first}..{last}")?;
        }
        f.write_str(" passed")?;
        for (count, words) in [
            (self.failing.len() as u64, "failed"),
            (self.undecided.len() as u64, "without a verdict"),
            (self.interrupted, "interrupted"),
            (self.not_begun(), "not begun"),
        ] {
            if count > 0 {
                write!(f, ", {} {words}", number(count))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_run_decides_and_many_seeds_are_counted() {
        let passed = Tally { passed: 9, ..Tally::new(Of::Seeds { first: 1, last: 9 }) };
        assert_eq!((passed.exit(), passed.named()), (Exit::Passed, None));
        assert_eq!(passed.to_string(), "9 of 9 seeds of 1..9 passed");
        let undecided = Tally { undecided: vec![4], ..passed.clone() };
        assert_eq!(undecided.exit(), Exit::NoVerdict);
        let failed = Tally { failing: (10..35).collect(), ..undecided };
        assert_eq!(failed.exit(), Exit::Failed);
        assert!(!failed.is_flaky(), "another seed is another run");
        let shown: Vec<_> = (10..30).map(|seed: u64| seed.to_string()).collect();
        let named = format!("failing seeds {} and 5 more; undecided seed 4", shown.join(", "));
        assert_eq!(failed.named().unwrap(), named);
        assert_eq!(Tally { is_interrupted: true, ..failed }.exit(), Exit::Interrupted);
        assert_eq!(Tally { is_incomplete: true, ..passed }.exit(), Exit::NoVerdict);
    }

    #[test]
    fn the_same_run_that_passes_and_fails_is_flaky() {
        let check = |exits: &[Exit], is_flaky: bool, text: &str| {
            let mut tally = Tally::new(Of::Runs { asked: Some(4) });
            for (run, exit) in (1..).zip(exits) {
                tally.add(run, *exit);
            }
            assert_eq!((tally.is_flaky(), &*tally.to_string()), (is_flaky, text));
        };
        check(&[Exit::Passed; 4], false, "4 of 4 runs passed");
        check(&[Exit::Failed; 4], false, "0 of 4 runs passed, 4 failed");
        let once = [Exit::Passed, Exit::Passed, Exit::Failed];
        check(&once, true, "2 of 3 runs passed, 1 failed, 1 not begun");
        let unknown = [Exit::Passed, Exit::NoVerdict];
        check(&unknown, false, "1 of 2 runs passed, 1 without a verdict, 2 not begun");
        check(&[Exit::Passed], false, "1 of 1 run passed, 3 not begun");
    }

    #[test]
    fn runs_stand_in_order_however_they_end() {
        let mut tally = Tally::new(Of::Runs { asked: None });
        for run in [7, 3, 12, 5] {
            tally.add(run, Exit::Failed);
        }
        assert_eq!(tally.named().unwrap(), "failing runs 3, 5, 7, 12");
        assert_eq!(tally.to_string(), "0 of 4 runs passed, 4 failed");
    }
}
