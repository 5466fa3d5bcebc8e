//! What a [`Consumer`](crate::Consumer) hands out: the messages of one answer, each with its offset.

use crate::messages::Messages;
use crate::wire::{Offset, ProducerId, Sequence, TopicName};

/// The messages of one answer: at least one, all of one topic, in the order of its log.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Where they are from.
    pub topic: TopicName,
    /// Each has an offset: an answer in which one has none is not understood.
    messages: Messages,
}

/// One message of a [`Delivery`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered<'a> {
    /// Its place in the topic's log, from 0.
    pub offset: Offset,
    /// The producer that sent it, where the broker tells.
    pub producer_id: Option<ProducerId>,
    /// Its number, where it was sent with one.
    pub sequence: Option<Sequence>,
    /// What was sent.
    pub payload: &'a str,
}

impl Delivery {
    pub(super) fn new(topic: TopicName, messages: Messages) -> Self {
        Self { topic, messages }
    }

    /// How many messages there are.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// The messages in the order of their offsets.
    pub fn iter(&self) -> impl Iterator<Item = Delivered<'_>> {
        self.messages.iter().map(|message| Delivered {
            offset: message.offset.expect("a subscription takes no message without an offset"),
            producer_id: message.producer_id,
            sequence: message.sequence,
            payload: message.payload,
        })
    }
}
