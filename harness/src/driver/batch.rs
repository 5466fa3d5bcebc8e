//! The messages of one answer: one text with all payloads, and where each of them stands in it, so
//! that a message costs no allocation.

use std::ops::Range;

use crate::history::{Offset, Sequence};
use crate::plan::MessageId;

/// The messages of one answer.
#[derive(Debug, Default)]
pub struct Batch {
    text: String,
    entries: Vec<Entry>,
}

/// Which planned message a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// This one.
    Message(MessageId),
    /// One that the broker names in a way that leads to no planned message.
    Stranger {
        /// Its producer, as the broker says.
        id: i64,
        /// Its number; none where it was sent without.
        sequence: Option<Sequence>,
    },
    /// A message of an earlier run, which the broker still has.
    EarlierRun,
    /// The broker does not say who sent it.
    None,
}

/// One message of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered<'a> {
    /// Which planned message it is.
    pub identity: Identity,
    /// Its place in the topic's log, where the broker tells.
    pub offset: Option<Offset>,
    /// Whether the broker says that it was handed out before.
    pub redelivered: bool,
    /// What was sent; what carried the identity is off already.
    pub payload: &'a str,
}

#[derive(Clone, Debug)]
struct Entry {
    identity: Identity,
    offset: Option<Offset>,
    redelivered: bool,
    payload: Range<usize>,
}

impl Batch {
    /// Forgets the messages and keeps the space.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
    }

    /// Adds a message behind the others.
    pub fn push(&mut self, message: Delivered<'_>) {
        let start = self.text.len();
        self.text.push_str(message.payload);
        self.entries.push(Entry {
            identity: message.identity,
            offset: message.offset,
            redelivered: message.redelivered,
            payload: start..self.text.len(),
        });
    }

    /// Replaces the messages by those of an answer that is taken over whole, so that no payload is
    /// copied: each with the place of its payload in `text`.
    pub fn replace(
        &mut self,
        messages: impl Iterator<Item = (Identity, Option<Offset>, Range<usize>)>,
    ) {
        self.clear();
        self.entries.extend(messages.map(|(identity, offset, payload)| Entry {
            identity,
            offset,
            redelivered: false,
            payload,
        }));
    }

    /// The text that the places of [`Batch::replace`] are in.
    pub fn set_text(&mut self, text: String) {
        self.text = text;
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The messages in the order of the answer.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Delivered<'_>> {
        self.entries.iter().map(|entry| Delivered {
            identity: entry.identity,
            offset: entry.offset,
            redelivered: entry.redelivered,
            payload: &self.text[entry.payload.clone()],
        })
    }
}

impl Identity {
    /// The planned message, if it is one.
    #[must_use]
    pub fn message(self) -> Option<MessageId> {
        match self {
            Self::Message(message) => Some(message),
            Self::Stranger { .. } | Self::EarlierRun | Self::None => None,
        }
    }
}
