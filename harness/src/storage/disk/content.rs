//! The bytes of one file: what the server sees and what a cut leaves, in a plain file each that is named
//! by the inode's number, and which bytes of the first are not in the second yet.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::attributes::Ino;
use super::ranges::Ranges;
use super::sparse;
use super::writes::Writes;
use crate::history::Nanos;

/// What a disk allocates at once.
pub(super) const BLOCK: u64 = 4096;

/// Where the bytes of all files are.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    /// What the server sees.
    pub(super) live: PathBuf,
    /// What a cut leaves. Never synced itself: it has to outlive the server, not the machine.
    pub(super) durable: PathBuf,
    /// What the server saw just before the last cut, of files that have become others since.
    pub(super) before: PathBuf,
}

impl Folders {
    pub(super) fn below(backing: &Path) -> Self {
        let [live, durable, before] = ["live", "durable", "before"].map(|name| backing.join(name));
        Self { live, durable, before }
    }
}

/// The bytes of one file. A backing file is there from the first need on; without it the file is empty.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) live_path: PathBuf,
    pub(super) durable_path: PathBuf,
    pub(super) before_path: PathBuf,
    /// Open while the server has the file open, so that no call has to look it up.
    live: Option<Arc<File>>,
    durable: Option<Arc<File>>,
    /// In bytes.
    pub(super) size: u64,
    /// What the size is after a cut.
    pub(super) durable_size: u64,
    /// The least size since the last sync. The durable copy is cut there before anything else becomes
    /// durable: what was cut off and has grown again is zeros.
    pub(super) least: Option<u64>,
    /// What was written and is not durable: the next sync has it.
    pub(super) noted: Ranges,
    /// What of that was written with O_DIRECT: no cache of the kernel has it, so a failed sync does not
    /// drop it, and the next one has it.
    pub(super) unbuffered: Ranges,
    /// What a failed sync dropped: reads show it, and no sync makes it durable unless it is written
    /// again.
    pub(super) dropped: Ranges,
    /// Whole blocks that a full disk does not refuse to write. Kept here and not asked of the backing
    /// file: what `fallocate` reserved looks like a hole there, and differs between file systems.
    pub(super) allocated: Ranges,
    /// The same after a cut.
    pub(super) durable_allocated: Ranges,
    /// When its bytes were written.
    pub(super) writes: Writes,
    /// When it was last synced, since the disk was settled.
    pub(super) synced: Option<Nanos>,
    /// The live copy is as it was just before the last cut, and is to be saved before it changes.
    pub(super) is_as_before: bool,
}

impl Content {
    /// An empty file; `writes` counts those of the whole disk.
    pub(super) fn new(folders: &Folders, ino: Ino, writes: Arc<AtomicUsize>) -> Self {
        let name = ino.to_string();
        Self {
            live_path: folders.live.join(&name),
            durable_path: folders.durable.join(&name),
            before_path: folders.before.join(&name),
            live: None,
            durable: None,
            size: 0,
            durable_size: 0,
            least: None,
            noted: Ranges::default(),
            unbuffered: Ranges::default(),
            dropped: Ranges::default(),
            allocated: Ranges::default(),
            durable_allocated: Ranges::default(),
            writes: Writes::new(writes),
            synced: None,
            is_as_before: false,
        }
    }

    /// What the server sees.
    pub(super) fn live(&mut self) -> io::Result<Arc<File>> {
        opened(&mut self.live, &self.live_path)
    }

    /// What a cut leaves.
    pub(super) fn durable(&mut self) -> io::Result<Arc<File>> {
        opened(&mut self.durable, &self.durable_path)
    }

    /// Gives the descriptors back.
    pub(super) fn close(&mut self) {
        (self.live, self.durable) = (None, None);
    }

