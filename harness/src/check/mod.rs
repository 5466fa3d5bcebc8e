//! The checks: from plan and history, and nothing else, to a verdict with its proofs.
//!
//! A rule is one file of this folder and one line of [`CHECKS`]; its file defines the anomaly in
//! plain words. Every rule is linear in the number of events and compares stamps, never times.
//! What all rules share is worked out once, in [`facts`]: which request each message went out in,
//! and how each delivery stands, so that one fault is reported as one kind and not as three.

mod blame;
mod corrupted;
mod divergent;
mod doubts;
mod duplicate;
mod facts;
pub mod logs;
mod lost;
mod misplaced;
mod proof;
mod reordered;
mod stale_ack;
mod tally;
pub mod unlogged;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::history::History;
use crate::plan::{ConsumerIndex, MessageId, Plan, TopicIndex};

pub use crate::scenario::Anomaly as Kind;

pub use blame::Blames;

use facts::Facts;
use tally::{Opinion, Tally};

/// The answer to the one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every acknowledged message reached every consumer entitled to it, as promised.
    Pass,
    /// At least one promise is proven broken.
    Fail,
    /// Nothing is proven broken, and something keeps it from being proven kept.
    Unknown,
}

/// What the checks conclude.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Fail beats unknown beats pass.
    pub verdict: Verdict,
    /// What breaks a promise: one entry a kind that was found, in the order of [`Kind::ALL`].
    pub violations: Vec<Finding>,
    /// What was found and `expect` allows.
    pub allowed: Vec<Finding>,
    /// Why there is no verdict, a sentence each; empty on a plain pass.
    pub doubts: Vec<String>,
}

impl Judgement {
    /// What was found of a kind, be it a violation or allowed.
    pub fn found(&self, kind: Kind) -> impl Iterator<Item = &Finding> {
        let all = self.violations.iter().chain(&self.allowed);
        all.filter(move |finding| finding.kind == kind)
    }

    /// Adds a reason why there is no verdict; what was proven stays proven.
    pub fn doubt(&mut self, why: String) {
        self.doubts.insert(0, why);
        if self.verdict == Verdict::Pass {
            self.verdict = Verdict::Unknown;
        }
    }
}

/// All anomalies of one kind.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Of this kind.
    pub kind: Kind,
    /// How many there are, counted exactly: one a message and consumer, or as the kind's check
    /// documents.
    pub count: u64,
    /// How many more there may be, where an outcome is unknown: `count` to `count + possible`.
    pub possible: u64,
    /// Whom they are blamed on, where an audit reader looked into the logs; for [`Kind::Lost`] only.
    pub blames: Option<Blames>,
    /// The first of them with their proofs, at most [`PROOFS_MAX`].
    pub proofs: Vec<Proof>,
}

/// So many anomalies of a kind are shown with their proofs; the rest are counted.
pub const PROOFS_MAX: usize = 10;

/// One proven anomaly (or a run of neighbouring ones, such as a lost range).
#[derive(Clone, Debug)]
pub struct Proof {
    /// Where.
    pub topic: TopicIndex,
    /// To whom, where it is one consumer's.
    pub consumer: Option<ConsumerIndex>,
    /// The messages that it is about; empty for a phantom.
    pub messages: Vec<MessageId>,
    /// One line: `C1 never got P4#17 (T2 number 17, producer_4.txt:17)`.
    pub title: String,
    /// What was seen: invoked and acked when, at which offset, what each consumer saw around it.
    pub evidence: Vec<String>,
    /// Whom it is blamed on, where an audit reader looked into the logs.
    pub blames: Option<Blames>,
}

/// One line of the table: what to call a check in a report of its crash, and the check.
type Check = (&'static str, fn(&Facts<'_>) -> Opinion);

/// Every check. A new one is a file beside this one and a line here.
const CHECKS: &[Check] = &[
    ("doubts", doubts::check),
    ("lost", lost::check),
    ("duplicate", duplicate::check),
    ("reordered", reordered::check),
    ("divergent", divergent::check),
    ("phantom, misrouted, resurrected and early", misplaced::check),
    ("corrupted", corrupted::check),
    ("stale ack", stale_ack::check),
];

/// Judges a run: what its history proves against its plan.
///
/// A check that panics leaves no verdict, unless another one proves a violation; it never passes.
#[must_use]
pub fn judge(plan: &Plan, history: &History) -> Judgement {
    judge_by(CHECKS, plan, history)
}

fn judge_by(checks: &[Check], plan: &Plan, history: &History) -> Judgement {
    let mut tallies = Vec::new();
    let mut doubts = Vec::new();
    match guarded(|| Facts::new(plan, history)) {
        Err(words) => doubts.push(format!("the history cannot be judged: {words}")),
        Ok(facts) => {
            for (name, check) in checks {
                match guarded(|| check(&facts)) {
                    Ok(opinion) => {
                        tallies.extend(opinion.tallies);
                        doubts.extend(opinion.doubts);
                    }
                    Err(words) => doubts.push(format!("the check of {name} crashed: {words}")),
                }
            }
            doubts.extend(tally::missed(plan.scenario.expect, tallies.iter()));
            return conclude(&tallies, doubts, |tallies| {
                guarded(|| proof::findings(&facts, tallies))
            });
        }
    }
    conclude(&tallies, doubts, |_| Ok((Vec::new(), Vec::new())))
}

/// Sorts what was found into violations and what is allowed, and says the verdict.
fn conclude(
    tallies: &[Tally],
    mut doubts: Vec<String>,
    findings: impl FnOnce(&[Tally]) -> Result<(Vec<Finding>, Vec<Finding>), String>,
) -> Judgement {
    let (violations, allowed) = match findings(tallies) {
        Ok(sorted) => sorted,
        Err(words) => {
            doubts.push(format!("what was found cannot be shown: {words}"));
            (tally::bare(tallies), Vec::new())
        }
    };
    let verdict = if !violations.is_empty() {
        Verdict::Fail
    } else if !doubts.is_empty() {
        Verdict::Unknown
    } else {
        Verdict::Pass
    };
    Judgement { verdict, violations, allowed, doubts }
}

/// Runs `work`; a panic becomes its words.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        words.unwrap_or("it gave no reason").to_owned()
    })
}
