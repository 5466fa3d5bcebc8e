//! What survives a power cut by chance of what was not durable.
//!
//! Of bytes: each page of 4,096, by itself and in no order, survives whole, not at all, or torn: of its
//! sectors of 512 bytes some. A file that was cut off may be so, or not. It is never longer than its
//! last byte that survived, or than it was durably.
//!
//! Of names, where they are lazy: in each folder by itself, each change survives or does not. Changes
//! in one folder that are about the same inode are one change: a rename within a folder is atomic, as on
//! every file system with a journal. A folder that is in both trees is in the same folder in both (see
//! `names`), so it is never in two places; and what is below a folder that did not survive is gone with
//! it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::ops::Range;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;

use super::attributes::{Ino, ROOT};
use super::ranges::Ranges;
use super::tree::{Entries, Tree};
use crate::chance::below;

/// What a kernel writes back as one.
const PAGE: u64 = 4096;
/// What a disk writes as one.
const SECTOR: u64 = 512;

/// True as often as false.
pub(super) fn flip(chance: &mut Pcg64Mcg) -> bool {
    below(chance.next_u64(), 2) == 1
}

/// Which of these bytes survive.
pub(super) fn bytes(noted: &Ranges, chance: &mut Pcg64Mcg) -> Ranges {
    let mut kept = Ranges::default();
    let mut next = 0;
    for range in noted.iter() {
        // Several ranges can be in one page, whose fate is one.
        let mut page = next.max(range.start / PAGE * PAGE);
        while page < range.end {
            match below(chance.next_u64(), 3) {
                0 => {}
                1 => keep(&mut kept, noted, page..page + PAGE),
                _ => {
                    let sectors = chance.next_u64();
                    let torn = (0..PAGE / SECTOR).filter(|sector| sectors >> sector & 1 == 1);
                    torn.map(|sector| page + sector * SECTOR)
                        .for_each(|start| keep(&mut kept, noted, start..start + SECTOR));
                }
            }
            page += PAGE;
        }
        next = page;
    }
    kept
}

fn keep(kept: &mut Ranges, noted: &Ranges, part: Range<u64>) {
    noted.within(part).for_each(|range| kept.add(range));
}

/// The names after a cut: the durable ones that can be reached, and of what differs what chance keeps.
pub(super) fn names(live: &Tree, durable: &Tree, mut chance: Option<&mut Pcg64Mcg>) -> Tree {
    let nothing = Entries::new();
    let mut after = Tree::new();
    let mut left = vec![ROOT];
    while let Some(folder) = left.pop() {
        let durable_names = durable.entries(folder).unwrap_or(&nothing);
        let mut names = durable_names.clone();
        if let Some(chance) = chance.as_deref_mut() {
            let live_names = live.entries(folder).unwrap_or(&nothing);
            for change in changes(live_names, durable_names) {
                if flip(chance) {
                    change.apply(live_names, &mut names);
                }
            }
        }
        for (name, ino) in names {
            if durable.entries(ino).is_some() || live.entries(ino).is_some() {
                after.add_folder(ino);
                left.push(ino);
            }
            after.set(folder, &name, Some(ino));
        }
    }
    after
}

/// Names in one folder that change together.
struct Change {
    names: Vec<OsString>,
    inodes: BTreeSet<Ino>,
}

impl Change {
    fn apply(&self, live: &Entries, names: &mut Entries) {
        for name in &self.names {
            match live.get(name) {
                Some(ino) => names.insert(name.clone(), *ino),
                None => names.remove(name),
            };
        }
    }
}

fn changes(live: &Entries, durable: &Entries) -> Vec<Change> {
    let all: BTreeSet<&OsString> = live.keys().chain(durable.keys()).collect();
    let mut changes: Vec<Change> = Vec::new();
    for name in all.into_iter().filter(|name| live.get(*name) != durable.get(*name)) {
        let inodes = [live.get(name), durable.get(name)].into_iter().flatten().copied().collect();
        let mut merged = Change { names: vec![name.clone()], inodes };
        changes.retain_mut(|change| {
            let is_apart = change.inodes.is_disjoint(&merged.inodes);
            if !is_apart {
                merged.names.append(&mut change.names);
                merged.inodes.append(&mut change.inodes);
            }
            is_apart
        });
        changes.push(merged);
    }
    changes
}

/// How many names are others in the one tree than in the other.
pub(super) fn differing(one: &Tree, other: &Tree) -> u64 {
    let (one, other): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (one.walk().into_iter().collect(), other.walk().into_iter().collect());
    let changed = one.iter().filter(|(path, ino)| other.get(*path) != Some(*ino)).count();
    let removed = other.keys().filter(|path| !one.contains_key(*path)).count();
    (changed + removed) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::{Purpose, generator};

    #[test]
    fn what_was_written_apart_in_one_sector_has_one_fate() {
        let mut noted = Ranges::default();
        [10..20, 30..40, 500..600].into_iter().for_each(|range| noted.add(range));
        for seed in 0..50 {
            let kept = bytes(&noted, &mut generator(seed, Purpose::Disk, 0));
            let total = |part| kept.within(part).map(|part| part.end - part.start).sum::<u64>();
            let (first, second) = (total(0..512), total(512..4096));
            assert!([0, 32].contains(&first) && [0, 88].contains(&second), "{kept:?}");
        }
    }
}
