//! Sets of bytes of a file, as ranges that neither touch nor overlap.

use std::collections::BTreeMap;
use std::ops::Range;

/// Some bytes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ranges {
    /// The end of each, by its start.
    ends: BTreeMap<u64, u64>,
    /// How many bytes that are.
    total: u64,
}

impl Ranges {
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes are in it.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All of it, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Range<u64>> {
        self.ends.iter().map(|(&start, &end)| start..end)
    }

    /// What of a range is in it, in order.
    pub(super) fn within(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        // A map refuses to look from a place to one before it.
        let range = range.start.min(range.end)..range.end;
        let before = self.ends.range(..range.start).next_back();
        before
            .into_iter()
            .chain(self.ends.range(range.clone()))
            .map(move |(&start, &end)| start.max(range.start)..end.min(range.end))
            .filter(|part| !part.is_empty())
    }

    /// Whether any byte of a range is in it.
    pub(super) fn meets(&self, range: Range<u64>) -> bool {
        self.within(range).next().is_some()
    }

    /// Whether all bytes of a range are in it.
    pub(super) fn covers(&self, range: Range<u64>) -> bool {
        let len = range.end.saturating_sub(range.start);
        self.within(range).map(|part| part.end - part.start).sum::<u64>() == len
    }

    pub(super) fn add(&mut self, range: Range<u64>) {
        let Range { mut start, mut end } = range;
        if start >= end {
            return;
        }
        // The common case, an append, finds one neighbour that grows.
        if let Some((&before, &its_end)) = self.ends.range(..=start).next_back()
            && its_end >= start
        {
            start = before;
            end = end.max(its_end);
        }
        while let Some((&next, &its_end)) = self.ends.range(start..=end).next() {
            self.ends.remove(&next);
            self.total -= its_end - next;
            end = end.max(its_end);
        }
        self.ends.insert(start, end);
        self.total += end - start;
    }

    pub(super) fn add_all(&mut self, other: &Self) {
        other.iter().for_each(|range| self.add(range));
    }

    pub(super) fn remove(&mut self, range: Range<u64>) {
        let parts: Vec<Range<u64>> = self.within(range).collect();
        for part in parts {
            let (&start, &end) = self.ends.range(..=part.start).next_back().expect("it is in one");
            self.ends.remove(&start);
            for rest in [start..part.start, part.end..end] {
                if !rest.is_empty() {
                    self.ends.insert(rest.start, rest.end);
                }
            }
            self.total -= part.end - part.start;
        }
    }

    /// Forgets what is at a place or behind it.
    pub(super) fn cut_at(&mut self, size: u64) {
        self.remove(size..u64::MAX);
    }
}

#[cfg(test)]
mod tests {
    use rand_pcg::rand_core::Rng;

    use super::*;
    use crate::chance::{Purpose, below, generator};

    #[test]
    fn they_are_what_a_set_of_single_bytes_is() {
        let mut chance = generator(1, Purpose::Disk, 0);
        for _ in 0..200 {
            let (mut ranges, mut bytes) = (Ranges::default(), Vec::new());
            for _ in 0..20 {
                let mut place = || below(chance.next_u64(), 65);
                let (a, b) = (place(), place());
                let (range, is_added) = (a.min(b)..a.max(b), place() < 40);
                let is_in = |byte: u64| bytes.contains(&byte);
                assert_eq!(ranges.meets(range.clone()), range.clone().any(is_in), "{ranges:?}");
                assert_eq!(ranges.covers(range.clone()), range.clone().all(is_in), "{ranges:?}");
                bytes.retain(|byte| !range.contains(byte));
                if is_added {
                    bytes.extend(range.clone());
                    ranges.add(range);
                } else {
                    ranges.remove(range);
                }
                bytes.sort_unstable();
                assert_eq!(ranges.iter().flatten().collect::<Vec<_>>(), bytes);
                assert_eq!(ranges.total(), bytes.len() as u64);
                let touch = ranges.iter().zip(ranges.iter().skip(1)).any(|(a, b)| a.end == b.start);
                assert!(!touch, "{ranges:?}");
            }
        }
    }
}
