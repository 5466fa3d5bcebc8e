//! What one consumer got of one topic, as far as the drain asks for it.

use std::collections::BTreeMap;

use super::passing::Passing;
use crate::history::{EpochIndex, Offset};
use crate::plan::{MessageId, Plan};

/// How far one consumer is on one topic.
#[derive(Debug, Default)]
pub struct Seen {
    /// The greatest offset delivered in each epoch.
    ends: BTreeMap<Option<EpochIndex>, Offset>,
    /// The greatest number (from 0) delivered of each stream.
    numbers: BTreeMap<u32, u32>,
    /// Of each stream the numbers (from 0) that came, a bit each; kept only where a message passes
    /// over no other.
    came: BTreeMap<u32, Vec<u64>>,
    /// So many of the topic's acked requests are known to have come, or not to be due.
    pub(super) settled: usize,
}

impl Seen {
    /// Takes note of the greatest offset of an answer, which is all that is asked of it where offsets
    /// tell: there may be ten million deliveries.
    pub fn reach(&mut self, epoch: Option<EpochIndex>, end: Offset) {
        let known = self.ends.entry(epoch).or_insert(end);
        *known = end.max(*known);
    }

    /// Takes note of a delivery, and of no more about it than `passing` asks for.
    pub fn note(&mut self, plan: &Plan, passing: Passing, message: Option<MessageId>) {
        let Some(id) = message else { return };
        let stream = plan.messages.stream(id);
        let planned = &plan.streams[stream.place()];
        let number = id.0 - planned.first.0;
        if passing == Passing::Nothing {
            let words = planned.count.div_ceil(u64::BITS) as usize;
            let came = self.came.entry(stream.0).or_insert_with(|| vec![0; words]);
            came[(number / u64::BITS) as usize] |= 1 << (number % u64::BITS);
        } else {
            let greatest = self.numbers.entry(stream.0).or_insert(number);
            *greatest = number.max(*greatest);
        }
    }

    /// Another subscription goes on from here: to it, something else may be due.
    pub fn begin_anew(&mut self) {
        self.settled = 0;
    }

    pub(super) fn end(&self, epoch: Option<EpochIndex>) -> Option<Offset> {
        self.ends.get(&epoch).copied()
    }

    pub(super) fn number(&self, stream: u32) -> Option<u32> {
        self.numbers.get(&stream).copied()
    }

    /// The greatest number that came of each stream.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (u32, u32)> {
        self.numbers.iter().map(|(stream, number)| (*stream, *number))
    }

    pub(super) fn has(&self, stream: u32, number: u32) -> bool {
        let word = self.came.get(&stream).map(|came| came[(number / u64::BITS) as usize]);
        word.is_some_and(|word| word & (1 << (number % u64::BITS)) != 0)
    }
}