    /// Writes where the server sees it.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], at: Option<Nanos>) -> io::Result<()> {
        self.keep_as_before()?;
        self.live()?.write_all_at(bytes, offset)?;
        let range = offset..offset + bytes.len() as u64;
        self.size = self.size.max(range.end);
        self.allocated.add(blocks(&range));
        match at {
            Some(at) => self.writes.note(range.clone(), at),
            None => self.writes.forget(range.clone()),
        }
        self.note(range);
        Ok(())
    }

    /// The same with O_DIRECT.
    pub(super) fn write_unbuffered(
        &mut self,
        offset: u64,
        bytes: &[u8],
        at: Option<Nanos>,
    ) -> io::Result<()> {
        self.write(offset, bytes, at)?;
        self.unbuffered.add(offset..offset + bytes.len() as u64);
        Ok(())
    }

    /// Cuts the file, or lets it grow by a hole.
    pub(super) fn resize(&mut self, size: u64) -> io::Result<()> {
        if size == self.size {
            return Ok(());
        }
        self.keep_as_before()?;
        self.live()?.set_len(size)?;
        if size < self.size {
            self.least = Some(self.least.unwrap_or(u64::MAX).min(size));
            self.noted.cut_at(size);
            self.unbuffered.cut_at(size);
            self.dropped.cut_at(size);
            self.allocated.cut_at(size.next_multiple_of(BLOCK));
            self.writes.forget(size..u64::MAX);
        }
        self.size = size;
        Ok(())
    }

    /// Reserves blocks. Nothing is really reserved: it is the harness's own disk that is never full.
    pub(super) fn allocate(&mut self, range: &Range<u64>, keeps_size: bool) -> io::Result<()> {
        self.allocated.add(blocks(range));
        if keeps_size { Ok(()) } else { self.resize(self.size.max(range.end)) }
    }

    /// Makes a hole: gives the blocks back that are wholly within.
    pub(super) fn punch(&mut self, range: &Range<u64>) -> io::Result<()> {
        self.allocated.remove(range.start.next_multiple_of(BLOCK)..range.end / BLOCK * BLOCK);
        self.erase(range)
    }

    /// Makes bytes zeros.
    pub(super) fn erase(&mut self, range: &Range<u64>) -> io::Result<()> {
        let range = range.start..range.end.min(self.size);
        if range.is_empty() {
            return Ok(());
        }
        self.keep_as_before()?;
        sparse::punch(&*self.live()?, range.clone())?;
        self.writes.forget(range.clone());
        self.note(range);
        Ok(())
    }

    /// Whether writing there needs blocks that are not allocated.
    pub(super) fn is_growth(&self, range: &Range<u64>) -> bool {
        !self.allocated.covers(blocks(range))
    }

    /// Carries what was noted, and the size, to the durable copy.
    pub(super) fn sync(&mut self, at: Option<Nanos>) -> io::Result<()> {
        if !self.noted.is_empty() || self.is_resized() {
            let (live, durable) = (self.live()?, self.durable()?);
            if let Some(least) = self.least.filter(|least| *least < self.durable_size) {
                durable.set_len(least)?;
            }
            durable.set_len(self.size)?;
            self.noted.iter().try_for_each(|range| sparse::copy(&live, &durable, range))?;
            self.noted.clear();
            self.unbuffered.clear();
            self.durable_size = self.size;
        }
        self.least = None;
        if self.durable_allocated != self.allocated {
            self.durable_allocated.clone_from(&self.allocated);
        }
        self.synced = at;
        if let Some(at) = at {
            self.writes.seal(at);
        }
        Ok(())
    }

    /// A sync failed, and Linux takes what it was to write for clean. The size is not bytes of the file:
    /// the next sync carries it, and zeros below it.
    pub(super) fn drop_noted(&mut self) {
        let mut dropped = std::mem::replace(&mut self.noted, self.unbuffered.clone());
        self.unbuffered.iter().for_each(|range| dropped.remove(range));
        self.dropped.add_all(&dropped);
    }

    /// Makes all durable that differs, and begins anew with times.
    pub(super) fn settle(&mut self, durable: bool) -> io::Result<()> {
        if durable {
            let dropped = std::mem::take(&mut self.dropped);
            self.noted.add_all(&dropped);
            self.sync(None)?;
        }
        self.writes.clear();
        self.synced = None;
        Ok(())
    }

    /// What a cut now would forget.
    pub(super) fn undurable(&self) -> Ranges {
        let mut undurable = self.noted.clone();
        undurable.add_all(&self.dropped);
        undurable
    }

    /// Whether the size differs from the durable one, or was less meanwhile.
    pub(super) fn is_resized(&self) -> bool {
        self.size != self.durable_size || self.least.is_some_and(|least| least < self.durable_size)
    }

    /// Takes the live copy away as what was before the last cut.
    pub(super) fn set_aside(&mut self) -> io::Result<()> {
        self.close();
        self.is_as_before = false;
        unless_missing(fs::rename(&self.live_path, &self.before_path))
    }

    /// No name is left, and nobody has it open.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        if self.is_as_before {
            self.set_aside()?;
        }
        self.close();
        unless_missing(fs::remove_file(&self.live_path))?;
        unless_missing(fs::remove_file(&self.durable_path))
    }

    /// Saves what the last cut left for those who ask what was before it.
    pub(super) fn keep_as_before(&mut self) -> io::Result<()> {
        if !self.is_as_before {
            return Ok(());
        }
        let (live, before) = (self.live()?, open(&self.before_path)?);
        before.set_len(self.size)?;
        sparse::copy(&live, &before, 0..self.size)?;
        self.is_as_before = false;
        Ok(())
    }

    fn note(&mut self, range: Range<u64>) {
        self.dropped.remove(range.clone());
        self.unbuffered.remove(range.clone());
        self.noted.add(range);
    }
}

/// The whole blocks that a range is in.
pub(super) fn blocks(range: &Range<u64>) -> Range<u64> {
    range.start / BLOCK * BLOCK..range.end.next_multiple_of(BLOCK)
}

fn opened(cached: &mut Option<Arc<File>>, path: &Path) -> io::Result<Arc<File>> {
    if let Some(file) = cached {
        return Ok(Arc::clone(file));
    }
    let file = Arc::new(open(path)?);
    *cached = Some(Arc::clone(&file));
    Ok(file)
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).write(true).create(true).truncate(false).open(path)
}

fn unless_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
