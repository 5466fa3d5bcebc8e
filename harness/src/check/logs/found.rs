//! What is found in logs, and the verdict that follows from it.

use std::collections::BTreeMap;

use super::explain::BUDGET;
use super::feed::Feed;
use super::sent::Sent;
use crate::check::anomaly::Anomaly;
use crate::check::judgement::Judgement;
use crate::check::keep::Keep;
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
    /// By topic: what can be said of its order, and of the logs of which consumers.
    notes: BTreeMap<TopicIndex, Vec<(String, Vec<u32>)>>,
    /// What is left of the work that all searches for interleavings may do together.
    pub(super) budget: u64,
}

impl Default for Found {
    fn default() -> Self {
        Self { outcome: CheckOutcome::default(), notes: BTreeMap::new(), budget: BUDGET }
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
        self.outcome.finding(promise, kind, Keep::First).add_many(count, anomaly);
    }

    pub(super) fn mark_inconclusive(&mut self, why: String) {
        self.outcome.inconclusive.push(why);
    }

    pub(super) fn note(&mut self, sent: &Sent<'_>, feed: &Feed<'_>, words: String) {
        let notes = self.notes.entry(sent.topic).or_default();
        match notes.iter_mut().find(|(known, _)| *known == words) {
            Some((_, consumers)) => consumers.push(feed.number),
            None => notes.push((words, vec![feed.number])),
        }
    }

    pub(super) fn conclude(self, plan: &Plan) -> Reading {
        let part = |(what, consumers): &(String, Vec<u32>)| {
            format!("of {}: {what}", names::list(names::Kind::Consumer, consumers))
        };
        let line = |(topic, notes): (TopicIndex, Vec<(String, Vec<u32>)>)| {
            let parts: Vec<String> = notes.iter().map(part).collect();
            format!("{} {}", plan.topics[topic.place()].name, parts.join("; "))
        };
        let notes = self.notes.into_iter().map(line).collect();
        Reading { judgement: self.outcome.conclude(&plan.scenario.expect), notes }
    }
}
