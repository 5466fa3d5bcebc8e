//! How often a payload stands in the first so many entries of a sequence.

use std::collections::BTreeMap;

/// By payload: where it stands, ascending.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<u32, Vec<u32>>);

impl Places {
    pub(super) fn new(sequence: &[u32]) -> Self {
        let mut places: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (place, payload) in (0..).zip(sequence) {
            places.entry(*payload).or_default().push(place);
        }
        Self(places)
    }

    /// How often among the first `end` entries.
    pub(super) fn before(&self, payload: u32, end: usize) -> usize {
        self.0.get(&payload).map_or(0, |own| own.partition_point(|place| (*place as usize) < end))
    }

    pub(super) fn total(&self, payload: u32) -> usize {
        self.0.get(&payload).map_or(0, Vec::len)
    }
}
