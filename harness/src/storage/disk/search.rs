//! Where payloads are in a file: many at once, in one walk over its bytes.
//!
//! A payload is found where its bytes are in one piece and as they are: not where a store compresses,
//! encrypts or splits it.

use std::fs::File;
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;

use aho_corasick::AhoCorasick;

use super::sparse::{CHUNK, next_data};

/// Shorter payloads are never looked for: such bytes are everywhere.
const SHORTEST: usize = 4;

/// The bytes of payloads that are looked for in one walk: what finds them takes many times as much
/// memory.
const AT_ONCE: usize = 4 << 20;

/// Finds some payloads.
pub(super) struct Finder {
    automaton: AhoCorasick,
    /// The places of those that are looked for among all payloads.
    places: Vec<usize>,
    longest: usize,
}

/// Finders for all payloads that can be looked for, one for each walk that it takes.
pub(super) fn finders(payloads: &[String]) -> io::Result<Vec<Finder>> {
    let mut finders = Vec::new();
    let (mut places, mut bytes) = (Vec::new(), 0);
    for (place, payload) in payloads.iter().enumerate() {
        if payload.len() < SHORTEST {
            continue;
        }
        places.push(place);
        bytes += payload.len();
        if bytes >= AT_ONCE {
            finders.push(Finder::new(payloads, std::mem::take(&mut places))?);
            bytes = 0;
        }
    }
    if !places.is_empty() {
        finders.push(Finder::new(payloads, places)?);
    }
    Ok(finders)
}

impl Finder {
    fn new(payloads: &[String], places: Vec<usize>) -> io::Result<Self> {
        let patterns = places.iter().map(|place| payloads[*place].as_bytes());
        let automaton = AhoCorasick::new(patterns).map_err(io::Error::other)?;
        let longest = automaton.max_pattern_len();
        Ok(Self { automaton, places, longest })
    }

    /// Tells of each place where one of the payloads is, overlapping or not, in the order of their ends.
    pub(super) fn walk(
        &self,
        file: &File,
        mut found: impl FnMut(usize, Range<u64>) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let size = file.metadata()?.len();
        let mut at = 0;
        while let Some(data) = next_data(file, at..size)? {
            at = data.end;
            if self.walk_data(file, data, &mut found)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    fn walk_data(
        &self,
        file: &File,
        data: Range<u64>,
        found: &mut impl FnMut(usize, Range<u64>) -> ControlFlow<()>,
    ) -> io::Result<ControlFlow<()>> {
        let mut bytes = Vec::new();
        // Where in the file the first of them is.
        let mut start = data.start;
        while start + (bytes.len() as u64) < data.end {
            // The end of the last chunk comes before this one, for what is in both.
            let again = bytes.len().min(self.longest - 1);
            let skipped = bytes.len() - again;
            bytes.drain(..skipped);
            start += skipped as u64;
            let from = start + again as u64;
            let more = usize::try_from((data.end - from).min(CHUNK)).expect("a chunk is small");
            bytes.resize(again + more, 0);
            file.read_exact_at(&mut bytes[again..], from)?;
            for found_one in self.automaton.find_overlapping_iter(&bytes) {
                // What ends in the part that was seen before was told before.
                if found_one.end() <= again {
                    continue;
                }
                let range = start + found_one.start() as u64..start + found_one.end() as u64;
                if found(self.places[found_one.pattern().as_usize()], range).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_found_over_the_edges_of_chunks_and_told_once() {
        let file = tempfile::tempfile().unwrap();
        let payloads = ["first payload", "second", "payload", "abc", ""].map(String::from);
        let places = [0, CHUNK - 5, 2 * CHUNK - 13, 2 * CHUNK, 9 * CHUNK];
        file.set_len(10 * CHUNK).unwrap();
        // Bytes everywhere but in the last part, so that it is one piece and then a hole.
        file.write_all_at(&".".repeat(4 << 20).into_bytes(), 0).unwrap();
        for place in places {
            file.write_all_at(b"first payload", place).unwrap();
        }
        let mut all = Vec::new();
        for finder in finders(&payloads).unwrap() {
            finder
                .walk(&file, |payload, range| {
                    all.push((range.start, range.end - range.start, payload));
                    ControlFlow::Continue(())
                })
                .unwrap();
        }
        all.sort_unstable();
        let expected = places.iter().flat_map(|at| [(*at, 13, 0), (at + 6, 7, 2)]);
        assert_eq!(all, expected.collect::<Vec<_>>());
    }
}
