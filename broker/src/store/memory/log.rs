//! One topic's log: segments of rendered messages, and the subscriptions that read them.
//!
//! Everything here takes a step of bounded size, because it runs under the log's lock. Readers
//! leave with a share of the segments and copy after the lock is gone; the appender goes on in the
//! same segment where no reader shares it, and in a new one where one does.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset};
use tokio::time::Instant;

use super::budget::Budget;
use super::keeping::{Going, Keeping, Piece};
use crate::store::messages::Rendered;
use crate::store::segment::{SEGMENT_BYTES, Segment, Taking, as_offset};
use crate::store::{Error, Part, Poll, Polled, Read, Retain, Size};

/// The most segments that one step frees.
const FREED_AT_ONCE: usize = 16;

/// One topic's log.
pub(super) struct Log {
    retain: Retain,
    /// Everything before it was deleted for its age, or for want of room.
    first: Offset,
    end: Offset,
    /// The segments before the tail, none empty, consecutive.
    sealed: VecDeque<Segment>,
    /// Where appends go.
    tail: Segment,
    /// Until when appends may still go there, where that ends with time.
    open_until: Option<Instant>,
    is_deleted: bool,
    subscriptions: BTreeMap<ConsumerId, Subscription>,
    /// How many subscriptions stand at each position, so that the least one is found at once.
    positions: BTreeMap<Offset, usize>,
}

struct Subscription {
    position: Offset,
    last_poll: Instant,
}

/// What became of a block.
struct Stored {
    /// The memory that it takes: at most that of the block by itself.
    bytes: usize,
    /// Whether a segment begins with it.
    begins: bool,
}

/// A step of freeing.
#[derive(Default)]
pub(super) struct Freed {
    /// What goes back to the budget.
    pub(super) bytes: usize,
    /// To be dropped outside the lock.
    pub(super) memory: Vec<Arc<Rendered>>,
    /// Whether there is more to free.
    pub(super) more: bool,
}

impl Log {
    pub(super) fn new(retain: Retain) -> Self {
        Self {
            retain,
            first: 0,
            end: 0,
            sealed: VecDeque::new(),
            tail: Segment { first: 0, messages: Arc::default() },
            open_until: None,
            is_deleted: false,
            subscriptions: BTreeMap::new(),
            positions: BTreeMap::new(),
        }
    }

    /// The offset that the next message gets.
    pub(super) fn end(&self) -> Offset {
        self.end
    }

    /// Makes the block, rendered for the offsets from the end on, part of the log, and answers
    /// whether a segment begins with it. Where nobody would ever read it, only the end moves.
    pub(super) fn publish(&mut self, block: &mut Rendered, budget: &Budget) -> Result<bool, Error> {
        let end = self.end + length(block);
        let mut begins = false;
        if self.retain != Retain::Lag || !self.subscriptions.is_empty() {
            let taken = block.bytes();
            budget.take(taken)?;
            let stored = self.store(block);
            budget.give(taken - stored.bytes);
            begins = stored.begins;
        }
        self.end = end;
        Ok(begins)
    }

    /// Subscribes from the end on; none where the topic is deleted.
    pub(super) fn subscribe(&mut self, consumer: ConsumerId, now: Instant) -> Option<Offset> {
        if self.is_deleted {
            return None;
        }
        self.arrive(self.end);
        let subscription = Subscription { position: self.end, last_poll: now };
        self.subscriptions.insert(consumer, subscription);
        Some(self.end)
    }

    /// Acknowledges and takes, and answers too whether there is something to free now; `None`
    /// where the consumer is not of this topic.
    pub(super) fn poll(&mut self, poll: &Poll<'_>) -> Option<Result<(Polled, bool), Error>> {
        let subscription = self.subscriptions.get_mut(&poll.subscription.consumer)?;
        subscription.last_poll = Instant::now();
        let position = subscription.position;
        let start = poll.offset.unwrap_or(position);
        if start < position {
            return Some(Err(Error::OffsetPassed { given: start, position }));
        }
        if start > self.end {
            return Some(Err(Error::OffsetBeyond { given: start, end: self.end }));
        }
        let start = match poll.offset {
            Some(given) if given < self.first && poll.max > 0 => {
                return Some(Err(Error::OffsetDeleted { given, first: self.first }));
            }
            Some(given) => given,
            None if poll.max > 0 => start.max(self.first),
            None => start,
        };
        let Taking { messages, too_large, .. } = self.take(Taking::for_poll(start, poll));
        if let Some(bytes) = too_large {
            return Some(Err(Error::NoRoom { bytes }));
        }
        let taken = if poll.offset.is_some() { 0 } else { as_offset(messages.len()) };
        let next = start + taken;
        let frees = self.advance(poll.subscription.consumer, position, next);
        Some(Ok((Polled { messages, position: next }, frees)))
    }

