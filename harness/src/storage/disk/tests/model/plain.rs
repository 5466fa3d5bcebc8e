//! A plain folder, as operations are done to it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::super::super::Rename;
use super::operation::{FileOperation, HANDLES, Operation, Which, World};
use super::{Kind, Seen, quick_folder};

pub struct Plain {
    folder: tempfile::TempDir,
    handles: [Option<File>; HANDLES],
}

impl Plain {
    pub fn new() -> Self {
        Self { folder: quick_folder(), handles: [None, None, None] }
    }

    pub fn all(&self) -> Vec<Seen> {
        let (mut seen, mut left) = (Vec::new(), vec![String::new()]);
        while let Some(above) = left.pop() {
            for entry in fs::read_dir(self.path(&above)).unwrap() {
                let entry = entry.unwrap();
                let path = above.clone() + entry.file_name().to_str().unwrap();
                let (told, at) = (entry.metadata().unwrap(), entry.path());
                let links = u32::try_from(told.nlink()).unwrap();
                seen.push(if told.is_dir() {
                    left.push(format!("{path}/"));
                    (path, Kind::Folder, Vec::new(), 1)
                } else if told.is_symlink() {
                    let target = fs::read_link(at).unwrap().into_os_string().into_encoded_bytes();
                    (path, Kind::Symlink, target, links)
                } else {
                    (path, Kind::File, fs::read(at).unwrap(), links)
                });
            }
        }
        seen.sort();
        seen
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn open(&self, path: &str) -> io::Result<File> {
        let path = self.path(path);
        if !fs::symlink_metadata(&path)?.is_file() {
            return Err(Errno::INVAL.into());
        }
        File::options().read(true).write(true).open(path)
    }

    fn act(&mut self, operation: &Operation) -> io::Result<Vec<u8>> {
        match operation {
            Operation::Make(path, Kind::File) => drop(File::create_new(self.path(path))?),
            Operation::Make(path, Kind::Folder) => fs::create_dir(self.path(path))?,
            Operation::Make(path, _) => {
                std::os::unix::fs::symlink(OsStr::from_bytes(b"to/there"), self.path(path))?;
            }
            Operation::Link(from, to) => fs::hard_link(self.path(from), self.path(to))?,
            // Of the standard library's functions the plainest: unlink(2) and rmdir(2).
            Operation::Unlink(path) => fs::remove_file(self.path(path))?,
            Operation::RemoveFolder(path) => fs::remove_dir(self.path(path))?,
            Operation::Rename(from, to, how) => {
                let flags = match how {
                    Rename::Replace => RenameFlags::empty(),
                    Rename::NoReplace => RenameFlags::NOREPLACE,
                    Rename::Exchange => RenameFlags::EXCHANGE,
                };
                renameat_with(CWD, self.path(from), CWD, self.path(to), flags)?;
            }
            Operation::Open(path, handle) => self.handles[*handle] = Some(self.open(path)?),
            Operation::Close(handle) => drop(self.handles[*handle].take().ok_or(Errno::BADF)?),
            Operation::File(Which::At(path), operation) => {
                return on_file(&self.open(path)?, operation);
            }
            Operation::File(Which::Opened(handle), operation) => {
                return on_file(self.handles[*handle].as_ref().ok_or(Errno::BADF)?, operation);
            }
            Operation::SyncFolder(path) => {
                let told = fs::symlink_metadata(self.path(path))?;
                return if told.is_dir() { Ok(Vec::new()) } else { Err(Errno::NOTDIR.into()) };
            }
            Operation::Full(_) | Operation::Settle(_) | Operation::Cut(..) => {
                unreachable!("a plain folder has none")
            }
        }
        Ok(Vec::new())
    }
}

impl World for Plain {
    fn apply(&mut self, operation: &Operation) -> Result<Vec<u8>, Errno> {
        self.act(operation).map_err(|error| Errno::from_io_error(&error).unwrap())
    }
}

/// Zeros and reserved blocks by plain writes: not every file system has more.
fn on_file(file: &File, operation: &FileOperation) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let size = usize::try_from(size).unwrap();
    let write = |bytes: &[u8], offset: usize| file.write_all_at(bytes, offset as u64);
    let erase = |offset: usize, len: usize| {
        write(&vec![0; (offset + len).min(size).saturating_sub(offset)], offset)
    };
    let grow = |end: usize, keeps_size: bool| {
        if keeps_size { Ok(()) } else { file.set_len(size.max(end) as u64) }
    };
    match operation {
        FileOperation::Write(offset, bytes) => write(&bytes.0, *offset)?,
        FileOperation::Append(bytes) => write(&bytes.0, size)?,
        FileOperation::Resize(size) => file.set_len(*size as u64)?,
        FileOperation::Reserve { offset, len, keeps_size } => grow(offset + len, *keeps_size)?,
        FileOperation::Zero { offset, len, keeps_size } => {
            erase(*offset, *len)?;
            grow(offset + len, *keeps_size)?;
        }
        FileOperation::Punch(offset, len) => erase(*offset, *len)?,
        FileOperation::Read(offset, len) => {
            let mut bytes = vec![0; *len];
            let read = file.read_at(&mut bytes, *offset as u64)?;
            bytes.truncate(read);
            return Ok(bytes);
        }
        // Whether it is on the disk cannot be seen here, and it takes long.
        FileOperation::Sync | FileOperation::FailSync(_) => {}
    }
    Ok(Vec::new())
}
