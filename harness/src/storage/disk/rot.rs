//! Bits that flip in the bytes of a payload.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::{ControlFlow, Range};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rand_pcg::rand_core::Rng;

use super::content::Content;
use super::inode::Inode;
use super::search::finders;
use super::state::Disk;
use crate::chance::{Purpose, below, generator};
use crate::lock::lock;
use crate::storage::protocol::Rotten;

impl Disk {
    /// Flips so many bits of the first of these payloads that is in any file, in the copy that the server
    /// sees and, where it has the same bytes, in the durable one. The same bits flip in all places where
    /// the payload is: else a server would heal it from its log or its other copy by luck. Told is the
    /// first place, by the path of its file. None where no payload is found, and those of fewer than 4
    /// bytes are not looked for. Nobody may use the disk meanwhile.
    ///
    /// # Errors
    /// A backing file cannot be read or written.
    pub fn rot(&self, payloads: &[String], bits: u32, seed: u64) -> io::Result<Option<Rotten>> {
        let names = lock(&self.names);
        // By path: the first file has the first place.
        let files: BTreeMap<String, Arc<Inode>> = names
            .live
            .paths()
            .into_iter()
            .filter_map(|(ino, path)| Some((path, Arc::clone(names.inodes.get(&ino)?))))
            .collect();
        drop(names);
        let Some(payload) = first_found(payloads, &files)? else { return Ok(None) };
        let text = &payloads[payload..=payload];
        let bits = places(text[0].len(), bits, seed);
        let mut first = None;
        for (path, inode) in &files {
            let Some(content) = inode.content() else { continue };
            let mut content = lock(content);
            for place in all_places(text, &mut content)? {
                content.flip(&place, &bits)?;
                first.get_or_insert((path, place.start));
            }
            content.close();
        }
        Ok(first.map(|(file, start)| Rotten {
            payload,
            file: file.clone(),
            offset: start + bits.first().map_or(0, |bit| (bit / 8) as u64),
            bits: u32::try_from(bits.len()).expect("there are at most as many as were asked for"),
        }))
    }
}

/// The first payload that is in any file.
fn first_found(
    payloads: &[String],
    files: &BTreeMap<String, Arc<Inode>>,
) -> io::Result<Option<usize>> {
    let mut first = None;
    for finder in finders(payloads)? {
        for content in files.values().filter_map(|inode| inode.content()) {
            let live = lock(content).live()?;
            finder.walk(&live, |payload, _| {
                first = Some(first.map_or(payload, |first: usize| first.min(payload)));
                if first == Some(0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
        }
        // The payloads of the next walk come after those of this one.
        if first.is_some() {
            break;
        }
    }
    Ok(first)
}

/// All places of one payload in a file that do not overlap: bits that flip twice would be whole again.
fn all_places(payload: &[String], content: &mut Content) -> io::Result<Vec<Range<u64>>> {
    let mut places: Vec<Range<u64>> = Vec::new();
    let live = content.live()?;
    for finder in finders(payload)? {
        finder.walk(&live, |_, range| {
            if places.last().is_none_or(|last| last.end <= range.start) {
                places.push(range);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(places)
}

/// So many different bits of a payload of that many bytes, or all that there are.
fn places(len: usize, bits: u32, seed: u64) -> BTreeSet<usize> {
    let mut chance = generator(seed, Purpose::Disk, 1);
    let all = len * 8;
    let wanted = all.min(bits as usize);
    let mut places = BTreeSet::new();
    while places.len() < wanted {
        let place = below(chance.next_u64(), all as u64);
        places.insert(usize::try_from(place).expect("it is below a length"));
    }
    places
}

impl Content {
    fn flip(&mut self, place: &Range<u64>, bits: &BTreeSet<usize>) -> io::Result<()> {
        self.keep_as_before()?;
        let (live, durable) = (self.live()?, self.durable()?);
        let len = usize::try_from(place.end - place.start).expect("it is as long as a payload");
        let (mut good, mut other) = (vec![0; len], vec![0; len]);
        live.read_exact_at(&mut good, place.start)?;
        let is_durable = durable.read_exact_at(&mut other, place.start).is_ok() && other == good;
        for bit in bits {
            good[bit / 8] ^= 1 << (bit % 8);
        }
        live.write_all_at(&good, place.start)?;
        if is_durable {
            durable.write_all_at(&good, place.start)?;
        }
        Ok(())
    }
}
