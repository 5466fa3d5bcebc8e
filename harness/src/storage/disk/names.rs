//! The names that the server sees and those that a cut leaves, with the inodes that either is of.
//!
//! A folder that is in both is in the same folder in both, so that one folder's names can become durable
//! without any other's, and no folder ends up in two places or in none: with [`Directories::Lazy`] the
//! move of a folder to another one is durable at once, with what its new place needs. That of a file is
//! not: until both folders are synced, it can have both names after a cut, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use super::attributes::{Ino, Kind, ROOT};
use super::inode::Inode;
use super::tree::Tree;
use crate::fault::Directories;

/// Both trees and all inodes.
#[derive(Debug)]
pub(super) struct Names {
    /// What the server sees.
    pub(super) live: Tree,
    /// What a cut leaves.
    pub(super) durable: Tree,
    /// All that has a name in either, or is open.
    pub(super) inodes: BTreeMap<Ino, Arc<Inode>>,
    directories: Directories,
    last: Ino,
    /// What lost a name or a handle, maybe its last.
    loose: BTreeSet<Ino>,
}

impl Names {
    pub(super) fn new(root: Inode, directories: Directories) -> Self {
        Self {
            live: Tree::new(),
            durable: Tree::new(),
            inodes: BTreeMap::from([(ROOT, Arc::new(root))]),
            directories,
            last: ROOT,
            loose: BTreeSet::new(),
        }
    }

    /// A number that was never used.
    pub(super) fn next_ino(&mut self) -> Ino {
        self.last += 1;
        self.last
    }

    /// Makes an inode known, which has no name yet.
    pub(super) fn add(&mut self, inode: Inode) {
        if inode.kind == Kind::Folder {
            self.live.add_folder(inode.ino);
            self.durable.add_folder(inode.ino);
        }
        self.inodes.insert(inode.ino, Arc::new(inode));
    }

    /// Gives a name, or takes it away, where the server sees it; and durably, unless that is lazy.
    pub(super) fn set(&mut self, folder: Ino, name: &OsStr, ino: Option<Ino>) {
        self.loose.extend(self.live.set(folder, name, ino));
        if self.directories == Directories::Now {
            self.set_durable(folder, name, ino);
        }
    }

    /// Makes the names of a folder durable.
    pub(super) fn carry(&mut self, folder: Ino) {
        let Some(live) = self.live.entries(folder) else { return };
        let durable = self.durable.entries(folder).into_iter().flatten();
        let mut changed: Vec<(OsString, Option<Ino>)> = durable
            .filter(|(name, _)| !live.contains_key(*name))
            .map(|(name, _)| (name.clone(), None))
            .collect();
        let named = live.iter().filter(|(name, ino)| self.durable.get(folder, name) != Some(**ino));
        changed.extend(named.map(|(name, ino)| (name.clone(), Some(*ino))));
        for (name, ino) in changed {
            self.set_durable(folder, &name, ino);
        }
    }

    /// A folder has moved between these two.
    pub(super) fn carry_move(&mut self, from: Ino, to: Ino) {
        let mut way = self.live.way_up(to);
        way.reverse();
        way.push(from);
        way.into_iter().for_each(|folder| self.carry(folder));
    }

    /// Makes all names durable.
    pub(super) fn carry_all(&mut self) {
        self.durable = self.live.clone();
        self.loose.extend(self.inodes.keys());
    }

    /// Something lost its last handle.
    pub(super) fn closed(&mut self, ino: Ino) {
        self.loose.insert(ino);
    }

    /// Forgets what has neither a name nor a handle any more, and says what that was.
    pub(super) fn sweep(&mut self) -> Vec<Arc<Inode>> {
        let mut gone = Vec::new();
        while let Some(ino) = self.loose.pop_first() {
            if self.live.links(ino) > 0 {
                continue;
            }
            self.live.remove_folder(ino);
            if self.durable.links(ino) > 0 {
                continue;
            }
            let inside = self.durable.remove_folder(ino);
            self.loose.extend(inside);
            if self.inodes.get(&ino).is_some_and(|inode| !inode.is_open()) {
                gone.extend(self.inodes.remove(&ino));
            }
        }
        gone
    }

    fn set_durable(&mut self, folder: Ino, name: &OsStr, ino: Option<Ino>) {
        self.loose.extend(self.durable.set(folder, name, ino));
    }
}
