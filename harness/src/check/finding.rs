//! All anomalies of one kind: how many, and the first few of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::anomaly::{Anomaly, Blames, Traces};
use crate::numbers;
use crate::plan::{ConsumerIndex, TopicIndex};
use crate::scenario::AnomalyKind;

/// So many anomalies of a kind are shown with their proofs; the rest are counted.
pub const PROOFS_MAX: usize = 10;

/// A consumer and a topic.
pub type Share = (ConsumerIndex, TopicIndex);

/// All anomalies of one kind.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Of this kind.
    #[serde(serialize_with = "word")]
    #[schemars(with = "AnomalyKind")]
    pub kind: AnomalyKind,
    /// How many there are, counted exactly: one a message and consumer, or as the kind's check
    /// documents.
    pub count: u64,
    /// How many more there may be, where an outcome is unknown: `count` to `count + possible`.
    pub possible: u64,
    /// Acked messages that are not in the log itself, whoever got them; for [`AnomalyKind::Lost`]
    /// only. Counted apart: a consumer that misses one is in `count`.
    #[serde(skip_serializing_if = "numbers::is_zero")]
    pub not_in_log: u64,
    /// Where they got lost, where an audit reader looked into the logs; for [`AnomalyKind::Lost`] only.
    #[serde(rename = "blame", skip_serializing_if = "Option::is_none")]
    pub blames: Option<Blames>,
    /// What is known on the disk of the messages that are lost, each once, where anything is; for
    /// [`AnomalyKind::Lost`] only.
    #[serde(rename = "on_disk", skip_serializing_if = "Option::is_none")]
    pub traces: Option<Traces>,
    /// Whether the server does not start again, so that everything is lost that was acked: `count` is
    /// then in messages, whoever got them; for [`AnomalyKind::Lost`] only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub does_not_start: bool,
    /// How many of `count` are about what a consumer got of a topic: all, where it is the consumer's
    /// own and a history was judged.
    #[serde(skip)]
    pub by_share: BTreeMap<Share, u64>,
    /// The first of them with their proofs, at most [`PROOFS_MAX`].
    pub proofs: Vec<Anomaly>,
}

fn word<S: Serializer>(kind: &AnomalyKind, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(kind.as_str())
}

impl Finding {
    pub(super) const fn new(kind: AnomalyKind) -> Self {
        Self {
            kind,
            count: 0,
            possible: 0,
            not_in_log: 0,
            blames: None,
            traces: None,
            does_not_start: false,
            by_share: BTreeMap::new(),
            proofs: Vec::new(),
        }
    }

    /// Whether anything was found.
    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0 && self.not_in_log == 0
    }

    /// Counts so many neighbouring messages that are not in the log, which are shown as one.
    pub(super) fn add_not_in_log(&mut self, count: u64, anomaly: impl FnOnce() -> Anomaly) {
        self.add_many(0, anomaly);
        self.not_in_log += count;
    }

    /// Counts one anomaly; it is put into words only while there is room for it.
    pub(super) fn add(&mut self, anomaly: impl FnOnce() -> Anomaly) {
        self.add_many(1, anomaly);
    }

    /// Counts so many neighbouring anomalies that are shown as one.
    pub(super) fn add_many(&mut self, count: u64, anomaly: impl FnOnce() -> Anomaly) {
        self.count += count;
        if self.proofs.len() < PROOFS_MAX {
            self.proofs.push(anomaly());
        }
    }

    /// The same of anomalies of what a consumer got of a topic.
    pub(super) fn add_at(&mut self, at: Share, count: u64, anomaly: impl FnOnce() -> Anomaly) {
        *self.by_share.entry(at).or_default() += count;
        self.add_many(count, anomaly);
    }

    /// Adds what another part of the work found of the same kind.
    pub(super) fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.possible += other.possible;
        self.not_in_log += other.not_in_log;
        if let Some(blames) = other.blames {
            self.blames.get_or_insert_default().add(blames);
        }
        self.traces = self.traces.or(other.traces);
        self.does_not_start |= other.does_not_start;
        for (at, count) in other.by_share {
            *self.by_share.entry(at).or_default() += count;
        }
        let room = PROOFS_MAX - self.proofs.len();
        self.proofs.extend(other.proofs.into_iter().take(room));
    }
}
