//! What is found in logs, and the verdict that follows from it.

use std::collections::BTreeMap;

use super::explain::BUDGET;
use super::{Feed, Reading, Sent};
use crate::check::tally::{self, Instance, Promise, Tally};
use crate::check::{Finding, Judgement, Kind, Proof, Verdict};
use crate::input::names;
use crate::plan::{Plan, TopicIndex};

/// What is found along the way.
pub(super) struct Found {
    tallies: BTreeMap<(Kind, u8), Tally>,
    pub(super) doubts: Vec<String>,
    /// Topic, the number of a consumer, and what can be said of its order.
    notes: Vec<(TopicIndex, u32, String)>,
    /// What is left of the work that all searches for interleavings may do together.
    pub(super) budget: u64,
}

impl Default for Found {
    fn default() -> Self {
        Self { tallies: BTreeMap::new(), doubts: Vec::new(), notes: Vec::new(), budget: BUDGET }
    }
}

impl Found {
    pub(super) fn add(&mut self, kind: Kind, promise: Promise, count: u64, instance: Instance) {
        let key = (kind, promise as u8);
        let tally = self.tallies.entry(key).or_insert_with(|| Tally::new(kind, promise));
        tally.add_many(count, || instance);
    }

    pub(super) fn note(&mut self, sent: &Sent<'_>, feed: &Feed<'_>, words: String) {
        self.notes.push((sent.topic, feed.number, words));
    }

    pub(super) fn conclude(mut self, plan: &Plan) -> Reading {
        self.doubts.extend(tally::missed(plan.scenario.expect, self.tallies.values()));
        let sorted = |made: bool| {
            let own = self.tallies.values();
            let own = own.filter(move |tally| tally.breaks(plan.scenario.expect) == made);
            own.map(finding).collect::<Vec<_>>()
        };
        let (violations, allowed) = (sorted(true), sorted(false));
        let verdict = if !violations.is_empty() {
            Verdict::Fail
        } else if !self.doubts.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Pass
        };
        let judgement = Judgement { verdict, violations, allowed, doubts: self.doubts };
        Reading { judgement, notes: notes(plan, &self.notes) }
    }
}

/// A line a topic; consumers of whom the same can be said are named together.
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

fn finding(tally: &Tally) -> Finding {
    let proof = |instance: &Instance| Proof {
        topic: instance.topic,
        consumer: instance.consumer,
        messages: instance.messages.clone(),
        title: instance.title.clone(),
        evidence: instance.evidence.clone(),
        blames: None,
    };
    Finding {
        kind: tally.kind,
        count: tally.count,
        possible: tally.possible,
        blames: None,
        proofs: tally.instances.iter().map(proof).collect(),
    }
}
