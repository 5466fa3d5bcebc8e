//! What a cut can leave.

use std::collections::BTreeMap;

use super::super::super::super::{Ino, ROOT};
use super::super::operation::HANDLES;
use super::super::{Bench, Kind};
use super::file::File;
use super::{Naive, Name, walk};
use crate::fault::Keep;
use crate::history::Forgotten;

impl Naive {
    /// The power goes. What the disk is now can be, and is taken over; or what is wrong with it.
    pub fn cut(&mut self, keep: Keep, told: &Forgotten, bench: &Bench) -> Result<(), String> {
        let seen = names_of(bench);
        match keep {
            Keep::None if seen != reached(&self.durable) => {
                return Err(format!("{seen:?} is not {:?}", reached(&self.durable)));
            }
            Keep::None => {}
            Keep::Some => self.check_names(&seen)?,
        }
        self.check_told(keep, told, &seen)?;
        for (ino, file) in &mut self.files {
            if seen.iter().any(|(_, _, other)| other == ino) {
                match keep {
                    Keep::None => file.cut(),
                    Keep::Some => file
                        .cut_to(bench.bytes(*ino))
                        .map_err(|wrong| format!("{wrong} of inode {ino}"))?,
                }
            }
        }
        self.is_torn |= keep == Keep::Some;
        (self.live, self.durable) = (seen.clone(), seen);
        self.handles = [None; HANDLES];
        Ok(())
    }

    /// Each name is as it was live or durably, together with those in its folder that are about the
    /// same; and no folder is in two places.
    fn check_names(&self, seen: &[Name]) -> Result<(), String> {
        let value = |names: &[Name], at: &(Ino, String)| {
            names
                .iter()
                .find(|(folder, name, _)| (*folder, name) == (at.0, &at.1))
                .map(|name| name.2)
        };
        let is_there = |folder: Ino| folder == ROOT || seen.iter().any(|name| name.2 == folder);
        let places = self.live.iter().chain(&self.durable).chain(seen);
        let places: Vec<_> = places.map(|(folder, name, _)| (*folder, name.clone())).collect();
        let mut changed = Vec::new();
        for at in places.into_iter().filter(|at| is_there(at.0)) {
            let (live, durable) = (value(&self.live, &at), value(&self.durable, &at));
            let now = value(seen, &at);
            if now != live && now != durable {
                return Err(format!("{at:?} is {now:?}, and was {live:?} or {durable:?}"));
            }
            if live != durable {
                changed.push((at, [live, durable], now == live));
            }
        }
        for ((folder, _), of, is_live) in &changed {
            for ((other_folder, name), of_other, other_is_live) in &changed {
                let share = of.iter().flatten().any(|ino| of_other.contains(&Some(*ino)));
                if folder == other_folder && share && is_live != other_is_live {
                    return Err(format!("{name} in {folder} changed by half"));
                }
            }
        }
        let folders: Vec<Ino> =
            seen.iter().map(|name| name.2).filter(|ino| self.kind(*ino) == Kind::Folder).collect();
        match folders.iter().find(|one| folders.iter().filter(|ino| ino == one).count() > 1) {
            Some(twice) => Err(format!("folder {twice} is in two places")),
            None => Ok(()),
        }
    }

    fn check_told(&self, keep: Keep, told: &Forgotten, seen: &[Name]) -> Result<(), String> {
        let mut paths: BTreeMap<Ino, String> = BTreeMap::new();
        let live = walk(&self.live);
        for (path, ino) in live.iter().rev() {
            paths.insert(*ino, path.clone());
        }
        for ino in self.handles.into_iter().flatten() {
            paths.entry(ino).or_insert(format!("removed file {ino}"));
        }
        let mut expected = Forgotten::default();
        for (ino, path) in paths {
            let lost = self.files.get(&ino).map_or(0, File::undurable);
            if path == "b" || path.ends_with("/b") {
                expected.noise += lost;
            } else if lost > 0 {
                expected.bytes += lost;
                expected.files += 1;
                expected.most.push((path, lost));
            }
        }
        expected.most.sort_by_key(|(path, lost)| (u64::MAX - lost, path.clone()));
        expected.most.truncate(3);
        let after = walk(seen);
        let same = live.iter().filter(|name| after.contains(name)).count();
        let both =
            live.iter().filter(|(path, _)| after.iter().any(|(other, _)| other == path)).count();
        expected.names = (live.len() + after.len() - both - same) as u64;
        let is_right = match keep {
            Keep::None => *told == expected,
            // Of noise it is not told what survived.
            Keep::Some => {
                (told.bytes + told.kept, told.names) == (expected.bytes, expected.names)
                    && told.noise <= expected.noise
                    && told.files <= expected.files
            }
        };
        if is_right { Ok(()) } else { Err(format!("told is {told:?} and not {expected:?}")) }
    }
}

/// All names that can be reached, in an order that is the same for the same names.
fn reached(names: &[Name]) -> Vec<Name> {
    let mut reached: Vec<Name> = Vec::new();
    let mut folders = vec![ROOT];
    while let Some(folder) = folders.pop() {
        let inside = names.iter().filter(|name| name.0 == folder);
        folders.extend(inside.clone().map(|name| name.2));
        reached.extend(inside.cloned());
    }
    reached.sort();
    reached
}

/// The names of a disk, as [`reached`].
fn names_of(bench: &Bench) -> Vec<Name> {
    let (mut names, mut left) = (Vec::new(), vec![ROOT]);
    while let Some(folder) = left.pop() {
        for (ino, kind, name) in bench.disk.entries(folder).unwrap() {
            if kind == Kind::Folder {
                left.push(ino);
            }
            names.push((folder, name.into_string().unwrap(), ino));
        }
    }
    names.sort();
    names
}
