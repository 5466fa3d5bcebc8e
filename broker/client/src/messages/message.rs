//! One message of an answer: as a program sees it, and as it is kept.

use std::ops::Range;

use crate::wire::{self, Offset, ProducerId, Sequence};

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its place in the topic's log; absent from the original broker.
    pub offset: Option<Offset>,
    /// The producer that sent it; absent from the original broker.
    pub producer_id: Option<ProducerId>,
    /// Its number, where it was sent with one.
    pub sequence: Option<Sequence>,
    /// What was sent.
    pub payload: &'a str,
}

impl<'a> From<&'a wire::Delivered<'_>> for Message<'a> {
    fn from(message: &'a wire::Delivered<'_>) -> Self {
        Self {
            offset: message.offset,
            producer_id: message.producer_id,
            sequence: message.sequence,
            payload: &message.message,
        }
    }
}

/// A message whose payload stands in a text that it shares with others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) offset: Option<Offset>,
    pub(super) producer_id: Option<ProducerId>,
    pub(super) sequence: Option<Sequence>,
    /// Where in the text.
    pub(super) payload: Range<usize>,
}

impl Placed {
    /// The message with its payload out of the text.
    pub(super) fn within<'a>(&self, text: &'a str) -> Message<'a> {
        Message {
            offset: self.offset,
            producer_id: self.producer_id,
            sequence: self.sequence,
            payload: &text[self.payload.clone()],
        }
    }
}
