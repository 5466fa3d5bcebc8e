//! What the actors saw, and the recorder that they tell it to.
//!
//! Every actor keeps its own part, so that nothing but a counter is shared while the run goes on;
//! [`History`] is the parts put together. A delivery is 16 bytes, because a run may have tens of
//! millions: its payload is kept only where it differs from the planned one.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::plan::{MessageId, StreamIndex, TopicIndex};

mod attempt;
mod backlog;
pub mod deleted;
pub mod json;
mod missed;
mod moment;
mod on_disk;
mod origins;
mod runs;
mod sent;

pub use attempt::{Attempt, Class, forgets, told_code};
pub use backlog::{Backlog, backlog_over_time, backlogs};
pub use missed::{all_missed, misses_anything};
pub use moment::{Moment, Nanos, Stamp};
pub use on_disk::{Forgotten, OnDisk, Rotten, Trace, Traced};
pub use origins::{Origin, Origins};
pub use runs::{Run, Walk};
pub use sent::{Offset, Offsets, Outcome, Sent};

/// A producer's own count of its messages on one topic, from 0.
pub type Sequence = u64;

/// A place in [`History::epochs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EpochIndex(pub u32);

/// All that the actors saw.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The lives of the broker's store that were met, in the order of meeting.
    pub epochs: Vec<String>,
    /// By [`crate::plan::ProducerIndex`].
    pub producers: Vec<ProducerHistory>,
    /// By [`crate::plan::ConsumerIndex`].
    pub consumers: Vec<ConsumerHistory>,
    /// What was done to the run on purpose, by fault and then in order.
    pub faults: Vec<Firing>,
    /// Whether the driver does not say that the messages of a request stand one behind the other:
    /// an ack then tells the offset of its first message, and nothing of the others.
    pub scattered_batches: bool,
    /// Whether consumers acknowledged apart from polling, where there are no offsets.
    pub acknowledged_apart: bool,
    /// What was read of the topics' logs themselves after the drain; empty where nobody looked.
    pub audit: Vec<Audited>,
    /// What is known on the disk of messages that were acked and did not come everywhere, and of some
    /// that did; empty where no power cut was.
    pub traces: Vec<Traced>,
    /// How the run ended.
    pub end: End,
}

/// One firing of a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Its place in [`crate::scenario::Scenario::faults`].
    pub fault: u32,
    /// What it was about: `broker`, `database`, or actors (`P4 C2`).
    pub whom: String,
    /// Just before it took effect.
    pub began: Moment,
    /// Just after: the process is gone or stands still, the links are hurt, the consumer has lost its
    /// memory. None in a file that was written before this was told.
    pub struck: Option<Moment>,
    /// Just after its effect was undone.
    pub ended: Moment,
    /// How much traffic it met, as [`crate::fault::Effect`] says; 0 proves nothing.
    pub met: u64,
    /// What a fault of the storage did.
    pub on_disk: Option<OnDisk>,
}

/// What an audit reader found of one topic: there is one for each store that has a log of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Whose log.
    pub topic: TopicIndex,
    /// What came of it.
    pub log: AuditedLog,
}

/// A log as an audit reader found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditedLog {
    /// All that is in it since the run began.
    Read {
        /// The life of the store that it is of.
        epoch: EpochIndex,
        /// The offset that its next message would have got.
        end: Offset,
        /// Whether the broker keeps everything for the audit, so that nothing of it was dropped in good
        /// order.
        whole: bool,
        /// In its order.
        messages: Vec<Delivery>,
    },
    /// It could not be read, in these words.
    Failed(String),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    expecting = "one of `drained`, `idle`, `deadline` and `interrupted`"
)]
pub enum End {
    /// Everything due was delivered or passed over, and one more poll of each consumer came back
    /// empty.
    #[default]
    Drained,
    /// `drain: idle` passed with only answers that brought nothing: what is missing is lost; but a
    /// topic of a consumer whose last answer was not understood is undecided.
    Idle,
    /// `drain: deadline` passed: what a consumer misses of a topic is undecided, unless the last poll
    /// that it made of it since everything was sent brought nothing.
    Deadline,
    /// Ctrl-C: what is missing is undecided everywhere.
    Interrupted,
}

