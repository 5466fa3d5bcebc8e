//! How the runs of one scenario with many seeds ended.

use std::fmt;

use super::words::{count, number};
use crate::exit::Exit;

/// So many seeds are named for people; the JSON report has all.
const NAMED_MAX: usize = 20;

/// How a scenario's runs with many seeds ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// The first seed that was asked for.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Runs that passed.
    pub passed: u64,
    /// The seeds of those that failed, the least first.
    pub failing: Vec<u64>,
    /// The seeds of those without a verdict, the least first.
    pub undecided: Vec<u64>,
    /// Runs that were interrupted.
    pub interrupted: u64,
    /// Whether the user ended it before all was done.
    pub is_interrupted: bool,
    /// Whether seeds are left that nothing was to keep from being tried.
    pub is_incomplete: bool,
}

impl Sweep {
    /// How many runs there were.
    #[must_use]
    pub fn tried(&self) -> u64 {
        let ended = self.failing.len() + self.undecided.len();
        self.passed + ended as u64 + self.interrupted
    }

    /// What the sweep alone would end the process with: the gravest of its runs.
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

    /// The seeds that did not pass, for people: `failing seeds 3, 17 and 4 more`; nothing where all
    /// passed.
    #[must_use]
    pub fn named(&self) -> Option<String> {
        let parts: Vec<_> = [("failing", &self.failing), ("undecided", &self.undecided)]
            .into_iter()
            .filter(|(_, seeds)| !seeds.is_empty())
            .map(|(word, seeds)| {
                let shown: Vec<_> = seeds.iter().take(NAMED_MAX).map(ToString::to_string).collect();
                let rest = match seeds.len().checked_sub(NAMED_MAX) {
                    Some(rest @ 1..) => format!(" and {} more", number(rest as u64)),
                    _ => String::new(),
                };
                let noun = if seeds.len() == 1 { "seed" } else { "seeds" };
                format!("{word} {noun} {}{rest}", shown.join(", "))
            })
            .collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

/// `1,000 seeds of 1..1000: 998 passed, 2 failed`.
impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}..{}", count(self.tried(), "seed"), self.first, self.last)?;
        let mut before = ": ";
        for (count, words) in [
            (self.passed, "passed"),
            (self.failing.len() as u64, "failed"),
            (self.undecided.len() as u64, "without a verdict"),
            (self.interrupted, "interrupted"),
        ] {
            if count > 0 {
                write!(f, "{before}{} {words}", number(count))?;
                before = ", ";
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
        let passed = Sweep { first: 1, last: 9, passed: 9, ..Sweep::default() };
        assert_eq!((passed.exit(), passed.named()), (Exit::Passed, None));
        assert_eq!(passed.to_string(), "9 seeds of 1..9: 9 passed");
        let undecided = Sweep { undecided: vec![4], ..passed.clone() };
        assert_eq!(undecided.exit(), Exit::NoVerdict);
        let failed = Sweep { failing: (10..35).collect(), ..undecided };
        assert_eq!(failed.exit(), Exit::Failed);
        let shown: Vec<_> = (10..30).map(|seed: u64| seed.to_string()).collect();
        let named = format!("failing seeds {} and 5 more; undecided seed 4", shown.join(", "));
        assert_eq!(failed.named().unwrap(), named);
        assert_eq!(Sweep { is_interrupted: true, ..failed }.exit(), Exit::Interrupted);
        assert_eq!(Sweep { is_incomplete: true, ..passed }.exit(), Exit::NoVerdict);
    }
}
