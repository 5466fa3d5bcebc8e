//! What a broker has in memory of a topic: the recent messages of its log, and where it ends.
//!
//! Only messages that are known to be on disk come in here, and those never change; so nothing in
//! here can be wrong, and all of it can be forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use broker_client::wire::Offset;
use tokio::sync::Notify;

use crate::store::locks::lock;
use crate::store::messages::Rendered;
use crate::store::segment::{Segment, Taking};

/// Beside its messages, the memory that a segment takes.
const SEGMENT_COST: usize = 200;

/// The tail of one topic's log.
#[derive(Debug)]
pub(super) struct TailCache {
    cache: Arc<CacheLimit>,
    log: Mutex<Log>,
    /// Notified when the end moves and when a subscription ends; waiters then look again.
    pub(super) changed: Notify,
    /// How many wait for messages.
    waiting: AtomicUsize,
    /// Everything before it was deleted for its age, as far as is known.
    first: AtomicU64,
    is_deleted: AtomicBool,
}

#[derive(Debug, Default)]
struct Log {
    /// By their first offset; they do not overlap, but there may be gaps.
    segments: BTreeMap<Offset, Segment>,
    /// Everything before it is on disk.
    durable_end: Offset,
    /// The end as the database said last, where it was asked. It may be that of a commit which
    /// a crash undoes, so it wakes and is asked again, and nothing more.
    seen: Option<Offset>,
}

impl TailCache {
    pub(super) fn new(cache: Arc<CacheLimit>) -> Arc<Self> {
        let (log, changed, waiting, first, is_deleted) = Default::default();
        Arc::new(Self { cache, log, changed, waiting, first, is_deleted })
    }

    /// Adds messages of which it is known that they, and all before them, are on disk.
    pub(super) fn add(self: &Arc<Self>, first: Offset, block: Rendered, origin: Origin) -> Segment {
        let segment = Segment { first, messages: Arc::new(block) };
        let mut log = self.log();
        let moves = log.durable_end.max(segment.end()) > log.durable_end;
        log.durable_end = log.durable_end.max(segment.end());
        let last = log.segments.range_mut(..first).next_back();
        let bytes = segment.messages.bytes();
        let extended =
            last.is_some_and(|(_, last)| last.end() == first && last.extend(&segment.messages));
        let evicted = if extended {
            self.cache.grow(origin, bytes)
        } else {
            log.segments.insert(first, segment.clone());
            self.cache.enter(origin, self, first, bytes + SEGMENT_COST)
        };
        drop(log);
        evict(evicted);
        if moves {
            self.changed.notify_waiters();
        }
        segment
    }

    /// Takes what is in memory without a gap.
    pub(super) fn take(&self, taking: &mut Taking) {
        let log = self.log();
        let first = log.segments.range(..=taking.next).next_back().map(|(&first, _)| first);
        for segment in log.segments.range(first.unwrap_or(taking.next)..).map(|(_, s)| s) {
            if segment.first > taking.next || taking.is_full() {
                return;
            }
            taking.take_from(segment);
        }
    }

    /// How many messages from `start` on are not in memory before one that is; none where there
    /// is no such one.
    pub(super) fn gap(&self, start: Offset) -> Option<u64> {
        let log = self.log();
        log.segments.range(start..).next().map(|(&first, _)| first - start)
    }

    /// Where the log ends, as far as is known; `None` where the database has yet to say.
    pub(super) fn end(&self) -> Option<Offset> {
        let log = self.log();
        log.seen.map(|seen| seen.max(log.durable_end))
    }

    /// Whether the log is known to have something at `offset`.
    pub(super) fn reaches(&self, offset: Offset) -> bool {
        let log = self.log();
        log.durable_end > offset || log.seen.is_some_and(|seen| seen > offset)
    }

    /// Everything before this offset is on disk.
    pub(super) fn durable_end(&self) -> Offset {
        self.log().durable_end
    }

    /// Notes that everything before `end` is on disk.
    pub(super) fn mark_durable(&self, end: Offset) {
        let mut log = self.log();
        let moves = end > log.durable_end;
        log.durable_end = log.durable_end.max(end);
        drop(log);
        if moves {
            self.changed.notify_waiters();
        }
    }

    /// Notes what the database says of the end, and wakes if it has moved.
    pub(super) fn see(&self, end: Offset) {
        let mut log = self.log();
        let before = log.seen.replace(end).map(|seen| seen.max(log.durable_end));
        drop(log);
        if before.is_none_or(|before| end > before) {
            self.changed.notify_waiters();
        }
    }

