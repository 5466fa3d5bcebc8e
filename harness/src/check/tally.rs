//! What a check hands back: how many anomalies, the first few of them, and which promise they break.

use crate::plan::{ConsumerIndex, MessageId, TopicIndex};
use crate::scenario::{Delivery, Expect, Order};

use super::blame::Blames;
use super::{Finding, Kind, PROOFS_MAX};

/// What one check concludes.
#[derive(Debug, Default)]
pub(super) struct Opinion {
    pub(super) tallies: Vec<Tally>,
    /// Why there is no verdict, a sentence each.
    pub(super) doubts: Vec<String>,
}

impl From<Tally> for Opinion {
    fn from(tally: Tally) -> Self {
        Self { tallies: vec![tally], doubts: Vec::new() }
    }
}

/// The promise that an anomaly breaks: `expect` says whether it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Not made by at-most-once.
    NoLoss,
    /// Not made by at-least-once.
    NoDuplicate,
    /// Not made where the order is none.
    AckedOrder,
    /// Made only where the order is per topic.
    OneOrder,
    /// Made by every broker.
    Always,
}

impl Promise {
    pub(super) fn made(self, expect: Expect) -> bool {
        match self {
            Self::NoLoss => expect.delivery != Delivery::AtMostOnce,
            Self::NoDuplicate => expect.delivery != Delivery::AtLeastOnce,
            Self::AckedOrder => expect.order != Order::None,
            Self::OneOrder => expect.order == Order::PerTopic,
            Self::Always => true,
        }
    }
}

/// Anomalies of one kind that break one promise.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) kind: Kind,
    pub(super) promise: Promise,
    pub(super) count: u64,
    /// How many more there may be: what is known does not decide it.
    pub(super) possible: u64,
    /// Whom they are blamed on, where that was looked into.
    pub(super) blames: Option<Blames>,
    /// The first of them, at most [`PROOFS_MAX`].
    pub(super) instances: Vec<Instance>,
}

/// One anomaly, before its proof is put into words.
#[derive(Debug)]
pub(super) struct Instance {
    pub(super) topic: TopicIndex,
    /// To whom, where it is one consumer's.
    pub(super) consumer: Option<ConsumerIndex>,
    pub(super) messages: Vec<MessageId>,
    pub(super) title: String,
    /// What only this check can say; what is known of its messages is added to it.
    pub(super) evidence: Vec<String>,
    /// The delivery that it is about, by place among the consumer's.
    pub(super) place: Option<usize>,
    /// Whom it is blamed on, where that was looked into.
    pub(super) blames: Option<Blames>,
}

impl Tally {
    pub(super) const fn new(kind: Kind, promise: Promise) -> Self {
        Self { kind, promise, count: 0, possible: 0, blames: None, instances: Vec::new() }
    }

    /// Whether what was counted breaks a promise that was made; what is expected breaks none.
    pub(super) fn breaks(&self, expect: Expect) -> bool {
        self.promise.made(expect) && !expect.anomalies.contains(self.kind)
    }

    /// Counts one anomaly; it is put into words only while there is room for it.
    pub(super) fn add(&mut self, instance: impl FnOnce() -> Instance) {
        self.add_many(1, instance);
    }

    /// Counts so many neighbouring anomalies that are shown as one.
    pub(super) fn add_many(&mut self, count: u64, instance: impl FnOnce() -> Instance) {
        self.count += count;
        if self.instances.len() < PROOFS_MAX {
            self.instances.push(instance());
        }
    }

    /// Adds what another part of the work found.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.possible += other.possible;
        if let Some(blames) = other.blames {
            self.blames.get_or_insert_default().add(blames);
        }
        let room = PROOFS_MAX - self.instances.len();
        self.instances.extend(other.instances.into_iter().take(room));
    }
}

/// Findings without proofs, for when proofs cannot be had.
pub(super) fn bare(tallies: &[Tally]) -> Vec<Finding> {
    let found = tallies.iter().filter(|tally| tally.count > 0);
    let mut findings: Vec<Finding> = found
        .map(|tally| Finding {
            kind: tally.kind,
            count: tally.count,
            possible: tally.possible,
            blames: tally.blames,
            proofs: Vec::new(),
        })
        .collect();
    findings.sort_by_key(|finding| finding.kind);
    findings
}

/// A sentence for each kind that was expected and not found.
pub(super) fn missed<'a>(
    expect: Expect,
    tallies: impl Iterator<Item = &'a Tally> + Clone,
) -> impl Iterator<Item = String> {
    let found = move |kind| tallies.clone().any(|tally| tally.kind == kind && tally.count > 0);
    let missed = expect.anomalies.iter().filter(move |kind| !found(*kind));
    missed.map(|kind| format!("the scenario expects to find {kind}, and nothing is"))
}
