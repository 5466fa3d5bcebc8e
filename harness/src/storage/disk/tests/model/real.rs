//! A disk, as operations are done to it.

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::super::super::{Changes, Ino};
use super::operation::{FileOperation, HANDLES, Operation, Which, World};
use super::{Bench, Kind, Seen, name, quick_folder};
use crate::fault::{Directories, Keep};
use crate::history::Forgotten;

pub struct Real {
    pub bench: Bench,
    handles: [Option<Ino>; HANDLES],
}

impl Real {
    pub fn new(directories: Directories) -> Self {
        Self { bench: Bench::within(quick_folder(), directories, &["b"]), handles: [None; HANDLES] }
    }

    pub fn cut(&mut self, keep: Keep, seed: u64) -> Forgotten {
        self.handles = [None; HANDLES];
        self.bench.disk.cut(keep, seed).unwrap()
    }

    pub fn all(&self) -> Vec<Seen> {
        let seen = self.bench.paths().into_iter().map(|path| {
            let path = path.trim_end_matches('/').to_owned();
            let told = self.bench.find(&path).unwrap();
            let bytes = match told.kind {
                Kind::File => self.bench.bytes(told.ino),
                Kind::Symlink => self.bench.disk.read_link(told.ino).unwrap().into_encoded_bytes(),
                _ => Vec::new(),
            };
            (path, told.kind, bytes, told.links)
        });
        let mut seen: Vec<Seen> = seen.collect();
        seen.sort();
        seen
    }

    fn file(&self, which: Which) -> Result<Ino, Errno> {
        match which {
            Which::Opened(handle) => self.handles[handle].ok_or(Errno::BADF),
            Which::At(path) => {
                let found = self.bench.find(path)?;
                if found.kind == Kind::File { Ok(found.ino) } else { Err(Errno::INVAL) }
            }
        }
    }

    fn on_file(&self, ino: Ino, operation: &FileOperation) -> Result<Vec<u8>, Errno> {
        let disk = &self.bench.disk;
        let allocate = |flags: FallocateFlags, keeps_size, offset: usize, len: usize| {
            let keep = if keeps_size { FallocateFlags::KEEP_SIZE } else { FallocateFlags::empty() };
            disk.allocate(ino, (flags | keep).bits().cast_signed(), offset as u64, len as u64)
        };
        let zero = FallocateFlags::ZERO_RANGE;
        match operation {
            FileOperation::Write(offset, bytes) => disk.write(ino, *offset as u64, &bytes.0)?,
            FileOperation::Append(bytes) => {
                disk.write(ino, disk.attributes(ino)?.size, &bytes.0)?;
            }
            FileOperation::Resize(size) => {
                disk.change(ino, &Changes { size: Some(*size as u64), ..Changes::default() })?;
            }
            FileOperation::Reserve { offset, len, keeps_size } => {
                allocate(FallocateFlags::empty(), *keeps_size, *offset, *len)?;
            }
            FileOperation::Zero { offset, len, keeps_size } => {
                allocate(zero, *keeps_size, *offset, *len)?;
            }
            FileOperation::Punch(offset, len) => {
                allocate(FallocateFlags::PUNCH_HOLE, true, *offset, *len)?;
            }
            FileOperation::Read(offset, len) => return disk.read(ino, *offset as u64, *len),
            FileOperation::Sync => disk.sync(ino)?,
            FileOperation::FailSync(then) => disk.sync_failed(ino, *then),
        }
        Ok(Vec::new())
    }
}

impl World for Real {
    fn apply(&mut self, operation: &Operation) -> Result<Vec<u8>, Errno> {
        let bench = &self.bench;
        match operation {
            Operation::Make(path, Kind::Symlink) => {
                let (folder, last) = bench.parent(path)?;
                bench.disk.symlink(folder, last, &name("to/there"), 0, 0)?;
            }
            Operation::Make(path, kind) => {
                bench.make(path, *kind)?;
            }
            Operation::Link(from, to) => bench.link(from, to)?,
            Operation::Unlink(path) => bench.unlink(path)?,
            Operation::RemoveFolder(path) => bench.remove_folder(path)?,
            Operation::Rename(from, to, how) => bench.rename(from, to, *how)?,
            Operation::Open(path, handle) => {
                let ino = self.file(Which::At(path))?;
                bench.disk.open(ino)?;
                if let Some(old) = self.handles[*handle].replace(ino) {
                    self.bench.disk.close(old);
                }
            }
            Operation::Close(handle) => {
                let ino = self.handles[*handle].take().ok_or(Errno::BADF)?;
                self.bench.disk.close(ino);
            }
            Operation::File(which, operation) => {
                return self.on_file(self.file(*which)?, operation);
            }
            Operation::SyncFolder(path) => bench.disk.sync_folder(bench.find(path)?.ino)?,
            Operation::Full(is_full) => bench.disk.set_full(*is_full),
            Operation::Settle(durable) => bench.disk.settle(*durable).unwrap(),
            Operation::Cut(..) => unreachable!("the test does that itself"),
        }
        Ok(Vec::new())
    }
}
