//! One topic of a small store: its messages, positions and sequences, and what the step that is under
//! way has changed of them.

use std::collections::BTreeMap;

use broker::store::{Append, Error, Message, Poll, Polled, Size};
use broker_client::wire::{ConsumerId, Offset, ProducerId, Sequence};

/// What the numbers of a change take, in bytes.
const NUMBERS: u64 = 24;

/// One topic.
#[derive(Clone, Default)]
pub(super) struct Log {
    messages: BTreeMap<Offset, Message>,
    positions: BTreeMap<ConsumerId, Offset>,
    counts: BTreeMap<ProducerId, Count>,
    /// Since they were taken.
    changes: Vec<Change>,
}

/// One change of a log.
#[derive(Clone)]
pub(super) enum Change {
    /// Over what may be there.
    Message(Message),
    /// None ends a subscription.
    Position(ConsumerId, Option<Offset>),
    Count(ProducerId, Count),
}

/// The last request of a producer that had a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    first: Sequence,
    next: Sequence,
    offset: Offset,
}

impl Change {
    pub(super) fn bytes(&self) -> u64 {
        NUMBERS + self.payload().map_or(0, |payload| payload.len() as u64)
    }

    pub(super) fn payload(&self) -> Option<&str> {
        match self {
            Self::Message(message) => Some(&message.payload),
            Self::Position(..) | Self::Count(..) => None,
        }
    }
}

impl Log {
    /// Does a change that is written down already.
    pub(super) fn apply(&mut self, change: &Change) {
        match change.clone() {
            Change::Message(message) => {
                self.messages.insert(message.offset, message);
            }
            Change::Position(consumer, Some(offset)) => {
                self.positions.insert(consumer, offset);
            }
            Change::Position(consumer, None) => {
                self.positions.remove(&consumer);
            }
            Change::Count(producer, count) => {
                self.counts.insert(producer, count);
            }
        }
    }

    /// What steps have changed and nobody has written down.
    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn change(&mut self, change: Change) {
        self.apply(&change);
        self.changes.push(change);
    }

    /// The offset that the next message gets.
    pub(super) fn end(&self) -> Offset {
        self.messages.last_key_value().map_or(0, |(last, _)| last + 1)
    }

    /// Answers the offset of a request that repeats, `None` for one that is due, or refuses.
    pub(super) fn repeated(&self, append: &Append<'_>) -> Result<Option<Offset>, Error> {
        repeated(self.counts.get(&append.producer), append)
    }

    /// Writes the messages from `offset` on, over what may be there, and counts them.
    pub(super) fn write(&mut self, append: &Append<'_>, offset: Offset) {
        self.write_messages(append, offset);
        self.count(append, offset);
    }

    /// Writes the messages alone.
    pub(super) fn write_messages(&mut self, append: &Append<'_>, offset: Offset) {
        for (place, payload) in (0..).zip(append.payloads) {
            self.change(Change::Message(Message {
                offset: offset + place,
                producer: append.producer,
                sequence: append.sequence.map(|first| first + place),
                payload: payload.to_string(),
            }));
        }
    }

    /// Counts the messages alone.
    pub(super) fn count(&mut self, append: &Append<'_>, offset: Offset) {
        if let Some(count) = Count::of(append, offset) {
            self.change(Change::Count(append.producer, count));
        }
    }

    /// Where a subscription is, if it is to this topic.
    pub(super) fn position(&self, consumer: ConsumerId) -> Option<Offset> {
        self.positions.get(&consumer).copied()
    }

    /// Moves a subscription; none ends it.
    pub(super) fn move_to(&mut self, consumer: ConsumerId, position: Option<Offset>) {
        if self.position(consumer) != position {
            self.change(Change::Position(consumer, position));
        }
    }

    /// Acknowledges and takes, as a store should.
    pub(super) fn poll(&mut self, poll: &Poll<'_>) -> Result<Polled, Error> {
        let consumer = poll.subscription.consumer;
        let position = self.positions[&consumer];
        let start = poll.offset.unwrap_or(position);
        if start < position {
            return Err(Error::OffsetPassed { given: start, position });
        }
        if start > self.end() {
            return Err(Error::OffsetBeyond { given: start, end: self.end() });
        }
        let messages = self.from(start, poll.max);
        let taken = if poll.offset.is_some() { 0 } else { messages.len() as Offset };
        self.move_to(consumer, Some(start + taken));
        Ok(Polled { messages: messages.into_iter().collect(), position: start + taken })
    }

    /// At most so many messages from `start` on.
    pub(super) fn from(&self, start: Offset, max: usize) -> Vec<Message> {
        self.messages.range(start..).take(max).map(|(_, message)| message.clone()).collect()
    }

    pub(super) fn size(&self, consumer: ConsumerId) -> Size {
        let position = self.positions[&consumer];
        Size { lag: self.end().saturating_sub(position), position }
    }
}

impl Count {
    /// What a request leaves behind, where it is numbered.
    pub(super) fn of(append: &Append<'_>, offset: Offset) -> Option<Self> {
        let first = append.sequence?;
        Some(Self { first, next: first + append.payloads.len() as Sequence, offset })
    }
}

/// Whether a request repeats the one that was counted last.
pub(super) fn repeated(
    count: Option<&Count>,
    append: &Append<'_>,
) -> Result<Option<Offset>, Error> {
    let (Some(count), Some(first)) = (count, append.sequence) else { return Ok(None) };
    if first >= count.next {
        return Ok(None);
    }
    if first < count.first {
        let last = first + append.payloads.len() as Sequence - 1;
        return Err(Error::SequenceOld {
            first,
            last,
            request: Some((count.first, count.next - 1)),
        });
    }
    Ok(Some(count.offset + (first - count.first)))
}
