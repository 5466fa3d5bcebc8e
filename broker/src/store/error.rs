//! Why a store did not do what it was asked, with the texts that go over the wire.

use broker_client::wire::{ConsumerId, Offset, ProducerId, Sequence};

/// Why a [`Store`](super::Store) did not do what it was asked.
///
/// Every one but [`Error::OutcomeUnknown`] is definite: nothing happened and nothing will. The
/// first six texts are those of the original broker, which its clients match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The topic exists already.
    #[error("Topic:{0} already exist")]
    TopicExists(String),
    /// No topic has this name.
    #[error("Topic:{0} does not exist")]
    UnknownTopic(String),
    /// No producer has this id.
    #[error("Producer:{0} does not exist")]
    UnknownProducer(ProducerId),
    /// No consumer has this id, or no longer.
    #[error("Consumer:{0} does not exist")]
    UnknownConsumer(ConsumerId),
    /// The producer belongs to another topic.
    #[error("Producer:{producer} is not registered with Topic:{topic}")]
    ProducerNotRegistered {
        /// The producer of the request.
        producer: ProducerId,
        /// The topic of the request.
        topic: String,
    },
    /// The consumer belongs to another topic.
    #[error("Consumer:{consumer} is not registered with Topic:{topic}")]
    ConsumerNotRegistered {
        /// The consumer of the request.
        consumer: ConsumerId,
        /// The topic of the request.
        topic: String,
    },
    /// The id was given in another life of the store.
    #[error("epoch {given} is over, this is epoch {current}: register again")]
    WrongEpoch {
        /// The epoch of the request.
        given: String,
        /// The epoch of the store.
        current: String,
    },
    /// The sequence leaves some out.
    #[error("sequence {given} is ahead of the next one, {expected}")]
    SequenceGap {
        /// The sequence of the request.
        given: Sequence,
        /// The one that would have been taken.
        expected: Sequence,
    },
    /// The sequence is before the last numbered request, or reaches over its edge.
    #[error("sequences {first} to {last} are not inside the last numbered request{}", within(*.request))]
    SequenceOld {
        /// The first sequence of the request.
        first: Sequence,
        /// Its last sequence.
        last: Sequence,
        /// First and last sequence of the last numbered request.
        request: Option<(Sequence, Sequence)>,
    },
    /// The offset was acknowledged before.
    #[error("offset {given} is passed: the position is {position}")]
    OffsetPassed {
        /// The offset of the request.
        given: Offset,
        /// The position of the subscription.
        position: Offset,
    },
    /// The log does not reach that far.
    #[error("offset {given} is beyond the end of the log, {end}")]
    OffsetBeyond {
        /// The offset of the request.
        given: Offset,
        /// The end of the log.
        end: Offset,
    },
    /// What was there is deleted, by retention.
    #[error("offset {given} is deleted: the first one that is left is {first}")]
    OffsetDeleted {
        /// The offset of the request.
        given: Offset,
        /// The offset from which on messages are left; the end of the log where none are.
        first: Offset,
    },
    /// What is retained is at its limit.
    #[error("the store retains all it may, {limit} bytes: try again when consumers have caught up")]
    Full {
        /// The limit in bytes.
        limit: u64,
    },
    /// There are as many topics, producers or subscriptions as there may be.
    #[error("there are all the {} there may be, {limit}: {}", what.name(), what.cure())]
    TooMany {
        /// Of what.
        what: Bounded,
        /// The limit.
        limit: usize,
    },
    /// The answer to a poll would need more bytes than the caller has room for.
    #[error("the next message alone is {bytes} bytes, and there is no room for it now")]
    NoRoom {
        /// How many it needs.
        bytes: usize,
    },
    /// The store does not take this request and never will.
    #[error("{0}")]
    Refused(String),
    /// The store cannot be reached; nothing was done.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It may have happened or not.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
}

/// What there may be only so many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounded {
    /// Topics.
    Topics,
    /// Producers.
    Producers,
    /// Subscriptions.
    Subscriptions,
}

impl Bounded {
    fn name(self) -> &'static str {
        match self {
            Self::Topics => "topics",
            Self::Producers => "producers",
            Self::Subscriptions => "subscriptions",
        }
    }

    /// What makes room for more.
    fn cure(self) -> &'static str {
        match self {
            Self::Topics => "delete some, or raise --max-topics",
            Self::Producers => "end idle ones by --producer-idle, or raise --max-registrations",
            Self::Subscriptions => "end some, or raise --max-registrations",
        }
    }
}

impl Error {
    /// Whether retention has deleted what was asked for.
    pub(super) fn is_deleted(&self) -> bool {
        matches!(self, Self::OffsetDeleted { .. })
    }
}

fn within(request: Option<(Sequence, Sequence)>) -> String {
    request.map_or_else(String::new, |(first, last)| format!(", {first} to {last}"))
}
