//! When the bytes of a file were written.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::history::Nanos;

/// How many writes are remembered of all files of a disk together: some 100 MB of memory. Beyond it a
/// file that is written forgets the older half of its own, whose times are then unknown.
pub(super) const REMEMBERED: usize = 1_000_000;

/// Neighbours that were written within this time are one write: a log that grows byte by byte is not
/// to cost an entry for each.
const ONE_WRITE: Nanos = 1_000_000;

/// When the bytes of one file were written, as far as that is remembered.
#[derive(Debug)]
pub(super) struct Writes {
    /// The end of each write and its time, by its start; none overlap, for the last one wins.
    entries: BTreeMap<u64, (u64, Nanos)>,
    /// How many there are of all files of the disk.
    everywhere: Arc<AtomicUsize>,
    /// How many there may be.
    limit: usize,
}

impl Writes {
    pub(super) fn new(everywhere: Arc<AtomicUsize>) -> Self {
        Self { entries: BTreeMap::new(), everywhere, limit: REMEMBERED }
    }

    /// Remembers a write.
    pub(super) fn note(&mut self, range: Range<u64>, at: Nanos) {
        if range.is_empty() {
            return;
        }
        self.forget(range.clone());
        let before = self.entries.range_mut(..range.start).next_back();
        if let Some((_, (end, time))) = before
            && *end == range.start
            && at.saturating_sub(*time) < ONE_WRITE
        {
            *end = range.end;
            return;
        }
        self.insert(range, at);
        if self.everywhere.load(Ordering::Relaxed) > self.limit {
            self.forget_older_half();
        }
    }

    /// When the last byte of a range was written.
    pub(super) fn at(&self, range: &Range<u64>) -> Option<Nanos> {
        let before = self.entries.range(..range.start).next_back();
        let before = before.filter(|(_, (end, _))| *end > range.start);
        let inside = self.entries.range(range.clone());
        before.into_iter().chain(inside).map(|(_, (_, at))| *at).max()
    }

    /// Forgets the writes of a range.
    pub(super) fn forget(&mut self, range: Range<u64>) {
        let before = self.entries.range(..range.start).next_back().map(|(start, _)| *start);
        let inside = self.entries.range(range.clone()).map(|(start, _)| *start);
        for start in before.into_iter().chain(inside).collect::<Vec<_>>() {
            let (end, at) = self.entries[&start];
            if end <= range.start {
                continue;
            }
            self.remove(start);
            for rest in [start..range.start, range.end..end] {
                if !rest.is_empty() {
                    self.insert(rest, at);
                }
            }
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.everywhere.fetch_sub(self.entries.len(), Ordering::Relaxed);
        self.entries.clear();
    }

    fn forget_older_half(&mut self) {
        let mut times: Vec<Nanos> = self.entries.values().map(|(_, at)| *at).collect();
        times.sort_unstable();
        let Some(&middle) = times.get(times.len() / 2) else { return };
        let older: Vec<u64> = self
            .entries
            .iter()
            .filter(|(_, (_, at))| *at < middle)
            .map(|(start, _)| *start)
            .collect();
        older.into_iter().for_each(|start| self.remove(start));
    }

    fn insert(&mut self, range: Range<u64>, at: Nanos) {
        if self.entries.insert(range.start, (range.end, at)).is_none() {
            self.everywhere.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn remove(&mut self, start: u64) {
        if self.entries.remove(&start).is_some() {
            self.everywhere.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Clone for Writes {
    /// A copy counts as well.
    fn clone(&self) -> Self {
        self.everywhere.fetch_add(self.entries.len(), Ordering::Relaxed);
        Self {
            entries: self.entries.clone(),
            everywhere: Arc::clone(&self.everywhere),
            limit: self.limit,
        }
    }
}

impl Drop for Writes {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn the_last_write_of_a_range_is_told() {
        let mut writes = Writes::new(Arc::default());
        writes.note(0..100, SECOND);
        writes.note(40..60, 2 * SECOND);
        for (range, at) in [
            (0..10, Some(1)),
            (30..40, Some(1)),
            (30..41, Some(2)),
            (59..70, Some(2)),
            (60..70, Some(1)),
            (100..200, None),
        ] {
            assert_eq!(writes.at(&range), at.map(|at| at * SECOND), "{range:?}");
        }
        writes.forget(0..50);
        assert_eq!((writes.at(&(0..50)), writes.at(&(50..60))), (None, Some(2 * SECOND)));
    }

    #[test]
    fn neighbours_that_are_written_at_once_are_one_entry() {
        let mut writes = Writes::new(Arc::default());
        for byte in 0..1000 {
            writes.note(byte..byte + 1, SECOND + byte);
        }
        assert_eq!(writes.entries.len(), 1);
        writes.note(1000..1001, 2 * SECOND);
        assert_eq!(writes.entries.len(), 2);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_are_forgotten() {
        let everywhere = Arc::default();
        let mut writes = Writes { limit: 100, ..Writes::new(Arc::clone(&everywhere)) };
        for number in 0..1000 {
            writes.note(number * 10..number * 10 + 5, number * SECOND);
            assert!(everywhere.load(Ordering::Relaxed) <= 101);
        }
        assert_eq!((writes.at(&(0..5)), writes.at(&(9990..9995))), (None, Some(999 * SECOND)));
        drop(writes.clone());
        assert_eq!(everywhere.load(Ordering::Relaxed), writes.entries.len());
        drop(writes);
        assert_eq!(everywhere.load(Ordering::Relaxed), 0);
    }
}
