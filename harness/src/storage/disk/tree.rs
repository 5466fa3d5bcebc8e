//! Names: which folder has which, and of what.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use super::attributes::{Ino, ROOT};

/// The names in one folder.
pub(super) type Entries = BTreeMap<OsString, Ino>;

/// Folders with their names. Not all need to be reachable from the root.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    folders: BTreeMap<Ino, Entries>,
    /// How many names each inode has; none where it has none.
    links: BTreeMap<Ino, u32>,
    /// In which folder each folder is.
    parents: BTreeMap<Ino, Ino>,
}

impl Tree {
    /// The root, and nothing in it.
    pub(super) fn new() -> Self {
        let folders = BTreeMap::from([(ROOT, Entries::new())]);
        Self { folders, links: BTreeMap::new(), parents: BTreeMap::new() }
    }

    /// Makes a folder known, which has no name yet.
    pub(super) fn add_folder(&mut self, ino: Ino) {
        self.folders.entry(ino).or_default();
    }

    /// Forgets a folder that has no name any more; what was in it loses these names.
    pub(super) fn remove_folder(&mut self, ino: Ino) -> Vec<Ino> {
        self.parents.remove(&ino);
        let inside: Vec<Ino> =
            self.folders.remove(&ino).unwrap_or_default().into_values().collect();
        inside.iter().for_each(|ino| self.unlink(*ino));
        inside
    }

    /// The names in a folder.
    pub(super) fn entries(&self, folder: Ino) -> Option<&Entries> {
        self.folders.get(&folder)
    }

    /// What has a name.
    pub(super) fn get(&self, folder: Ino, name: &OsStr) -> Option<Ino> {
        self.folders.get(&folder)?.get(name).copied()
    }

    /// Gives a name in a known folder, or takes it away; what had it before.
    pub(super) fn set(&mut self, folder: Ino, name: &OsStr, ino: Option<Ino>) -> Option<Ino> {
        let entries = self.folders.get_mut(&folder)?;
        let old = match ino {
            Some(ino) => entries.insert(name.to_owned(), ino),
            None => entries.remove(name),
        };
        if let Some(ino) = ino {
            *self.links.entry(ino).or_default() += 1;
            if self.folders.contains_key(&ino) {
                self.parents.insert(ino, folder);
            }
        }
        old.inspect(|old| self.unlink(*old))
    }

    /// How many names something has.
    pub(super) fn links(&self, ino: Ino) -> u32 {
        if ino == ROOT { 1 } else { self.links.get(&ino).copied().unwrap_or(0) }
    }

    /// A folder and all that it is in, up to the root.
    pub(super) fn way_up(&self, folder: Ino) -> Vec<Ino> {
        let up = |ino: &Ino| self.parents.get(ino).copied();
        std::iter::successors(Some(folder), up).collect()
    }

    /// Every path below the root, in no order that means anything.
    pub(super) fn walk(&self) -> Vec<(String, Ino)> {
        let (mut found, mut left) = (Vec::new(), vec![(String::new(), ROOT)]);
        while let Some((above, folder)) = left.pop() {
            for (name, &ino) in self.folders.get(&folder).into_iter().flatten() {
                let path = format!("{above}{}", name.to_string_lossy());
                if self.folders.contains_key(&ino) {
                    left.push((format!("{path}/"), ino));
                }
                found.push((path, ino));
            }
        }
        found
    }

    /// The smallest path of each inode that can be reached.
    pub(super) fn paths(&self) -> BTreeMap<Ino, String> {
        let mut paths = self.walk();
        paths.sort_unstable_by(|one, other| other.cmp(one));
        paths.into_iter().map(|(path, ino)| (ino, path)).collect()
    }

    fn unlink(&mut self, ino: Ino) {
        if let Some(links) = self.links.get_mut(&ino) {
            *links -= 1;
            if *links == 0 {
                self.links.remove(&ino);
            }
        }
    }
}
