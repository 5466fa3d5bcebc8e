//! Parts of a log that are in memory, and answers put together from them.

use std::sync::Arc;

use broker_client::wire::Offset;

use super::Poll;
use super::messages::{Messages, Rendered};

/// Bytes at which a segment is full: large enough that answers are made of few parts, small enough
/// that what no consumer needs any more is freed soon.
pub(super) const SEGMENT_BYTES: usize = 64 * 1024;

/// Consecutive messages of one log.
#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    /// The offset of its first message.
    pub(super) first: Offset,
    /// They themselves.
    pub(super) messages: Arc<Rendered>,
}

impl Segment {
    /// The offset after its last message.
    pub(super) fn end(&self) -> Offset {
        self.first + as_offset(self.messages.len())
    }

    /// Adds a block that comes right after it, unless the segment would be too large or is being read; says whether it did.
    pub(super) fn extend(&mut self, block: &Rendered) -> bool {
        if self.messages.bytes() + block.bytes() > SEGMENT_BYTES {
            return false;
        }
        match Arc::get_mut(&mut self.messages) {
            Some(messages) => {
                messages.extend(block);
                true
            }
            None => false,
        }
    }
}

/// An answer on its way: what it has, and what it may still take.
#[derive(Debug)]
pub(super) struct Taking {
    /// What was taken.
    pub(super) messages: Messages,
    /// The offset after it.
    pub(super) next: Offset,
    max: usize,
    max_bytes: usize,
    /// How large the first message may be.
    room: usize,
    /// How large it is, where that is more.
    pub(super) too_large: Option<usize>,
}

impl Taking {
    /// Takes from `start` on, at most `max` messages; it stops before the one with which the
    /// answer would be larger than `max_bytes`, but for the first one.
    pub(super) fn new(start: Offset, max: usize, max_bytes: usize) -> Self {
        let (messages, room) = (Messages::default(), usize::MAX);
        Self { messages, next: start, max, max_bytes, room, too_large: None }
    }

    /// The same for a poll, whose first message may be too large for its answer.
    pub(super) fn for_poll(start: Offset, poll: &Poll<'_>) -> Self {
        let Poll { max, max_bytes, room, .. } = *poll;
        Self { room: room.get(), ..Self::new(start, max, max_bytes.get()) }
    }

    /// Whether nothing more may be taken.
    pub(super) fn is_full(&self) -> bool {
        self.max == 0
    }

    /// Takes what there is of a segment that is empty, holds the next offset or ends before it.
    pub(super) fn take_from(&mut self, segment: &Segment) {
        if self.is_full() || segment.messages.len() == 0 || segment.end() <= self.next {
            return;
        }
        let from = usize::try_from(self.next - segment.first).expect("segments fit memory");
        let mut count = segment.messages.fitting(from, self.max, self.max_bytes);
        if count == 0 && self.messages.is_empty() {
            // The first message is handed out however large it is, where there is room for it.
            let bytes = segment.messages.json_len(&(from..from + 1));
            if bytes > self.room {
                self.too_large = Some(bytes);
                self.max = 0;
                return;
            }
            count = 1;
        }
        let range = from..from + count;
        self.max_bytes = self.max_bytes.saturating_sub(segment.messages.json_len(&range));
        self.max = if range.end == segment.messages.len() { self.max - count } else { 0 };
        self.messages.push(&segment.messages, range);
        self.next += as_offset(count);
    }
}

/// A count of messages as a distance of offsets.
pub(super) fn as_offset(count: usize) -> Offset {
    Offset::try_from(count).expect("lengths fit 64 bits")
}

#[cfg(test)]
mod tests {
    use super::{Segment, Taking};

    /// A log of which nothing is retained has an empty tail, which may begin behind the offset that
    /// is read from.
    #[test]
    fn nothing_is_taken_of_an_empty_segment_that_begins_later() {
        let mut taking = Taking::new(3, 10, 100);
        taking.take_from(&Segment { first: 10, ..Segment::default() });
        assert!(taking.messages.is_empty());
        assert_eq!(taking.next, 3);
    }
}
