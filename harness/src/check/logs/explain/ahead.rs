//! How promising a way is: whether the streams have next what the logs want next.
//!
//! In windows of 10 to 300 lines it is compared how often each of the commonest payloads comes next in
//! the streams, each taken in proportion to what is left of it, with how often the log wants it. The
//! squares of the differences are taken relative to the window's length, as for chances.

use super::fields::State;
use super::frontier::Search;

/// In lines.
const WINDOWS: [usize; 6] = [10, 20, 40, 80, 160, 300];

/// So many payloads are looked at; a table for each keeps the memory linear.
const PAYLOADS: usize = 4;

/// A part of an entry, in which shares of streams are counted.
const PARTS: usize = 16;

/// By payload and place: how often it stands before that place.
type Table = Vec<Vec<u32>>;

pub(super) struct Ahead {
    streams: Vec<Table>,
    logs: Vec<Table>,
}

impl Ahead {
    pub(super) fn new<const WORDS: usize>(search: &Search<'_, WORDS>) -> Self {
        let mut counts = std::collections::BTreeMap::<u32, usize>::new();
        for payload in search.streams.iter().flat_map(|stream| stream.entries) {
            *counts.entry(*payload).or_default() += 1;
        }
        let mut payloads: Vec<(u32, usize)> = counts.into_iter().collect();
        payloads.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        // The last one's number follows from the others'.
        payloads.truncate(PAYLOADS.min((payloads.len() - 1).max(1)));
        let table = |entries: &[u32]| -> Table {
            let one = |(payload, _): &(u32, usize)| {
                let mut before = 0;
                let counts = entries.iter().map(|entry| {
                    before += u32::from(entry == payload);
                    before
                });
                std::iter::once(0).chain(counts).collect()
            };
            payloads.iter().map(one).collect()
        };
        Self {
            streams: search.streams.iter().map(|stream| table(stream.entries)).collect(),
            logs: search.readings.iter().map(|reading| table(reading.log.lines)).collect(),
        }
    }

    /// Less is more promising.
    pub(super) fn score<const WORDS: usize>(
        &self,
        search: &Search<'_, WORDS>,
        state: &State<WORDS>,
        level: usize,
    ) -> u64 {
        let left: usize =
            search.streams.iter().map(|own| own.entries.len() - own.at.get(state)).sum();
        let mut score = 0;
        for (reading, table) in search.readings.iter().zip(&self.logs) {
            let from = reading.at(state, level);
            let rest = reading.log.lines.len().saturating_sub(from).min(left);
            let windows = WINDOWS.map(|window| window.min(rest));
            for (payload, wanted) in table.iter().enumerate() {
                let mut offered = [0; WINDOWS.len()];
                for (stream, table) in search.streams.iter().zip(&self.streams) {
                    let at = stream.at.get(state);
                    // One division a stream: this is the innermost loop of a beam.
                    let share = (((stream.entries.len() - at) * PARTS) << 24) / left.max(1);
                    for (offered, window) in offered.iter_mut().zip(windows) {
                        *offered += offer(&table[payload], at, (share * window) >> 24);
                    }
                }
                for (offered, window) in offered.into_iter().zip(windows).filter(|own| own.1 > 0) {
                    let wanted = (wanted[from + window] - wanted[from]) as usize * PARTS;
                    let difference = offered.abs_diff(wanted) as u64;
                    score += 4 * difference * difference / window as u64;
                }
            }
        }
        score
    }

    /// How many steps of work a score is.
    pub(super) fn cost(&self) -> u64 {
        let tables = |tables: &[Table]| tables.iter().map(Vec::len).sum::<usize>();
        (WINDOWS.len() * tables(&self.streams) * self.logs.len()) as u64
    }
}

/// How often a payload stands in the next `share` parts of entries.
fn offer(before: &[u32], at: usize, share: usize) -> usize {
    let (whole, rest) = (share / PARTS, share % PARTS);
    let mut offered = (before[at + whole] - before[at]) as usize * PARTS;
    if rest > 0 {
        offered += (before[at + whole + 1] - before[at + whole]) as usize * rest;
    }
    offered
}
