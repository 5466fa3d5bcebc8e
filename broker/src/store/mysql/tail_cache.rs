//! What a broker has in memory of a topic: the recent messages of its log, and where it ends.
//!
//! Only messages that are known to be on disk come in here, and those never change; so nothing in
//! here can be wrong, and all of it can be forgotten.

mod limit;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use broker_client::wire::Offset;
use tokio::sync::Notify;

pub(super) use self::limit::Origin;
use self::limit::{Evicted, Ticket};
use crate::store::locks::lock;
use crate::store::messages::Rendered;
use crate::store::segment::{Segment, Taking};

/// What bounds the memory of all tails.
pub(super) type CacheLimit = limit::CacheLimit<TailCache>;

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
    segments: BTreeMap<Offset, Kept>,
    /// Everything before it is on disk.
    durable_end: Offset,
    /// The end as the database said last, where it was asked. It may be that of a commit which
    /// a crash undoes, so it wakes and is asked again, and nothing more.
    seen: Option<Offset>,
}

/// A segment in memory.
#[derive(Debug)]
struct Kept {
    segment: Segment,
    /// What it is counted under.
    ticket: Ticket,
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
        let extended = log.segments.range_mut(..first).next_back().and_then(|(_, last)| {
            let (follows, before) = (last.segment.end() == first, last.segment.messages.bytes());
            let extended = follows && last.segment.extend(&segment.messages);
            extended.then(|| (last.ticket, last.segment.messages.bytes() - before))
        });
        let (replaced, evicted) = if let Some((ticket, bytes)) = extended {
            (None, self.cache.grow(ticket, bytes))
        } else {
            let bytes = segment.messages.bytes() + SEGMENT_COST;
            let (ticket, evicted) = self.cache.enter(origin, self, first, bytes);
            (log.segments.insert(first, Kept { segment: segment.clone(), ticket }), evicted)
        };
        drop(log);
        self.give_back(replaced);
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
        for Kept { segment, .. } in
            log.segments.range(first.unwrap_or(taking.next)..).map(|(_, kept)| kept)
        {
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
        if let Some(last) = deleted.last_entry().filter(|last| last.get().segment.end() > first) {
            let (begins, last) = last.remove_entry();
            log.segments.insert(begins, last);
        }
        drop(log);
        self.give_back(deleted.into_values());
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
        self.give_back(segments.into_values());
    }

    /// Gives back the memory of segments that were taken out.
    fn give_back(&self, segments: impl IntoIterator<Item = Kept>) {
        for Kept { segment, ticket } in segments {
            drop(segment);
            self.cache.give_back(ticket);
        }
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

impl Drop for TailCache {
    fn drop(&mut self) {
        // What a read brought after its topic was deleted.
        self.forget();
    }
}

/// Takes them out of their topics, outside of every other lock.
fn evict(evicted: Vec<Evicted<TailCache>>) {
    for Evicted { topic, first, ticket } in evicted {
        if let Some(topic) = topic.upgrade() {
            let mut log = topic.log();
            // Another one may have come in its place.
            let gone = match log.segments.get(&first) {
                Some(kept) if kept.ticket == ticket => log.segments.remove(&first),
                _ => None,
            };
            drop(log);
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
