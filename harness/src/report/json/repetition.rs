//! How the runs of a scenario ended of which there were many, as the JSON report has it: the same for
//! seeds and for repetitions.

use serde::Serialize;

use crate::report::tally::{Of, Tally};

/// All runs of one scenario on one broker.
#[derive(Serialize)]
pub(super) struct Repetition<'a> {
    scenario: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<&'a str>,
    /// What the numbers in `failing` and `undecided` are: `seeds`, or `runs` from 1.
    of: &'static str,
    /// Whether the same run passed and failed.
    flaky: bool,
    /// All in a sentence.
    answer: String,
    /// How many were asked for, where a number was.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<u64>,
    tried: u64,
    passed: u64,
    failed: usize,
    no_verdict: usize,
    interrupted: u64,
    failing: &'a [u64],
    undecided: &'a [u64],
}

impl<'a> Repetition<'a> {
    pub(super) fn new((scenario, on, tally): (&'a str, Option<&'a str>, &'a Tally)) -> Self {
        let (of, asked) = match tally.of {
            Of::Seeds { first, last } => ("seeds", Some((last - first).saturating_add(1))),
            Of::Runs { asked } => ("runs", asked),
        };
        Self {
            scenario,
            on,
            of,
            flaky: tally.is_flaky(),
            answer: tally.to_string(),
            asked,
            tried: tally.tried(),
            passed: tally.passed,
            failed: tally.failing.len(),
            no_verdict: tally.undecided.len(),
            interrupted: tally.interrupted,
            failing: &tally.failing,
            undecided: &tally.undecided,
        }
    }
}
