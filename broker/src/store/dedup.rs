//! Deduplication: what a store keeps of a producer's sequences, and whether a numbered request is
//! new, a repeat or refused by that.

use broker_client::wire::{Offset, Sequence};

use super::Error;

/// What is known of a producer's sequences on its topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProducerState {
    /// The sequence that is taken next.
    pub(super) next: Sequence,
    /// Where the last numbered request went.
    pub(super) last: Option<NumberedRequest>,
}

/// The last request with a sequence: the messages from `first` on, up to the next sequence, went
/// to `offset` and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumberedRequest {
    /// Its first sequence.
    pub(super) first: Sequence,
    /// Its first offset.
    pub(super) offset: Offset,
}

impl ProducerState {
    /// What becomes of a request of `size` messages that are numbered from `first` on, if they
    /// are: answers the offset of one that repeats, `None` for one that is due, or refuses.
    pub(super) fn repeated(
        &self,
        first: Option<Sequence>,
        size: u64,
    ) -> Result<Option<Offset>, Error> {
        let Some(first) = first else { return Ok(None) };
        if first == self.next {
            return Ok(None);
        }
        if first > self.next {
            return Err(Error::SequenceGap { given: first, expected: self.next });
        }
        // No overflow: `first` is below a count that was reached one message at a time.
        let end = first + size;
        match self.last {
            Some(last) if last.first <= first && end <= self.next => {
                Ok(Some(last.offset + (first - last.first)))
            }
            last => Err(Error::SequenceOld {
                first,
                last: end - 1,
                request: last.map(|last| (last.first, self.next - 1)),
            }),
        }
    }

    /// Notes that the request was appended at `offset`.
    pub(super) fn accept(&mut self, first: Option<Sequence>, size: u64, offset: Offset) {
        if let Some(first) = first {
            self.next = first + size;
            self.last = Some(NumberedRequest { first, offset });
        }
    }
}
