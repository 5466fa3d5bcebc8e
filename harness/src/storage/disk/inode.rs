//! A file, a folder or another thing, whatever its names are.
//!
//! Mode, owner and times are there once, not once for what the server sees and once for what a cut
//! leaves: they are durable at once. No broker's promise hangs on them, and a server whose files came
//! back with another owner would not start, which says nothing about messages.

use std::ffi::OsString;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;

use super::attributes::{Attributes, Changes, Ino, Kind, Time};
use super::content::Content;
use crate::lock::lock;

/// One inode.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) ino: Ino,
    pub(super) kind: Kind,
    /// Where a symbolic link points.
    pub(super) target: OsString,
    meta: Mutex<Meta>,
    /// Of a file. Its lock is held while the file's own bytes are read, written or carried.
    content: Option<Mutex<Content>>,
    /// How often it is open; changed only with the names locked, so that a last name and a last handle
    /// cannot go at once unseen.
    opens: AtomicU32,
}

#[derive(Clone, Copy, Debug)]
struct Meta {
    mode: u32,
    uid: u32,
    gid: u32,
    atime: Time,
    mtime: Time,
    ctime: Time,
}

/// Whose something is, and who may use it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Inode {
    pub(super) fn new(
        ino: Ino,
        kind: Kind,
        owner: Owner,
        target: OsString,
        content: Option<Content>,
    ) -> Self {
        let now = now();
        let Owner { mode, uid, gid } = owner;
        let meta = Meta { mode: mode & 0o7777, uid, gid, atime: now, mtime: now, ctime: now };
        Self {
            ino,
            kind,
            target,
            meta: Mutex::new(meta),
            content: content.map(Mutex::new),
            opens: AtomicU32::new(0),
        }
    }

    /// What is said about it, where so many names are of it.
    pub(super) fn attributes(&self, links: u32) -> Attributes {
        let (size, blocks) = match &self.content {
            Some(content) => {
                let content = lock(content);
                (content.size, content.allocated.total() / 512)
            }
            None => (self.target.len() as u64, 0),
        };
        let Meta { mode, uid, gid, atime, mtime, ctime } = *lock(&self.meta);
        let (ino, kind) = (self.ino, self.kind);
        Attributes { ino, kind, size, blocks, mode, uid, gid, links, atime, mtime, ctime }
    }

    /// Changes all but the size.
    pub(super) fn change(&self, changes: &Changes) {
        let mut meta = lock(&self.meta);
        meta.mode = changes.mode.map_or(meta.mode, |mode| mode & 0o7777);
        meta.uid = changes.uid.unwrap_or(meta.uid);
        meta.gid = changes.gid.unwrap_or(meta.gid);
        meta.atime = changes.atime.unwrap_or(meta.atime);
        meta.ctime = now();
        if changes.size.is_some() {
            meta.mtime = meta.ctime;
        }
        meta.mtime = changes.mtime.unwrap_or(meta.mtime);
    }

    /// Its content has changed.
    pub(super) fn touch(&self) {
        let mut meta = lock(&self.meta);
        meta.ctime = now();
        meta.mtime = meta.ctime;
    }

    /// Its names have changed.
    pub(super) fn touch_names(&self) {
        lock(&self.meta).ctime = now();
    }

    /// Does something with the bytes of a file, which nobody else does meanwhile.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&mut Content) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let content = self.content.as_ref().ok_or(match self.kind {
            Kind::Folder => Errno::ISDIR,
            _ => Errno::INVAL,
        })?;
        let mut content = lock(content);
        let done = act(&mut content);
        // Else every file that a server ever looked at would cost descriptors.
        if self.opens.load(Ordering::Relaxed) == 0 {
            content.close();
        }
        done
    }

    /// The bytes of a file; none of anything else.
    pub(super) fn content(&self) -> Option<&Mutex<Content>> {
        self.content.as_ref()
    }

    pub(super) fn is_open(&self) -> bool {
        self.opens.load(Ordering::Relaxed) > 0
    }

    pub(super) fn open(&self) {
        self.opens.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether that was the last handle.
    pub(super) fn close(&self) -> bool {
        let less = |opens: u32| opens.checked_sub(1);
        self.opens.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) == Ok(1)
    }

    /// All handles are gone, closed or not: who had them is dead.
    pub(super) fn close_all(&self) {
        self.opens.store(0, Ordering::Relaxed);
    }
}

fn now() -> Time {
    Time::now()
}
