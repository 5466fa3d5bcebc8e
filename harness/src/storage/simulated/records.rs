//! What was written to a simulated disk and not synced, what becomes of it when the power goes, and
//! what was known of each payload just before that.

use std::collections::{BTreeMap, BTreeSet};

use rand_pcg::rand_core::Rng;

use crate::chance;
use crate::fault::Keep;
use crate::history::{Forgotten, Nanos, Trace};

/// Names a record; none is given twice.
pub(crate) type RecordId = u64;

/// As many files as [`Forgotten::most`] names.
const MOST: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Records {
    next: RecordId,
    /// In the order of their writing.
    unsynced: Vec<Record>,
    /// Only for runs that will ask: it costs a copy of every payload.
    traces: Option<Traces>,
}

/// Bytes that become durable together: what a store's recovery takes whole or not at all.
#[derive(Debug)]
struct Record {
    id: RecordId,
    file: &'static str,
    bytes: u64,
    payloads: Vec<String>,
}

#[derive(Debug, Default)]
struct Traces {
    now: BTreeMap<String, Place>,
    /// When each file was last synced.
    synced: BTreeMap<&'static str, Nanos>,
    /// What is answered, once there was a cut.
    before_cut: Option<BTreeMap<String, Trace>>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    file: &'static str,
    at: Nanos,
    is_synced: bool,
}

impl Records {
    /// From now on it is known of each payload what became of it.
    pub(super) fn trace_all(&mut self) {
        self.traces.get_or_insert_default();
    }

    pub(super) fn write<'a>(
        &mut self,
        file: &'static str,
        bytes: u64,
        payloads: impl Iterator<Item = &'a str>,
        at: Nanos,
    ) -> RecordId {
        let mut kept = Vec::new();
        if let Some(traces) = &mut self.traces {
            kept.extend(payloads.map(str::to_owned));
            let place = Place { file, at, is_synced: false };
            for payload in &kept {
                traces.now.entry(payload.clone()).or_insert(place);
            }
        }
        let id = self.next;
        self.next += 1;
        self.unsynced.push(Record { id, file, bytes, payloads: kept });
        id
    }

    /// Those of the records that are not yet durable become so.
    pub(super) fn sync(&mut self, ids: &[RecordId], at: Nanos) {
        let own = self.unsynced.extract_if(.., |record| ids.contains(&record.id));
        for record in own {
            let Some(traces) = &mut self.traces else { continue };
            traces.synced.insert(record.file, at);
            for payload in &record.payloads {
                traces.now.entry(payload.clone()).and_modify(|place| place.is_synced = true);
            }
        }
    }

    /// What is no longer wanted: it is rolled back.
    pub(super) fn take_back(&mut self, id: RecordId) {
        let own = self.unsynced.extract_if(.., |record| record.id == id);
        own.for_each(|record| forget(&mut self.traces, &record));
    }

    /// The power goes: what was forgotten, and which records survived. Of each file those survive that
    /// were written first, as far as chance goes: recovery ends at the first record that is torn.
    pub(super) fn cut(
        &mut self,
        keep: Keep,
        chance: &mut impl Rng,
    ) -> (Forgotten, BTreeSet<RecordId>) {
        if let Some(traces) = &mut self.traces {
            traces.before_cut = Some(traces.all());
        }
        let records = std::mem::take(&mut self.unsynced);
        let mut left: BTreeMap<&str, u64> = BTreeMap::new();
        for record in &records {
            *left.entry(record.file).or_default() += 1;
        }
        for count in left.values_mut() {
            let some = chance::below(chance.next_u64(), *count + 1);
            *count = if keep == Keep::Some { some } else { 0 };
        }
        let mut survivors = BTreeSet::new();
        let mut forgotten = Forgotten::default();
        let mut by_file: BTreeMap<&str, u64> = BTreeMap::new();
        for record in &records {
            let left = left.entry(record.file).or_default();
            if *left > 0 {
                *left -= 1;
                forgotten.kept += record.bytes;
                survivors.insert(record.id);
                // It is as durable as what was synced.
                mark_synced(&mut self.traces, record);
            } else {
                forgotten.bytes += record.bytes;
                *by_file.entry(record.file).or_default() += record.bytes;
                forget(&mut self.traces, record);
            }
        }
        forgotten.files = by_file.len() as u64;
        forgotten.most =
            by_file.into_iter().map(|(file, bytes)| (file.to_owned(), bytes)).collect();
        forgotten.most.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
        forgotten.most.truncate(MOST);
        (forgotten, survivors)
    }

    /// What is known of a payload, as of just before the last cut.
    pub(super) fn trace(&self, payload: &str) -> Trace {
        let Some(traces) = &self.traces else { return Trace::Nowhere };
        let known = match &traces.before_cut {
            Some(before) => before.get(payload).cloned(),
            None => traces.of(payload),
        };
        known.unwrap_or(Trace::Nowhere)
    }
}

