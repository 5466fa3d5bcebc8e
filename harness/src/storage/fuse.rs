//! The file system as the kernel asks for it: each request is a call of [`Disk`], and every sync passes
//! the [`Gate`].
//!
//! What the kernel does with it matters for what a sync means:
//! - There is no cache of writes in the kernel: a write is here when the server's call returns. What is
//!   written through a shared mapping comes when the kernel writes it back, at an msync at the latest.
//! - fsync, fdatasync and msync come as `fsync`. After a write to a file that was opened with O_SYNC or
//!   O_DSYNC (also with O_DIRECT) the kernel asks for `fsync` before the write returns. It does so
//!   only because no file is opened with `FOPEN_DIRECT_IO`, and for writes that are begun asynchronously
//!   only because `FUSE_ASYNC_DIO` is not asked for.
//! - Everything that changes comes through this mount, so the kernel may keep what it knows for as long
//!   as it likes; a cut makes another mount.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fuser::{
    BsdFileFlags, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo,
    InitFlags, KernelConfig, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData,
    ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen, ReplyStatfs, ReplyWrite,
    Request, TimeOrNow, WriteFlags,
};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::disk::{Attributes, Changes, Disk, Ino, Kind, Rename, Seek, Space, Time};
use super::gate::{Gate, Passage};
use crate::fault::Directories;
use crate::lock::lock;

/// How long the kernel may keep what it knows of names and attributes.
const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// No inode number is used twice.
const GENERATION: Generation = Generation(0);

/// The bits of a mode that are permissions; the others say what kind of thing it is.
const PERMISSIONS: u32 = 0o7777;

/// An entry of a folder as it was when its reading began.
type Listed = (Ino, Kind, OsString);

/// Serves a disk to the kernel.
pub struct Served {
    disk: Arc<Disk>,
    gate: Arc<Gate>,
    directories: Directories,
    /// The folders that are being read: what is removed or made meanwhile must not shift the rest.
    listings: Mutex<BTreeMap<u64, Arc<[Listed]>>>,
    next_listing: AtomicU64,
}

impl Served {
    /// All syncs of folders pass the gate; only where names are durable with them are they held.
    pub fn new(disk: Arc<Disk>, gate: Arc<Gate>, directories: Directories) -> Self {
        let next_listing = AtomicU64::new(1);
        Self { disk, gate, directories, listings: Mutex::default(), next_listing }
    }

    fn list(&self, folder: Ino, listing: FileHandle) -> Result<Arc<[Listed]>, Errno> {
        let mut all: Vec<Listed> =
            [".", ".."].map(|name| (folder, Kind::Folder, name.into())).into();
        all.extend(self.disk.entries(folder)?);
        let all: Arc<[Listed]> = all.into();
        lock(&self.listings).insert(listing.0, Arc::clone(&all));
        Ok(all)
    }

    /// A sync comes to the gate, and is answered by what it is told there.
    fn sync(
        &self,
        carries: impl FnOnce(&Disk) -> bool + Send + 'static,
        reply: ReplyEmpty,
        carry: impl FnOnce(&Disk, Passage) -> Result<(), Errno> + Send + 'static,
    ) {
        let (asked, disk) = (Arc::clone(&self.disk), Arc::clone(&self.disk));
        let answer = move |passage| empty(reply, carry(&disk, passage));
        self.gate.sync(move || carries(&asked), Box::new(answer));
    }
}

