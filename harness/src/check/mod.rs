//! The checks: from plan and history, and nothing else, to a verdict with its proofs.
//!
//! A rule is one file of this folder and one line of [`CHECKS`]; its file defines the anomaly in
//! plain words. Every rule is linear in the number of events and compares stamps, never times.
//! What all rules share is worked out once, in [`mod@facts`]: which request each message went out in,
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
mod keep;
pub mod logs;
mod lost;
mod misplaced;
mod on_disk;
mod outcome;
mod reordered;
mod stale_ack;
mod standing;
pub mod unlogged;
mod words;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::history::History;
use crate::plan::{ConsumerIndex, MessageId, Plan};

pub use anomaly::{Anomaly, Blames, Origin, Traces};
pub use finding::Finding;
pub use judgement::{Judgement, Verdict, is_vacuous};
pub use keep::{Keep, PROOFS_MAX};
pub use standing::{Came, Due, Standing};
pub(crate) use words::{clip, time};

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

/// All that the checks say of one message, and how it stands with each consumer. The judgement is that of
/// the whole run, but its proofs are those that the message is part of.
#[must_use]
pub fn about(plan: &Plan, history: &History, message: MessageId) -> (Judgement, Vec<Standing>) {
    match facts(plan, history, Keep::OfMessage(message)) {
        Ok(facts) => (checked(CHECKS, &facts), standing::of(&facts, message)),
        Err(judgement) => (judgement, Vec::new()),
    }
}

/// All that the checks say of one delivery that no message explains, by its place among the consumer's.
#[must_use]
pub fn about_delivery(
    plan: &Plan,
    history: &History,
    consumer: ConsumerIndex,
    place: usize,
) -> Judgement {
    match facts(plan, history, Keep::OfDelivery(consumer, place)) {
        Ok(facts) => checked(CHECKS, &facts),
        Err(judgement) => judgement,
    }
}

fn judge_by(checks: &[Check], plan: &Plan, history: &History) -> Judgement {
    let facts = match facts(plan, history, Keep::First) {
        Ok(facts) => facts,
        Err(judgement) => return judgement,
    };
    let mut judgement = checked(checks, &facts);
    if let Err(words) = guarded(|| evidence::add(&facts, &mut judgement)) {
        judgement.mark_inconclusive(format!("what was found cannot be shown: {words}"));
    }
    judgement
}

/// What all checks read; or the judgement, where there is no reading the history.
fn facts<'a>(plan: &'a Plan, history: &'a History, keep: Keep) -> Result<Facts<'a>, Judgement> {
    guarded(|| Facts { keep, ..Facts::new(plan, history) }).map_err(|words| {
        let why = format!("the history cannot be judged: {words}");
        let (violations, allowed) = (Vec::new(), Vec::new());
        Judgement { verdict: Verdict::Unknown, violations, allowed, inconclusive: vec![why] }
    })
}

/// What the checks conclude, without what was seen of it.
fn checked(checks: &[Check], facts: &Facts<'_>) -> Judgement {
    let mut all = CheckOutcome::default();
    for (name, check) in checks {
        match guarded(|| check(facts)) {
            Ok(outcome) => all.extend(outcome),
            Err(words) => all.inconclusive.push(format!("the check of {name} crashed: {words}")),
        }
    }
    all.conclude(&facts.plan.scenario.expect)
}

/// Runs `work`; a panic becomes its words.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
        words.unwrap_or("it gave no reason").to_owned()
    })
}
