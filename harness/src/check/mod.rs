//! The checks: from plan and history, and nothing else, to a verdict with its proofs.
//!
//! A rule is one file of this folder and one line of [`CHECKS`]; its file defines the anomaly in
//! plain words. Every rule is linear in the number of events and compares stamps, never times.
//! What all rules share is worked out once, in [`facts`]: which request each message went out in,
//! and how each delivery is classified, so that one fault is reported as one kind and not as three.

mod anomaly;
mod blame;
mod corrupted;
mod divergent;
mod duplicate;
mod evidence;
mod facts;
mod finding;
mod inconclusive;
mod judgement;
pub mod logs;
mod lost;
mod misplaced;
mod on_disk;
mod outcome;
mod reordered;
mod stale_ack;
pub mod unlogged;
mod words;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::history::History;
use crate::plan::Plan;

pub use anomaly::{Anomaly, Blames, Origin, Traces};
pub use finding::{Finding, PROOFS_MAX};
pub use judgement::{Judgement, Verdict, is_vacuous};

use facts::Facts;
use outcome::CheckOutcome;

/// One line of the table: what to call a check in a report of its crash, and the check.
type Check = (&'static str, fn(&Facts<'_>) -> CheckOutcome);

/// Every check. A new one is a file beside this one and a line here.
const CHECKS: &[Check] = &[
    ("doubts", inconclusive::check),
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
    let facts = match guarded(|| Facts::new(plan, history)) {
        Ok(facts) => facts,
        Err(words) => {
            let why = format!("the history cannot be judged: {words}");
            let (violations, allowed) = (Vec::new(), Vec::new());
            return Judgement {
                verdict: Verdict::Unknown,
                violations,
                allowed,
                inconclusive: vec![why],
            };
        }
    };
    let mut all = CheckOutcome::default();
    for (name, check) in checks {
        match guarded(|| check(&facts)) {
            Ok(outcome) => all.extend(outcome),
            Err(words) => all.inconclusive.push(format!("the check of {name} crashed: {words}")),
        }
    }
    let mut judgement = all.conclude(&plan.scenario.expect);
    if let Err(words) = guarded(|| evidence::add(&facts, &mut judgement)) {
        judgement.mark_inconclusive(format!("what was found cannot be shown: {words}"));
    }
    judgement
}

/// Runs `work`; a panic becomes its words.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        words.unwrap_or("it gave no reason").to_owned()
    })
}
