//! What can be done to a disk, and random sequences of it.

use std::fmt;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng;
use rustix::io::Errno;

use super::super::super::Rename;
use super::Kind;
use crate::chance::{Purpose, below, generator};
use crate::fault::{AfterFailedSync, Keep};

/// Where something is done. There are few, so that they meet.
pub type Path = &'static str;

const PATHS: [Path; 14] =
    ["a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "d/e/b", "f", "f/a", "f/b", "f/d", "f/d/a"];

/// How many files can be open by handles.
pub const HANDLES: usize = 3;

/// One operation.
#[derive(Debug)]
pub enum Operation {
    Make(Path, Kind),
    Link(Path, Path),
    Unlink(Path),
    RemoveFolder(Path),
    Rename(Path, Path, Rename),
    Open(Path, usize),
    Close(usize),
    File(Which, FileOperation),
    SyncFolder(Path),
    /// From here on nothing of a plain folder.
    Full(bool),
    Settle(bool),
    Cut(Keep, u64),
}

/// Which file.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    At(Path),
    Opened(usize),
}

/// What is done to a file; on anything else it is an invalid argument.
#[derive(Debug)]
pub enum FileOperation {
    Write(usize, Bytes),
    Append(Bytes),
    Resize(usize),
    Reserve { offset: usize, len: usize, keeps_size: bool },
    Zero { offset: usize, len: usize, keeps_size: bool },
    Punch(usize, usize),
    Read(usize, usize),
    Sync,
    FailSync(AfterFailedSync),
}

/// Bytes that are not shown.
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What operations are done to.
pub trait World {
    /// Does it; what was read, or the error.
    fn apply(&mut self, operation: &Operation) -> Result<Vec<u8>, Errno>;
}

/// A sequence; with cuts of a kind, or with nothing that a plain folder has not.
pub fn sequence(seed: u64, keep: Option<Keep>) -> Vec<Operation> {
    let mut draw = Draw { chance: generator(seed, Purpose::Disk, 0), pattern: vec![0; 1 << 14] };
    draw.chance.fill_bytes(&mut draw.pattern);
    let begin = ["d", "d/e", "f"].map(|path| Operation::Make(path, Kind::Folder));
    let files = ["a", "d/a", "d/e/b"].map(|path| Operation::Make(path, Kind::File));
    let len = 25 + draw.below(30);
    let mut all: Vec<Operation> = begin.into_iter().chain(files).collect();
    all.extend((0..len).map(|_| draw.operation(keep)));
    all.extend(keep.map(|keep| Operation::Cut(keep, draw.chance.next_u64())));
    all
}

struct Draw {
    chance: Pcg64Mcg,
    pattern: Vec<u8>,
}

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(below(self.chance.next_u64(), end as u64)).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn handle(&mut self) -> usize {
        self.below(HANDLES)
    }

    fn operation(&mut self, keep: Option<Keep>) -> Operation {
        let (path, other) = (self.one(&PATHS), self.one(&PATHS));
        match (self.below(100), keep) {
            (0..8, _) => {
                let kinds = [Kind::File, Kind::File, Kind::File, Kind::Folder, Kind::Symlink];
                Operation::Make(path, self.one(&kinds))
            }
            (8..12, _) => Operation::Link(path, other),
            (12..16, _) => Operation::Unlink(path),
            (16..19, _) => Operation::RemoveFolder(path),
            (19..29, _) => {
                let how = [Rename::Replace, Rename::Replace, Rename::NoReplace, Rename::Exchange];
                Operation::Rename(path, other, self.one(&how))
            }
            (29..34, _) => Operation::Open(path, self.handle()),
            (34..36, _) => Operation::Close(self.handle()),
            (36..42, _) => Operation::SyncFolder(self.one(&["", "", "d", "d/e", "f", "a"])),
            (42..47, Some(keep)) => Operation::Cut(keep, self.chance.next_u64()),
            (47..49, Some(_)) => Operation::Settle(self.below(3) > 0),
            // Which blocks are there is not known after a cut that keeps some.
            (49..53, Some(Keep::None)) => Operation::Full(self.below(2) == 0),
            _ => {
                let which = match self.below(4) {
                    0 => Which::Opened(self.handle()),
                    1 => Which::At(path),
                    // A few files that much is done to.
                    _ => Which::At(self.one(&["a", "d/a", "d/e/b"])),
                };
                Operation::File(which, self.file_operation(keep.is_some()))
            }
        }
    }

    fn file_operation(&mut self, can_fail: bool) -> FileOperation {
        let (offset, len) = (self.offset(), 1 + self.below(6000));
        let keeps_size = self.below(2) == 0;
        match self.below(100) {
            0..28 => FileOperation::Write(offset, self.bytes(len)),
            28..40 => FileOperation::Append(self.bytes(len)),
            40..50 => FileOperation::Resize(offset),
            50..55 => FileOperation::Reserve { offset, len, keeps_size },
            55..60 => FileOperation::Zero { offset, len, keeps_size },
            60..66 => FileOperation::Punch(offset, 1 + self.below(12000)),
            66..71 if can_fail => {
                let then = [AfterFailedSync::Drop, AfterFailedSync::Drop, AfterFailedSync::Retry];
                FileOperation::FailSync(self.one(&then))
            }
            66..90 => FileOperation::Sync,
            _ => FileOperation::Read(offset, len),
        }
    }

    /// At edges of pages and sectors more often than chance has it.
    fn offset(&mut self) -> usize {
        match self.below(4) {
            0 => self.below(6) * 4096,
            1 => self.below(40) * 512,
            2 => self.below(300),
            _ => self.below(20000),
        }
    }

    fn bytes(&mut self, len: usize) -> Bytes {
        let start = self.below(8192);
        Bytes(self.pattern[start..start + len].to_vec())
    }
}
