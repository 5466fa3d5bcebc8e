//! What is found in logs, and the verdict that follows from it.

use super::explain::BUDGET;
use super::feed::Feed;
use super::sent::Sent;
use crate::check::anomaly::Anomaly;
use crate::check::judgement::Judgement;
use crate::check::outcome::{CheckOutcome, Promise};
use crate::input::names;
use crate::plan::{Plan, TopicIndex};
use crate::scenario::AnomalyKind;

/// What logs say: the verdict, and what is known beside it.
#[derive(Debug)]
pub struct Reading {
    /// Violations, why there may be no verdict, and the verdict.
    pub judgement: Judgement,
    /// A line a topic: what can be said of its order, in order or not refuted.
    pub notes: Vec<String>,
}

/// What is found along the way.
pub(super) struct Found {
    outcome: CheckOutcome,
    /// Topic, the number of a consumer, and what can be said of its order.
    notes: Vec<(TopicIndex, u32, String)>,
    /// What is left of the work that all searches for interleavings may do together.
    pub(super) budget: u64,
}

impl Default for Found {
    fn default() -> Self {
        Self { outcome: CheckOutcome::default(), notes: Vec::new(), budget: BUDGET }
    }
}

impl Found {
    /// Counts so many anomalies that are shown as one.
    pub(super) fn add(
        &mut self,
        kind: AnomalyKind,
        promise: Promise,
        count: u64,
        anomaly: impl FnOnce() -> Anomaly,
    ) {
        self.outcome.finding(promise, kind).add_many(count, anomaly);
    }

    pub(super) fn mark_inconclusive(&mut self, why: String) {
        self.outcome.inconclusive.push(why);
    }

    pub(super) fn note(&mut self, sent: &Sent<'_>, feed: &Feed<'_>, words: String) {
        self.notes.push((sent.topic, feed.number, words));
    }

    pub(super) fn conclude(self, plan: &Plan) -> Reading {
        let judgement = self.outcome.conclude(&plan.scenario.expect);
        Reading { judgement, notes: notes(plan, &self.notes) }
    }
}

/// A line a topic; consumers of which the same can be said are named together.
fn notes(plan: &Plan, notes: &[(TopicIndex, u32, String)]) -> Vec<String> {
    let line = |own: &[(TopicIndex, u32, String)]| {
        let mut groups: Vec<(&str, Vec<u32>)> = Vec::new();
        for (_, consumer, what) in own {
            match groups.iter_mut().find(|(known, _)| known == what) {
                Some((_, consumers)) => consumers.push(*consumer),
                None => groups.push((what, vec![*consumer])),
            }
        }
        let part = |(what, consumers): &(&str, Vec<u32>)| {
            format!("of {}: {what}", names::list(names::Kind::Consumer, consumers))
        };
        let parts: Vec<String> = groups.iter().map(part).collect();
        format!("{} {}", plan.topics[own[0].0.place()].name, parts.join("; "))
    };
    notes.chunk_by(|one, other| one.0 == other.0).map(line).collect()
}