fn mark_synced(traces: &mut Option<Traces>, record: &Record) {
    let Some(traces) = traces else { return };
    for payload in &record.payloads {
        traces.now.entry(payload.clone()).and_modify(|place| place.is_synced = true);
    }
}

fn forget(traces: &mut Option<Traces>, record: &Record) {
    let Some(traces) = traces else { return };
    for payload in &record.payloads {
        // It may have been written twice, and synced once.
        if traces.now.get(payload).is_some_and(|place| !place.is_synced) {
            traces.now.remove(payload);
        }
    }
}

impl Traces {
    fn of(&self, payload: &str) -> Option<Trace> {
        self.now.get(payload).map(|place| self.at(place))
    }

    fn all(&self) -> BTreeMap<String, Trace> {
        self.now.iter().map(|(payload, place)| (payload.clone(), self.at(place))).collect()
    }

    fn at(&self, place: &Place) -> Trace {
        let (file, at) = (place.file.to_owned(), Some(place.at));
        if place.is_synced {
            return Trace::Synced { file, at };
        }
        Trace::Written { file, at, synced: self.synced.get(place.file).copied() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Purpose, generator};

    fn written(records: &mut Records, file: &'static str, payload: &str) -> RecordId {
        records.write(file, payload.len() as u64, [payload].into_iter(), 7)
    }

    #[test]
    fn a_cut_forgets_what_was_not_synced_and_nothing_else() {
        let mut records = Records::default();
        records.trace_all();
        let synced = written(&mut records, "journal", "first");
        records.sync(&[synced], 8);
        written(&mut records, "journal", "second");
        let (forgotten, survivors) =
            records.cut(Keep::None, &mut generator(1, Purpose::SimulatedDisk, 0));
        let most = vec![("journal".to_owned(), 6)];
        assert_eq!(forgotten, Forgotten { bytes: 6, files: 1, most, ..Forgotten::default() });
        assert!(survivors.is_empty());
        let file = || "journal".to_owned();
        assert_eq!(records.trace("first"), Trace::Synced { file: file(), at: Some(7) });
        let second = Trace::Written { file: file(), at: Some(7), synced: Some(8) };
        assert_eq!(records.trace("second"), second);
        assert_eq!(records.trace("third"), Trace::Nowhere);
        let (again, _) = records.cut(Keep::None, &mut generator(1, Purpose::SimulatedDisk, 0));
        assert_eq!(again, Forgotten::default(), "it is forgotten once");
        assert_eq!(records.trace("second"), Trace::Nowhere, "it was not there any more");
    }

    #[test]
    fn of_each_file_the_first_records_survive_by_chance() {
        let mut seen = BTreeSet::new();
        for seed in 0..50 {
            let mut records = Records::default();
            for file in ["a", "b", "a", "b", "a"] {
                written(&mut records, file, "xx");
            }
            let (forgotten, survivors) =
                records.cut(Keep::Some, &mut generator(seed, Purpose::SimulatedDisk, 0));
            assert_eq!(forgotten.bytes + forgotten.kept, 10);
            for own in [[0, 2, 4].as_slice(), &[1, 3]] {
                let kept: Vec<bool> = own.iter().map(|id| survivors.contains(id)).collect();
                assert!(kept.is_sorted_by(|one, other| one >= other), "{survivors:?}");
            }
            seen.insert(survivors);
        }
        assert_eq!(seen.len(), 4 * 3, "every way to be cut");
    }

    #[test]
    fn what_is_taken_back_is_not_forgotten() {
        let mut records = Records::default();
        let id = written(&mut records, "journal", "first");
        records.take_back(id);
        let (forgotten, _) = records.cut(Keep::None, &mut generator(1, Purpose::SimulatedDisk, 0));
        assert_eq!(forgotten, Forgotten::default());
    }
}
