//! What is found in logs, and the verdict that follows from it.

use std::collections::BTreeMap;

use super::Reading;
use super::explain::BUDGET;
use crate::check::tally::{Instance, Promise, Tally};
use crate::check::{Finding, Judgement, Kind, Proof, Verdict};
use crate::plan::Plan;

/// What is found along the way.
pub(super) struct Found {
    tallies: BTreeMap<(Kind, u8), Tally>,
    pub(super) doubts: Vec<String>,
    pub(super) notes: Vec<String>,
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

    pub(super) fn conclude(self, plan: &Plan) -> Reading {
        let sorted = |made: bool| {
            let own = self.tallies.values();
            let own = own.filter(move |tally| tally.promise.made(plan.scenario.expect) == made);
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
        Reading { judgement, notes: self.notes }
    }
}

pub(super) fn finding(tally: &Tally) -> Finding {
    let proof = |instance: &Instance| Proof {
        topic: instance.topic,
        consumer: instance.consumer,
        messages: instance.messages.clone(),
        title: instance.title.clone(),
        evidence: instance.evidence.clone(),
    };
    Finding {
        kind: tally.kind,
        count: tally.count,
        proofs: tally.instances.iter().map(proof).collect(),
    }
}