/// One producer's part.
#[derive(Clone, Debug, Default)]
pub struct ProducerHistory {
    /// Its registrations.
    pub sessions: Vec<Session>,
    /// Its requests in the order of their invocation.
    pub sends: Vec<Sent>,
}

/// One registration of a producer with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// 0 until the actor loses its memory (a crash).
    pub incarnation: u32,
    /// The stream that is sent under it.
    pub stream: StreamIndex,
    /// The number of the broker that it is with, from 1.
    pub broker: u32,
    /// The broker's id, where it was given one.
    pub id: Option<String>,
    /// Where the broker tells.
    pub epoch: Option<EpochIndex>,
    /// The number on the stream (from 0) that goes out as sequence 0 of this session.
    pub base: u32,
    /// When the registration left.
    pub invoked: Moment,
    /// When it was confirmed.
    pub confirmed: Moment,
}

/// One consumer's part.
#[derive(Clone, Debug, Default)]
pub struct ConsumerHistory {
    /// In the order of their invocation.
    pub subscriptions: Vec<Subscribed>,
    /// In the order of their completion.
    pub polls: Vec<Polled>,
    /// Every delivery in the order received; `polls` say which belong to which.
    pub deliveries: Vec<Delivery>,
    /// What is not as planned about some deliveries, by place in `deliveries`.
    pub oddities: BTreeMap<u64, Oddity>,
}

/// One subscription of a consumer to a topic. One that goes on after a crash is here again, with the
/// next incarnation and all else as it was: to the broker it is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// 0 until the actor loses its memory (a crash).
    pub incarnation: u32,
    /// What it claims.
    pub topic: TopicIndex,
    /// The broker's id, where it was given one.
    pub id: Option<String>,
    /// Where the broker tells.
    pub epoch: Option<EpochIndex>,
    /// The position that it starts at, where the broker tells.
    pub offset: Option<Offset>,
    /// When it was asked for: s0 of the definition of *due*.
    pub invoked: Moment,
    /// When it was confirmed, if it was: s1.
    pub confirmed: Option<Moment>,
    /// When a poll was told that the broker does not know this subscription, although it was
    /// confirmed, its life of the store goes on and nobody ended it. The consumer gets nothing of
    /// the topic from then on; what is due to it stays due.
    pub forgotten: Option<Moment>,
}

/// One poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// Into [`ConsumerHistory::subscriptions`].
    pub subscription: u32,
    /// When it left.
    pub invoked: Moment,
    /// When its whole answer was in.
    pub completed: Moment,
    /// What it brought.
    pub answer: Answer,
}

/// What a poll brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The next so many of [`ConsumerHistory::deliveries`]; 0 for an empty answer.
    Delivered(u32),
    /// Nothing, for the broker's retention had deleted what came next; the subscription goes on behind it.
    Deleted(Range<Offset>),
    /// It failed with these words.
    Failed(String),
}

/// One delivery, in 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    message: u32,
    offset: u64,
}

impl Delivery {
    const NO_MESSAGE: u32 = u32::MAX;
    const NO_OFFSET: u64 = u64::MAX;

    /// A delivery of `message` (none: one that no planned message explains) at `offset`.
    pub fn new(message: Option<MessageId>, offset: Option<Offset>) -> Self {
        Self {
            message: message.map_or(Self::NO_MESSAGE, |message| message.0),
            offset: offset.unwrap_or(Self::NO_OFFSET),
        }
    }

    /// The planned message that its identity names.
    pub fn message(self) -> Option<MessageId> {
        (self.message != Self::NO_MESSAGE).then_some(MessageId(self.message))
    }

    /// Its offset, where the broker tells.
    pub fn offset(self) -> Option<Offset> {
        (self.offset != Self::NO_OFFSET).then_some(self.offset)
    }
}

/// What is not as planned about a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with payload, producer and sequence")]
pub struct Oddity {
    /// The payload that came, where it is not the planned one of the message.
    pub payload: String,
    /// Who sent it, as the broker says; none where that is a planned producer.
    pub producer: Option<i64>,
    /// Its number, as the broker says.
    pub sequence: Option<Sequence>,
    /// Whether its tag is that of an earlier run. Left out of a file where it is not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier_run: bool,
}
