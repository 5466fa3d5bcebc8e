//! A request with what the rules need of it, side by side.

use std::ops::Range;

use crate::history::{EpochIndex, Outcome, ProducerHistory, Sent, Stamp};
use crate::plan::{MessageId, Plan, StreamIndex, TopicIndex};

/// The stamp of what did not happen: after everything.
pub(in crate::check) const NEVER: Stamp = Stamp::MAX;

/// What became of a request, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::check) enum Fate {
    /// It happened.
    Acked,
    /// It may have happened.
    Unknown,
    /// It never happened.
    Refused,
}

/// A request: consecutive messages of one stream.
#[derive(Clone, Debug)]
pub(in crate::check) struct Request {
    /// When its first attempt left.
    pub(in crate::check) invoked: Stamp,
    /// When its ack was in; [`NEVER`] where there is none, so that no rule relies on it.
    pub(in crate::check) acked: Stamp,
    /// The first message's, where its ack said so.
    pub(in crate::check) offset: Option<u64>,
    pub(in crate::check) stream: StreamIndex,
    pub(in crate::check) topic: TopicIndex,
    /// The stream's place among those of its topic.
    pub(in crate::check) slot: u32,
    pub(in crate::check) first: MessageId,
    pub(in crate::check) count: u32,
    pub(in crate::check) fate: Fate,
    /// Whether it left more than once.
    pub(in crate::check) retried: bool,
    /// Where the history has it: producer, and place in its sends.
    pub(in crate::check) source: (usize, usize),
    /// The life of the store that it went to, where the broker tells.
    pub(in crate::check) epoch: Option<EpochIndex>,
}

impl Request {
    pub(super) fn new(
        plan: &Plan,
        part: &ProducerHistory,
        source: (usize, usize),
        sent: &Sent,
        slot: u32,
    ) -> Self {
        let stream = &plan.streams[sent.stream.place()];
        let fits = sent.first.checked_add(sent.count).is_some_and(|end| end <= stream.count);
        assert!(fits, "a request goes past the end of its stream");
        let (fate, offset) = match &sent.outcome {
            Outcome::Acked { offsets } => (Fate::Acked, offsets.first()),
            Outcome::Refused { .. } => (Fate::Refused, None),
            Outcome::Unknown { .. } => (Fate::Unknown, None),
        };
        Self {
            invoked: sent.invoked.stamp,
            acked: if fate == Fate::Acked { sent.completed.stamp } else { NEVER },
            offset,
            stream: sent.stream,
            topic: stream.topic,
            slot,
            first: MessageId(stream.first.0 + sent.first),
            count: sent.count,
            fate,
            retried: sent.attempts > 1,
            source,
            epoch: part.sessions.get(sent.session as usize).and_then(|session| session.epoch),
        }
    }

    /// The places of its messages.
    pub(in crate::check) fn messages(&self) -> Range<usize> {
        let first = self.first.place();
        first..first + self.count as usize
    }
}