impl Filesystem for Served {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Where the kernel cannot, it looks names up one after the other.
        let _ = config.add_capabilities(InitFlags::FUSE_PARALLEL_DIROPS);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        entry(reply, self.disk.look_up(parent.0, name));
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attributes(reply, self.disk.attributes(ino.0));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _ctime: Option<Time>,
        _: Option<FileHandle>,
        _crtime: Option<Time>,
        _chgtime: Option<Time>,
        _bkuptime: Option<Time>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mode = mode.map(|mode| mode & PERMISSIONS);
        let (atime, mtime) = (atime.map(time), mtime.map(time));
        let changes = Changes { mode, uid, gid, size, atime, mtime };
        attributes(reply, self.disk.change(ino.0, &changes));
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.disk.read_link(ino.0) {
            Ok(target) => reply.data(target.as_bytes()),
            Err(error) => reply.error(code(error)),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _device: u32,
        reply: ReplyEntry,
    ) {
        let kind = match rustix::fs::FileType::from_raw_mode(mode) {
            rustix::fs::FileType::RegularFile => Kind::File,
            rustix::fs::FileType::Fifo => Kind::Fifo,
            rustix::fs::FileType::Socket => Kind::Socket,
            // It is mounted without devices.
            _ => return reply.error(fuser::Errno::EPERM),
        };
        entry(reply, self.make(request, parent, name, kind, mode));
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        reply: ReplyEntry,
    ) {
        entry(reply, self.make(request, parent, name, Kind::Folder, mode));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.disk.unlink(parent.0, name));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.disk.remove_folder(parent.0, name));
    }

    fn symlink(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        target: &Path,
        reply: ReplyEntry,
    ) {
        let (uid, gid) = (request.uid(), request.gid());
        entry(reply, self.disk.symlink(parent.0, name, target.as_os_str(), uid, gid));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let rename = match flags {
            RenameFlags::RENAME_NOREPLACE => Rename::NoReplace,
            RenameFlags::RENAME_EXCHANGE => Rename::Exchange,
            _ if flags.is_empty() => Rename::Replace,
            _ => return reply.error(fuser::Errno::EINVAL),
        };
        empty(reply, self.disk.rename(parent.0, name, new_parent.0, new_name, rename));
    }

    fn link(
        &self,
        _: &Request,
        ino: INodeNo,
        new_parent: INodeNo,
        new_name: &OsStr,
        reply: ReplyEntry,
    ) {
        entry(reply, self.disk.link(ino.0, new_parent.0, new_name));
    }

    fn open(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.disk.open(ino.0) {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(code(error)),
        }
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        _umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        let made = self.make(request, parent, name, Kind::File, mode);
        match made.and_then(|made| self.disk.open(made.ino).map(|()| made)) {
            Ok(made) => {
                let (handle, flags) = (FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
                reply.created(&KEEP, &attr(&made), GENERATION, handle, flags);
            }
            Err(error) => reply.error(code(error)),
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk.read(ino.0, offset, size as usize) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(code(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        flags: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        // The kernel writes far less than 4 GiB at a time.
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let written = if flags.0.cast_unsigned() & OFlags::DIRECT.bits() == 0 {
            self.disk.write(ino.0, offset, bytes)
        } else {
            self.disk.write_unbuffered(ino.0, offset, bytes)
        };
        self.gate.written(Box::new(move || match written {
            Ok(()) => reply.written(size),
            Err(error) => reply.error(code(error)),
        }));
    }

    fn release(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        self.disk.close(ino.0);
        reply.ok();
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.sync(
            move |disk| disk.would_carry(ino.0),
            reply,
            move |disk, passage| match passage {
                Passage::Carry => disk.sync(ino.0),
                Passage::Fail(then) => {
                    disk.sync_failed(ino.0, then);
                    Err(Errno::IO)
                }
                Passage::Refuse => Err(Errno::IO),
            },
        );
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let listing = FileHandle(self.next_listing.fetch_add(1, Ordering::Relaxed));
        match self.list(ino.0, listing) {
            Ok(_) => reply.opened(listing, FopenFlags::empty()),
            Err(error) => reply.error(code(error)),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        listing: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let known = lock(&self.listings).get(&listing.0).cloned();
        // From the beginning it is read anew.
        let listed = match known {
            Some(listed) if offset > 0 => Ok(listed),
            _ => self.list(ino.0, listing),
        };
        let listed = match listed {
            Ok(listed) => listed,
            Err(error) => return reply.error(code(error)),
        };
        let rest = (1..).zip(&*listed).skip(usize::try_from(offset).unwrap_or(usize::MAX));
        for (next, (ino, kind, name)) in rest {
            if reply.add(INodeNo(*ino), next, file_type(*kind), name) {
                break;
            }
        }
        reply.ok();
    }

    fn releasedir(
        &self,
        _: &Request,
        _: INodeNo,
        listing: FileHandle,
        _: OpenFlags,
        reply: ReplyEmpty,
    ) {
        lock(&self.listings).remove(&listing.0);
        reply.ok();
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        let carries = self.directories == Directories::Lazy;
        self.sync(
            move |_| carries,
            reply,
            move |disk, passage| match passage {
                Passage::Carry => disk.sync_folder(ino.0),
                Passage::Fail(_) | Passage::Refuse => Err(Errno::IO),
            },
        );
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        const LONGEST_NAME: u32 = 255;
        match self.disk.space() {
            Ok(Space { block, blocks, free, files, free_files }) => {
                reply.statfs(blocks, free, free, files, free_files, block, LONGEST_NAME, block);
            }
            Err(error) => reply.error(code(error)),
        }
    }

    fn fallocate(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        empty(reply, self.disk.allocate(ino.0, mode, offset, length));
    }

    fn lseek(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        // The kernel asks only for these two (linux/fs.h), and does the others by itself.
        let seek = match whence {
            3 => Seek::Data,
            4 => Seek::Hole,
            _ => return reply.error(fuser::Errno::EINVAL),
        };
        let Ok(offset) = u64::try_from(offset) else { return reply.error(fuser::Errno::ENXIO) };
        match self.disk.seek(ino.0, offset, seek) {
            Ok(at) => reply.offset(i64::try_from(at).unwrap_or(i64::MAX)),
            Err(error) => reply.error(code(error)),
        }
    }

    // Not here: `flush`, `access`, extended attributes, `copy_file_range`, locks. The kernel is told
    // once that they are not (ENOSYS) and does without: it checks permissions and keeps locks by
    // itself, says that extended attributes are not supported, and copies by reading and writing.
}

impl Served {
    fn make(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        kind: Kind,
        mode: u32,
    ) -> Result<Attributes, Errno> {
        // The kernel has applied the umask.
        let (mode, uid, gid) = (mode & PERMISSIONS, request.uid(), request.gid());
        self.disk.make(parent.0, name, kind, mode, uid, gid)
    }
}

fn entry(reply: ReplyEntry, found: Result<Attributes, Errno>) {
    match found {
        Ok(found) => reply.entry(&KEEP, &attr(&found), GENERATION),
        Err(error) => reply.error(code(error)),
    }
}

fn attributes(reply: ReplyAttr, found: Result<Attributes, Errno>) {
    match found {
        Ok(found) => reply.attr(&KEEP, &attr(&found)),
        Err(error) => reply.error(code(error)),
    }
}

fn empty(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(code(error)),
    }
}

fn code(error: Errno) -> fuser::Errno {
    fuser::Errno::from_i32(error.raw_os_error())
}

fn attr(of: &Attributes) -> FileAttr {
    FileAttr {
        ino: INodeNo(of.ino),
        size: of.size,
        blocks: of.blocks,
        atime: of.atime,
        mtime: of.mtime,
        ctime: of.ctime,
        crtime: of.ctime,
        kind: file_type(of.kind),
        perm: u16::try_from(of.mode & PERMISSIONS).unwrap_or(0),
        nlink: of.links,
        uid: of.uid,
        gid: of.gid,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

fn file_type(kind: Kind) -> FileType {
    match kind {
        Kind::File => FileType::RegularFile,
        Kind::Folder => FileType::Directory,
        Kind::Symlink => FileType::Symlink,
        Kind::Fifo => FileType::NamedPipe,
        Kind::Socket => FileType::Socket,
    }
}

fn time(time: TimeOrNow) -> Time {
    match time {
        TimeOrNow::SpecificTime(time) => time,
        TimeOrNow::Now => Time::now(),
    }
}
