//! What a server does with the bytes of a file: it reads, writes, cuts, reserves, searches and syncs
//! them.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

use super::attributes::{Attributes, Changes, Ino, Kind, Seek, Space};
use super::content::Content;
use super::folders::described;
use super::state::{Disk, errno};
use crate::fault::AfterFailedSync;
use crate::history::Nanos;
use crate::lock::lock;

/// One of the two ways in which bytes are written to a file.
type Write = fn(&mut Content, u64, &[u8], Option<Nanos>) -> io::Result<()>;

impl Disk {
    /// What is said about something.
    ///
    /// # Errors
    /// There is no such inode.
    pub fn attributes(&self, ino: Ino) -> Result<Attributes, Errno> {
        described(lock(&self.names), ino)
    }

    /// Changes what is said about something; a file of another size is cut, or grows by a hole, which
    /// a full disk does not refuse.
    ///
    /// # Errors
    /// There is no such inode, or it is none that has a size.
    pub fn change(&self, ino: Ino, changes: &Changes) -> Result<Attributes, Errno> {
        let inode = self.inode(ino)?;
        if let Some(size) = changes.size {
            check_end(size)?;
            inode.with(|content| content.resize(size).map_err(|error| errno(&error)))?;
        }
        inode.change(changes);
        self.attributes(ino)
    }

    /// Up to so many bytes; fewer at the end of the file.
    ///
    /// # Errors
    /// It is no file, or the backing file cannot be read.
    pub fn read(&self, ino: Ino, offset: u64, len: usize) -> Result<Vec<u8>, Errno> {
        let inode = self.inode(ino)?;
        // The file is read with the lock released: readers do not wait for each other.
        let file = inode.with(|content| content.live().map_err(|error| errno(&error)))?;
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            match file.read_at(&mut bytes[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(errno(&error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Writes where the server sees it. On a full disk a write that needs any new block is refused as a
    /// whole: what a write loop did before it is there, as on a real disk.
    ///
    /// # Errors
    /// It is no file, or the disk is full.
    pub fn write(&self, ino: Ino, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.write_by(Content::write, ino, offset, bytes)
    }

    /// The same with O_DIRECT: past the caches of the kernel, so that no failed sync drops it.
    ///
    /// # Errors
    /// As [`Disk::write`].
    pub fn write_unbuffered(&self, ino: Ino, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        self.write_by(Content::write_unbuffered, ino, offset, bytes)
    }

    fn write_by(&self, write: Write, ino: Ino, offset: u64, bytes: &[u8]) -> Result<(), Errno> {
        let inode = self.inode(ino)?;
        let range = range(offset, bytes.len() as u64)?;
        inode.with(|content| {
            if content.is_growth(&range) {
                self.grow()?;
            }
            write(content, offset, bytes, self.clock.read()).map_err(|error| errno(&error))
        })?;
        inode.touch();
        Ok(())
    }

    /// Reserves blocks, makes a hole or zeros, as fallocate(2) does by its flags. On a full disk what
    /// needs any new block is refused.
    ///
    /// # Errors
    /// It is no file, the flags are others than these, or the disk is full.
    pub fn allocate(&self, ino: Ino, mode: i32, offset: u64, len: u64) -> Result<(), Errno> {
        let inode = self.inode(ino)?;
        let flags = FallocateFlags::from_bits_retain(mode.cast_unsigned());
        let keeps_size = flags.contains(FallocateFlags::KEEP_SIZE);
        let flags = flags - FallocateFlags::KEEP_SIZE;
        let (punches, zeros) =
            (flags == FallocateFlags::PUNCH_HOLE, flags == FallocateFlags::ZERO_RANGE);
        if len == 0 {
            return Err(Errno::INVAL);
        }
        if !(flags.is_empty() || zeros || punches && keeps_size) {
            return Err(Errno::OPNOTSUPP);
        }
        let range = range(offset, len)?;
        inode.with(|content| {
            if !punches && content.is_growth(&range) {
                self.grow()?;
            }
            let done = match (punches, zeros) {
                (true, _) => content.punch(&range),
                (false, true) => {
                    content.erase(&range).and_then(|()| content.allocate(&range, keeps_size))
                }
                (false, false) => content.allocate(&range, keeps_size),
            };
            done.map_err(|error| errno(&error))
        })?;
        inode.touch();
        Ok(())
    }

    /// The next bytes, or the next hole, from a place on.
    ///
    /// # Errors
    /// It is no file, or there is none (ENXIO).
    pub fn seek(&self, ino: Ino, offset: u64, seek: Seek) -> Result<u64, Errno> {
        self.inode(ino)?.with(|content| {
            if offset >= content.size {
                return Err(Errno::NXIO);
            }
            let live = content.live().map_err(|error| errno(&error))?;
            let from = match seek {
                Seek::Data => SeekFrom::Data(offset),
                Seek::Hole => SeekFrom::Hole(offset),
            };
            rustix::fs::seek(&*live, from)
        })
    }

    /// Whether a sync of this file would make anything durable.
    pub fn would_carry(&self, ino: Ino) -> bool {
        let inode = self.inode(ino);
        let content = inode.as_ref().ok().and_then(|inode| inode.content());
        content.map(lock).is_some_and(|content| !content.noted.is_empty() || content.is_resized())
    }

    /// Makes the bytes of a file, and its size, durable; of anything else there is nothing to do.
    ///
    /// # Errors
    /// There is no such inode, or the backing file cannot be written.
    pub fn sync(&self, ino: Ino) -> Result<(), Errno> {
        let inode = self.inode(ino)?;
        if inode.kind != Kind::File {
            return Ok(());
        }
        inode.with(|content| content.sync(self.clock.read()).map_err(|error| errno(&error)))
    }

    /// A sync of this file was answered with an I/O error.
    pub fn sync_failed(&self, ino: Ino, then: AfterFailedSync) {
        let content = self.inode(ino).ok();
        if let Some(content) = content.as_ref().and_then(|inode| inode.content())
            && then == AfterFailedSync::Drop
        {
            lock(content).drop_noted();
        }
    }

    /// How much room there is: what the file system of the backing folders has, and none while full.
    ///
    /// # Errors
    /// That cannot be asked.
    pub fn space(&self) -> Result<Space, Errno> {
        let backing = rustix::fs::statvfs(&self.folders.live)?;
        let free = |free: u64| if self.is_full() { 0 } else { free };
        Ok(Space {
            block: u32::try_from(backing.f_frsize).unwrap_or(4096),
            blocks: backing.f_blocks,
            free: free(backing.f_bavail),
            files: backing.f_files,
            free_files: free(backing.f_favail),
        })
    }
}

/// Offsets are signed to the operating system.
fn check_end(end: u64) -> Result<(), Errno> {
    if i64::try_from(end).is_ok() { Ok(()) } else { Err(Errno::FBIG) }
}

fn range(offset: u64, len: u64) -> Result<Range<u64>, Errno> {
    let end = offset.checked_add(len).ok_or(Errno::FBIG)?;
    check_end(end)?;
    Ok(offset..end)
}
