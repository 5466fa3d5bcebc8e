//! A request to append, as it waits for its transaction.

use std::borrow::Cow;

use broker_client::wire::{ProducerId, Sequence};

use crate::store::Append;

/// A request to append.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) producer: ProducerId,
    pub(super) sequence: Option<Sequence>,
    pub(super) payloads: Payloads,
}

impl Batch {
    pub(super) fn new(append: &Append<'_>) -> Self {
        Self {
            producer: append.producer,
            sequence: append.sequence,
            payloads: Payloads::new(append.payloads),
        }
    }
}

/// Payloads in their order, in one piece of memory.
#[derive(Debug)]
pub(super) struct Payloads {
    text: String,
    /// Where each ends in `text`.
    ends: Vec<usize>,
}

impl Payloads {
    fn new(payloads: &[Cow<'_, str>]) -> Self {
        let bytes = payloads.iter().map(|payload| payload.len()).sum();
        let mut text = String::with_capacity(bytes);
        let mut ends = Vec::with_capacity(payloads.len());
        for payload in payloads {
            text.push_str(payload);
            ends.push(text.len());
        }
        Self { text, ends }
    }

    /// How many they are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of all together.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end])
    }
}