    /// What is retained from an offset on, and the end.
    pub(super) fn read(&self, read: &Read<'_>) -> Part {
        let mut taking = Taking::new(read.offset, read.max, read.max_bytes.get());
        for segment in self.segments_from(read.offset) {
            if segment.first > taking.next && segment.messages.len() > 0 {
                // Before it nothing is retained; an answer has no gap within.
                if !taking.messages.is_empty() {
                    break;
                }
                taking.next = segment.first;
            }
            if taking.is_full() {
                break;
            }
            taking.take_from(segment);
        }
        Part { messages: taking.messages, end: self.end }
    }

    pub(super) fn size(&self, consumer: ConsumerId) -> Option<Size> {
        let position = self.subscriptions.get(&consumer)?.position;
        Some(Size { lag: self.lag(position), position })
    }

    /// How much is there that a subscription has yet to get.
    fn lag(&self, position: Offset) -> u64 {
        self.end - position.max(self.first)
    }

    /// Whether a poll would have to be answered: past `offset` there is something, or the
    /// subscription is not there any more.
    pub(super) fn answers(&self, consumer: ConsumerId, offset: Offset) -> bool {
        self.end > offset || !self.subscriptions.contains_key(&consumer)
    }

    /// Ends a subscription, if it is of this topic.
    pub(super) fn unsubscribe(&mut self, consumer: ConsumerId) -> bool {
        let Some(subscription) = self.subscriptions.remove(&consumer) else { return false };
        self.leave(subscription.position);
        true
    }

    /// How many messages it keeps, and the memory that they take.
    pub(super) fn kept(&self) -> (u64, usize) {
        let segments = self.sealed.iter().chain([&self.tail]);
        let kept = segments.map(|segment| (length(&segment.messages), segment.messages.bytes()));
        kept.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// Position, lag and last poll of a subscription.
    pub(super) fn subscription(&self, consumer: ConsumerId) -> Option<(Offset, u64, Instant)> {
        let Subscription { position, last_poll } = self.subscriptions.get(&consumer)?;
        Some((*position, self.lag(*position), *last_poll))
    }

    /// How far subscriptions lag by id, at most `most` of them, those after an id.
    pub(super) fn lags(&self, after: Option<ConsumerId>, most: usize) -> Vec<(ConsumerId, u64)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let subscriptions = self.subscriptions.range((from, Bound::Unbounded)).take(most);
        subscriptions.map(|(&consumer, of)| (consumer, self.lag(of.position))).collect()
    }

    /// Ends the subscriptions without a poll for so long.
    pub(super) fn end_idle(&mut self, idle: Duration) -> Vec<ConsumerId> {
        let idle_ones = self.subscriptions.iter().filter(|(_, s)| s.last_poll.elapsed() >= idle);
        let idle_ones: Vec<_> = idle_ones.map(|(&consumer, _)| consumer).collect();
        for &consumer in &idle_ones {
            self.unsubscribe(consumer);
        }
        idle_ones
    }

    /// Takes out a piece and all before it; one that has grown is left where it is to be spared.
    pub(super) fn delete(&mut self, piece: &Piece, spares_grown: bool) -> (Going, Freed) {
        let mut freed = Freed::default();
        let is_own = |segment: &&Segment| segment.first == piece.first;
        let own = self.segments_from(piece.first).find(is_own).map(Segment::end);
        let end = match own {
            Some(end) if end > self.first => end,
            _ => return (Going::Gone, freed),
        };
        if spares_grown && end > piece.end {
            return (Going::Grown(end), freed);
        }
        while let Some(segment) = self.sealed.pop_front_if(|first| first.end() <= end) {
            freed.bytes += segment.messages.bytes();
            freed.memory.push(segment.messages);
        }
        if self.tail.first < end {
            self.clear_tail(&mut freed);
        }
        self.first = end;
        (Going::Gone, freed)
    }

    /// Takes out everything, for the topic is deleted; answers whose subscriptions end by that.
    pub(super) fn delete_all(&mut self) -> (Vec<ConsumerId>, Freed) {
        self.is_deleted = true;
        self.positions.clear();
        let ended = std::mem::take(&mut self.subscriptions).into_keys().collect();
        let sealed = std::mem::take(&mut self.sealed);
        let memory = sealed.into_iter().chain([std::mem::take(&mut self.tail)]);
        let memory: Vec<_> = memory.map(|segment| segment.messages).collect();
        let bytes = memory.iter().map(|messages| messages.bytes()).sum();
        (ended, Freed { bytes, memory, more: false })
    }

