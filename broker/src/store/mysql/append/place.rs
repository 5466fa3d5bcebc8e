//! Where the messages of a group go, given where the log ends and what each producer sent last.

use std::collections::BTreeMap;

use broker_client::wire::{Offset, ProducerId};

use crate::store::Error;
use crate::store::dedup::ProducerState;
use crate::store::messages::Rendered;
use crate::store::mysql::batch::Batch;
use crate::store::segment::as_offset;

/// A group with its offsets.
#[derive(Debug)]
pub(super) struct Placed {
    /// The end of the log before it.
    pub(super) first: Offset,
    /// How many messages are new.
    pub(super) rows: usize,
    /// The bytes of their payloads.
    pub(super) bytes: usize,
    /// An answer a request.
    pub(super) answers: Vec<Result<Offset, Error>>,
    /// The states as they are after it, of those that it changes.
    pub(super) states: BTreeMap<ProducerId, ProducerState>,
    /// Whether every request is appended: none refused, none a repeat.
    pub(super) is_plain: bool,
    /// Whether some request is a repeat.
    pub(super) repeats: bool,
    /// By request, whether its messages are new.
    is_new: Vec<bool>,
}

/// Places a group behind `first`; `states` has those of its numbered requests.
pub(super) fn place(
    group: &[Batch],
    first: Offset,
    states: &BTreeMap<ProducerId, ProducerState>,
) -> Placed {
    let mut placed = Placed {
        first,
        rows: 0,
        bytes: 0,
        answers: Vec::with_capacity(group.len()),
        states: BTreeMap::new(),
        is_plain: true,
        repeats: false,
        is_new: Vec::with_capacity(group.len()),
    };
    for batch in group {
        placed.place(batch, states);
    }
    placed
}

impl Placed {
    /// The end of the log after it.
    pub(super) fn end(&self) -> Offset {
        self.first + as_offset(self.rows)
    }

    /// Its new messages in the order of their offsets.
    pub(super) fn messages<'g>(
        &'g self,
        group: &'g [Batch],
    ) -> impl Iterator<Item = Placement<'g>> {
        let new = group.iter().zip(&self.is_new).filter(|(_, is_new)| **is_new);
        let messages = new.flat_map(|(batch, _)| {
            (0..).zip(batch.payloads.iter()).map(|(place, payload)| Placement {
                offset: 0,
                producer: batch.producer,
                sequence: batch.sequence.map(|first| first + place),
                first_sequence: batch.sequence,
                payload,
            })
        });
        (self.first..).zip(messages).map(|(offset, message)| Placement { offset, ..message })
    }

    /// As consumers will get it.
    pub(super) fn render(&self, group: &[Batch]) -> Rendered {
        let mut block = Rendered::default();
        for message in self.messages(group) {
            block.push(message.offset, message.producer, message.sequence, message.payload);
        }
        block
    }

    fn place(&mut self, batch: &Batch, states: &BTreeMap<ProducerId, ProducerState>) {
        let size = as_offset(batch.payloads.len());
        let offset = self.end();
        let earlier = self.states.get(&batch.producer).or_else(|| states.get(&batch.producer));
        let mut state = earlier.copied().unwrap_or_default();
        let repeated = state.repeated(batch.sequence, size);
        let is_new = repeated == Ok(None);
        if is_new {
            self.rows += batch.payloads.len();
            self.bytes += batch.payloads.bytes();
            if batch.sequence.is_some() {
                state.accept(batch.sequence, size, offset);
                self.states.insert(batch.producer, state);
            }
        }
        self.is_plain &= is_new;
        self.repeats |= matches!(repeated, Ok(Some(_)));
        self.is_new.push(is_new);
        self.answers.push(repeated.map(|at| at.unwrap_or(offset)));
    }
}

/// A message and its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement<'g> {
    pub(super) offset: Offset,
    pub(super) producer: ProducerId,
    pub(super) sequence: Option<u64>,
    /// The first sequence of its request.
    pub(super) first_sequence: Option<u64>,
    pub(super) payload: &'g str,
}
