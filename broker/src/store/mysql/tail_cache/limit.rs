//! The bound on the memory of all topics: the segment that came in first goes first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use broker_client::wire::Offset;

use crate::store::locks::lock;

/// Where messages in memory come from. Each has half of the memory, so that a consumer that reads
/// the whole past does not drive out what those at the head are about to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store::mysql) enum Origin {
    /// This broker appended them.
    Appended,
    /// They were read.
    Read,
}

/// What a segment is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    origin: Origin,
    number: u64,
}

/// Bounds the memory of all topics, of which a `T` is one.
#[derive(Debug)]
pub(in crate::store::mysql) struct CacheLimit<T> {
    /// Bytes for each origin.
    limit: usize,
    appended: Mutex<Entries<T>>,
    read: Mutex<Entries<T>>,
}

#[derive(Debug)]
struct Entries<T> {
    used: usize,
    /// The number of the next one.
    next: u64,
    /// By number, and so in the order in which they came.
    by_number: BTreeMap<u64, Entry<T>>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { used: 0, next: 0, by_number: BTreeMap::new() }
    }
}

#[derive(Debug)]
struct Entry<T> {
    topic: Weak<T>,
    first: Offset,
    bytes: usize,
}

/// A segment that has to go, by its topic and its first offset.
#[must_use]
pub(super) struct Evicted<T> {
    pub(super) topic: Weak<T>,
    pub(super) first: Offset,
    pub(super) ticket: Ticket,
}

impl<T> CacheLimit<T> {
    pub(in crate::store::mysql) fn new(bytes: usize) -> Self {
        Self { limit: bytes / 2, appended: Mutex::default(), read: Mutex::default() }
    }

    /// The bytes that are used, and the most that may be.
    pub(in crate::store::mysql) fn now(&self) -> (usize, usize) {
        let used = [Origin::Appended, Origin::Read].map(|origin| self.entries(origin).used);
        (used.iter().sum(), 2 * self.limit)
    }

    /// Counts a new segment; answers what has to go.
    pub(super) fn enter(
        &self,
        origin: Origin,
        topic: &Arc<T>,
        first: Offset,
        bytes: usize,
    ) -> (Ticket, Vec<Evicted<T>>) {
        let mut entries = self.entries(origin);
        let number = entries.next;
        entries.next += 1;
        entries.by_number.insert(number, Entry { topic: Arc::downgrade(topic), first, bytes });
        entries.used += bytes;
        (Ticket { origin, number }, self.overflow(origin, &mut entries))
    }

    /// Counts what was added to a segment; answers what has to go.
    pub(super) fn grow(&self, ticket: Ticket, bytes: usize) -> Vec<Evicted<T>> {
        let mut entries = self.entries(ticket.origin);
        // Otherwise it is on its way out, and so is what was added.
        if let Some(entry) = entries.by_number.get_mut(&ticket.number) {
            entry.bytes += bytes;
            entries.used += bytes;
        }
        self.overflow(ticket.origin, &mut entries)
    }

    /// Gives back what a segment took that is gone.
    pub(super) fn give_back(&self, ticket: Ticket) {
        let mut entries = self.entries(ticket.origin);
        if let Some(entry) = entries.by_number.remove(&ticket.number) {
            entries.used -= entry.bytes;
        }
    }

    fn overflow(&self, origin: Origin, entries: &mut Entries<T>) -> Vec<Evicted<T>> {
        let mut evicted = Vec::new();
        // The latest stays: it is on its way to a consumer.
        while entries.used > self.limit && entries.by_number.len() > 1 {
            let (number, oldest) = entries.by_number.pop_first().expect("there are two");
            entries.used -= oldest.bytes;
            let ticket = Ticket { origin, number };
            evicted.push(Evicted { topic: oldest.topic, first: oldest.first, ticket });
        }
        evicted
    }

    fn entries(&self, origin: Origin) -> MutexGuard<'_, Entries<T>> {
        lock(match origin {
            Origin::Appended => &self.appended,
            Origin::Read => &self.read,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CacheLimit, SEGMENT_COST, TailCache};
    use super::*;
    use crate::store::messages::Rendered;

    /// Messages of one byte each.
    fn block(first: Offset, count: u64) -> Rendered {
        let mut block = Rendered::default();
        (first..first + count).for_each(|offset| block.push(offset, 0, None, "x"));
        block
    }

    /// A segment of so many messages, too large to be one with its neighbour.
    fn add(tail: &Arc<TailCache>, first: Offset, count: u64) -> usize {
        let segment = tail.add(first, block(first, count), Origin::Appended);
        segment.messages.bytes() + SEGMENT_COST
    }

    /// What is in memory, from the beginning of each part to its end.
    fn parts(tail: &TailCache) -> Vec<(Offset, Offset)> {
        let log = tail.log();
        log.segments.values().map(|kept| (kept.segment.first, kept.segment.end())).collect()
    }

    #[test]
    fn what_is_deleted_or_forgotten_takes_no_memory_and_drives_out_nothing() {
        const LARGE: u64 = 4000;
        let cache = Arc::new(CacheLimit::new(1 << 20));
        let tails = [(); 2].map(|()| TailCache::new(Arc::clone(&cache)));
        let [tail, other] = &tails;
        let bytes = add(other, 0, LARGE);
        let count = 9 * LARGE;
        for first in (0..count).step_by(4000) {
            add(tail, first, LARGE);
        }
        let used = || cache.now().0;
        assert_eq!(used(), 10 * bytes);
        // A part of which some is left stays.
        tail.delete_before(8 * LARGE - 1);
        assert_eq!(parts(tail), [(7 * LARGE, 8 * LARGE), (8 * LARGE, 9 * LARGE)]);
        assert_eq!(used(), 3 * bytes);
        while used() + bytes <= (1 << 19) {
            add(tail, tail.durable_end(), LARGE);
        }
        assert_eq!(parts(other), [(0, LARGE)], "there was room for it");
        add(tail, tail.durable_end(), LARGE);
        assert_eq!(parts(other), [], "it is the oldest");
        tail.forget();
        assert_eq!(used(), 0);
        add(tail, 0, LARGE);
        add(other, 0, LARGE);
        assert_eq!(used(), 2 * bytes);
        tail.delete();
        // A read that was under way.
        add(tail, 0, LARGE);
        assert_eq!(used(), 2 * bytes);
        drop(tails);
        assert_eq!(used(), 0);
    }

    #[test]
    fn what_extends_a_segment_counts_as_part_of_it() {
        let cache = Arc::new(CacheLimit::new(1 << 20));
        let tails = [(); 2].map(|()| TailCache::new(Arc::clone(&cache)));
        let [tail, other] = &tails;
        tail.add(0, block(0, 1), Origin::Appended);
        let latest = add(other, 0, 1);
        tail.add(1, block(1, 100), Origin::Appended);
        assert_eq!(parts(tail), [(0, 101)]);
        other.forget();
        let extended = tail.log().segments[&0].segment.messages.bytes() + SEGMENT_COST;
        assert!(extended > latest);
        assert_eq!(cache.now().0, extended);
    }
}