    /// Takes out some of what every subscription is past.
    pub(super) fn free_passed(&mut self) -> Freed {
        let mut freed = Freed::default();
        if self.retain != Retain::Lag {
            return freed;
        }
        let lowest = self.lowest();
        while let Some(first) = self.sealed.front()
            && first.end() <= lowest
        {
            if freed.memory.len() == FREED_AT_ONCE {
                freed.more = true;
                return freed;
            }
            let segment = self.sealed.pop_front().expect("its front was just looked at");
            freed.bytes += segment.messages.bytes();
            freed.memory.push(segment.messages);
        }
        if lowest == self.end && self.tail.messages.len() > 0 {
            self.clear_tail(&mut freed);
        }
        freed
    }

    /// Adds the block.
    fn store(&mut self, block: &mut Rendered) -> Stored {
        let begins = self.tail.messages.len() == 0;
        if begins {
            self.begin();
            self.tail.first = self.end;
        }
        // Without subscriptions the end moved on alone, perhaps before all was freed.
        let adjoins = self.tail.end() == self.end;
        let before = self.tail.messages.bytes();
        if adjoins && (begins || self.is_open()) && self.tail.extend(block) {
            return Stored { bytes: self.tail.messages.bytes() - before, begins };
        }
        self.begin();
        let bytes = block.bytes();
        let messages = if bytes > SEGMENT_BYTES {
            std::mem::take(block)
        } else {
            let mut messages = Rendered::with_room_of(&self.tail.messages, SEGMENT_BYTES);
            messages.extend(block);
            messages
        };
        let next = Segment { first: self.end, messages: Arc::new(messages) };
        let full = std::mem::replace(&mut self.tail, next);
        if full.messages.len() > 0 {
            self.sealed.push_back(full);
        }
        Stored { bytes, begins: true }
    }

    /// Whether appends may go to the tail, as far as it is not too large for any.
    fn is_open(&self) -> bool {
        self.tail.messages.bytes() <= Keeping::piece_bytes(self.retain)
            && self.open_until.is_none_or(|until| Instant::now() < until)
    }

    /// The tail is a new segment.
    fn begin(&mut self) {
        self.open_until = Keeping::open_for(self.retain).map(|time| Instant::now() + time);
    }

    /// A share of the messages from an offset on that is at or above the least position, and where
    /// what comes is not deleted.
    fn take(&self, mut taking: Taking) -> Taking {
        for segment in self.segments_from(taking.next) {
            if taking.next >= self.end || taking.is_full() {
                break;
            }
            taking.take_from(segment);
        }
        taking
    }

    /// The segments from the one with `offset` on, or from one before it.
    fn segments_from(&self, offset: Offset) -> impl Iterator<Item = &Segment> {
        // By where they begin, which is known without a look at their messages.
        let after = self.sealed.partition_point(|segment| segment.first <= offset);
        self.sealed.range(after.saturating_sub(1)..).chain([&self.tail])
    }

    /// Moves a subscription, and answers whether that left something to free.
    fn advance(&mut self, consumer: ConsumerId, from: Offset, to: Offset) -> bool {
        if from == to {
            return false;
        }
        if let Some(subscription) = self.subscriptions.get_mut(&consumer) {
            subscription.position = to;
        }
        self.arrive(to);
        self.leave(from)
    }

    /// The least position; without subscriptions, the end.
    fn lowest(&self) -> Offset {
        self.positions.first_key_value().map_or(self.end, |(&position, _)| position)
    }

    fn arrive(&mut self, position: Offset) {
        *self.positions.entry(position).or_default() += 1;
    }

    /// Notes that a subscription is no longer at `position`, and answers whether that left
    /// something to free.
    fn leave(&mut self, position: Offset) -> bool {
        let standing = self.positions.get_mut(&position).expect("the subscription stood there");
        *standing -= 1;
        if *standing > 0 {
            return false;
        }
        self.positions.remove(&position);
        let lowest = self.lowest();
        if position > lowest {
            return false;
        }
        let sealed = self.sealed.front().is_some_and(|segment| segment.end() <= lowest);
        self.retain == Retain::Lag && (sealed || lowest == self.end)
    }

    fn clear_tail(&mut self, freed: &mut Freed) {
        freed.bytes += self.tail.messages.bytes();
        match Arc::get_mut(&mut self.tail.messages) {
            Some(tail) if tail.bytes() <= SEGMENT_BYTES => tail.clear(),
            _ => freed.memory.push(std::mem::take(&mut self.tail.messages)),
        }
    }
}

fn length(rendered: &Rendered) -> u64 {
    as_offset(rendered.len())
}