    /// Whether a poll waits for messages.
    pub(super) fn is_awaited(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Counts as waiting until it is dropped.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self)
    }

    /// Everything before this offset was deleted for its age, as far as is known.
    pub(super) fn first(&self) -> Offset {
        self.first.load(Ordering::Acquire)
    }

    /// Notes that everything before an offset was deleted, and forgets it.
    pub(super) fn delete_before(&self, first: Offset) {
        if self.first.fetch_max(first, Ordering::AcqRel) >= first {
            return;
        }
        let mut log = self.log();
        let left = log.segments.split_off(&first);
        let mut deleted = std::mem::replace(&mut log.segments, left);
        if let Some((begins, last)) = deleted.pop_last().filter(|(_, last)| last.end() > first) {
            log.segments.insert(begins, last);
        }
        drop(log);
        drop(deleted);
    }

    /// Whether the topic is deleted, as far as is known.
    pub(super) fn is_deleted(&self) -> bool {
        self.is_deleted.load(Ordering::Acquire)
    }

    /// Notes that the topic is deleted, and wakes the polls that wait.
    pub(super) fn delete(&self) {
        self.is_deleted.store(true, Ordering::Release);
        self.forget();
        self.changed.notify_waiters();
    }

    /// Forgets the messages, and what the database said.
    pub(super) fn forget(&self) {
        let mut log = self.log();
        let segments = std::mem::take(&mut log.segments);
        log.seen = None;
        // A crash may have undone it.
        self.first.store(0, Ordering::Release);
        drop(log);
        drop(segments);
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }
}

/// A poll that waits for messages of a topic.
pub(super) struct Waiting<'a>(&'a TailCache);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where messages in memory come from. Each has half of the memory, so that a consumer that reads
/// the whole past does not drive out what those at the head are about to get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// This broker appended them.
    Appended,
    /// They were read.
    Read,
}

/// Bounds the memory of all topics: the oldest that came in goes first.
#[derive(Debug)]
pub(super) struct CacheLimit {
    /// Bytes for each origin.
    limit: usize,
    appended: Mutex<Entries>,
    read: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    used: usize,
    queue: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    topic: Weak<TailCache>,
    first: Offset,
    bytes: usize,
}

impl CacheLimit {
    pub(super) fn new(bytes: usize) -> Self {
        Self { limit: bytes / 2, appended: Mutex::default(), read: Mutex::default() }
    }

    /// The bytes that are used, and the most that may be.
    pub(super) fn now(&self) -> (usize, usize) {
        let used = [Origin::Appended, Origin::Read].map(|origin| self.entries(origin).used);
        (used.iter().sum(), 2 * self.limit)
    }

    fn entries(&self, origin: Origin) -> MutexGuard<'_, Entries> {
        let entries = match origin {
            Origin::Appended => &self.appended,
            Origin::Read => &self.read,
        };
        lock(entries)
    }

    /// Counts a new segment; answers what has to go.
    fn enter(
        &self,
        origin: Origin,
        topic: &Arc<TailCache>,
        first: Offset,
        bytes: usize,
    ) -> Vec<Entry> {
        let mut entries = self.entries(origin);
        entries.queue.push_back(Entry { topic: Arc::downgrade(topic), first, bytes });
        entries.used += bytes;
        self.overflow(&mut entries)
    }

    /// Counts what was added to the latest segment of some topic.
    fn grow(&self, origin: Origin, bytes: usize) -> Vec<Entry> {
        let mut entries = self.entries(origin);
        // Whose it is does not matter: it is given back when the latest entry goes.
        if let Some(latest) = entries.queue.back_mut() {
            latest.bytes += bytes;
            entries.used += bytes;
        }
        self.overflow(&mut entries)
    }

    fn overflow(&self, entries: &mut Entries) -> Vec<Entry> {
        let mut evicted = Vec::new();
        // The latest stays: it is on its way to a consumer.
        while entries.used > self.limit && entries.queue.len() > 1 {
            let oldest = entries.queue.pop_front().expect("there are two");
            entries.used -= oldest.bytes;
            evicted.push(oldest);
        }
        evicted
    }
}

/// Takes them out of their topics, outside of every other lock.
fn evict(evicted: Vec<Entry>) {
    for entry in evicted {
        if let Some(topic) = entry.topic.upgrade() {
            let gone = topic.log().segments.remove(&entry.first);
            drop(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_poll_that_waits_is_woken_by_a_durable_end_too() {
        let tail = TailCache::new(Arc::new(CacheLimit::new(1 << 20)));
        tail.see(100);
        tail.mark_durable(100);
        let changed = tail.changed.notified();
        // A registration, not a query for the end, reports what another broker appended.
        tail.mark_durable(101);
        assert!(changed.now_or_never().is_some());
        assert!(tail.reaches(100));
    }
}
