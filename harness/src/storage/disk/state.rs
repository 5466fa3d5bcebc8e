//! What a disk is made of.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::io::Errno;

use super::attributes::{Ino, Kind, ROOT};
use super::before::Before;
use super::clock::Clock;
use super::content::{Content, Folders};
use super::inode::{Inode, Owner};
use super::names::Names;
use crate::fault::Directories;
use crate::lock::lock;

/// A disk below a server: what it sees, and what a power cut leaves.
///
/// Every call may come from any thread at any time, but where it says otherwise. Names are behind one
/// lock, which is held for no work on bytes; the bytes of each file are behind one of its own.
#[derive(Debug)]
pub struct Disk {
    pub(super) folders: Folders,
    pub(super) noise: Vec<String>,
    pub(super) names: Mutex<Names>,
    pub(super) clock: Clock,
    /// How many writes are remembered.
    pub(super) writes: Arc<AtomicUsize>,
    /// As it was just before the last cut; none before the first.
    pub(super) before: Mutex<Option<Before>>,
    is_full: AtomicBool,
    refused: AtomicU64,
}

impl Disk {
    /// An empty disk, whose bytes are kept in folders that are made below this one. Its root is of the
    /// owner and the mode of that. Noise files are named by their last path component, or by `*` and the
    /// end of one: what the server writes and does not need.
    ///
    /// # Errors
    /// The folders cannot be made.
    pub fn new(backing: &Path, directories: Directories, noise: Vec<String>) -> io::Result<Self> {
        let folders = Folders::below(backing);
        for folder in [&folders.live, &folders.durable, &folders.before] {
            fs::create_dir(folder)?;
        }
        let owner = fs::metadata(backing)?;
        let owner = Owner { mode: owner.mode(), uid: owner.uid(), gid: owner.gid() };
        let root = Inode::new(ROOT, Kind::Folder, owner, <_>::default(), None);
        Ok(Self {
            folders,
            noise,
            names: Mutex::new(Names::new(root, directories)),
            clock: Clock::default(),
            writes: Arc::default(),
            before: Mutex::new(None),
            is_full: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        })
    }

    /// Whether nothing can grow from now on: what creates, allocates, or writes to blocks that are not
    /// allocated gets ENOSPC.
    pub fn set_full(&self, is_full: bool) {
        self.refused.store(0, Ordering::Relaxed);
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// How often that was refused since it was last set.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Something is about to grow.
    pub(super) fn grow(&self) -> Result<(), Errno> {
        if !self.is_full() {
            return Ok(());
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        Err(Errno::NOSPC)
    }

    pub(super) fn inode(&self, ino: Ino) -> Result<Arc<Inode>, Errno> {
        lock(&self.names).inodes.get(&ino).map(Arc::clone).ok_or(Errno::NOENT)
    }

    pub(super) fn content(&self, ino: Ino) -> Content {
        Content::new(&self.folders, ino, Arc::clone(&self.writes))
    }
}

/// The number of what the operating system says of a backing file.
pub(super) fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
