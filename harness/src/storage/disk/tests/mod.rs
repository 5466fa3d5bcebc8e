//! Each rule of a disk by itself, and all of them against a model.

mod bytes;
mod cuts;
mod full;
mod model;
mod names;
mod payloads;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::PathBuf;

use rustix::io::Errno;

use super::{Attributes, Changes, Disk, Ino, Kind, ROOT, Rename};
use crate::fault::{Directories, Keep};
use crate::history::Forgotten;

/// A disk in a folder that goes with it, spoken to by paths.
struct Bench {
    disk: Disk,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(directories: Directories) -> Self {
        Self::with_noise(directories, &[])
    }

    fn with_noise(directories: Directories, noise: &[&str]) -> Self {
        Self::within(tempfile::tempdir().unwrap(), directories, noise)
    }

    fn within(folder: tempfile::TempDir, directories: Directories, noise: &[&str]) -> Self {
        let noise = noise.iter().map(ToString::to_string).collect();
        let disk = Disk::new(folder.path(), directories, noise).unwrap();
        Self { disk, folder }
    }

    /// The folder and the name of a path, as a kernel finds them.
    fn parent<'a>(&self, path: &'a str) -> Result<(Ino, &'a OsStr), Errno> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut folder = ROOT;
        for name in above.split('/').filter(|name| !name.is_empty()) {
            let found = self.disk.look_up(folder, OsStr::new(name))?;
            folder = match found.kind {
                Kind::Folder => found.ino,
                // The links of these tests point nowhere, so there is nothing below them.
                Kind::Symlink => return Err(Errno::NOENT),
                _ => return Err(Errno::NOTDIR),
            };
        }
        Ok((folder, OsStr::new(name)))
    }

    fn find(&self, path: &str) -> Result<Attributes, Errno> {
        if path.is_empty() {
            return self.disk.attributes(ROOT);
        }
        let (folder, name) = self.parent(path)?;
        self.disk.look_up(folder, name)
    }

    fn ino(&self, path: &str) -> Ino {
        self.find(path).unwrap().ino
    }

    fn make(&self, path: &str, kind: Kind) -> Result<Attributes, Errno> {
        let (folder, name) = self.parent(path)?;
        self.disk.make(folder, name, kind, 0o755, 0, 0)
    }

    fn file(&self, path: &str) -> Ino {
        self.make(path, Kind::File).unwrap().ino
    }

    fn folder(&self, path: &str) -> Ino {
        self.make(path, Kind::Folder).unwrap().ino
    }

    /// A new file with these bytes, none of them durable.
    fn written(&self, path: &str, bytes: impl AsRef<[u8]>) -> Ino {
        let ino = self.file(path);
        self.disk.write(ino, 0, bytes.as_ref()).unwrap();
        ino
    }

    /// A new file with these bytes, all of them durable.
    fn synced(&self, path: &str, bytes: impl AsRef<[u8]>) -> Ino {
        let ino = self.written(path, bytes);
        self.disk.sync(ino).unwrap();
        ino
    }

    fn resize(&self, ino: Ino, size: u64) {
        self.disk.change(ino, &Changes { size: Some(size), ..Changes::default() }).unwrap();
    }

    fn rename(&self, from: &str, to: &str, rename: Rename) -> Result<(), Errno> {
        let ((folder, name), (to_folder, to_name)) = (self.parent(from)?, self.parent(to)?);
        self.disk.rename(folder, name, to_folder, to_name, rename)
    }

    fn link(&self, from: &str, to: &str) -> Result<(), Errno> {
        let (ino, (folder, name)) = (self.find(from)?.ino, self.parent(to)?);
        self.disk.link(ino, folder, name).map(drop)
    }

    fn unlink(&self, path: &str) -> Result<(), Errno> {
        let (folder, name) = self.parent(path)?;
        self.disk.unlink(folder, name)
    }

    fn remove_folder(&self, path: &str) -> Result<(), Errno> {
        let (folder, name) = self.parent(path)?;
        self.disk.remove_folder(folder, name)
    }

    /// A cut; what the server then sees is what is durable.
    fn cut(&self) -> Forgotten {
        let forgotten = self.disk.cut(Keep::None, 0).unwrap();
        for path in self.paths().iter().filter(|path| !path.ends_with('/')) {
            let told = self.find(path).unwrap();
            if told.kind == Kind::File {
                assert_eq!(self.bytes(told.ino), self.durable(told.ino), "{path}");
            }
        }
        forgotten
    }

    /// The durable copy of a file.
    fn durable(&self, ino: Ino) -> Vec<u8> {
        fs::read(self.folder.path().join("durable").join(ino.to_string())).unwrap_or_default()
    }

    fn bytes(&self, ino: Ino) -> Vec<u8> {
        let size = self.disk.attributes(ino).unwrap().size;
        self.disk.read(ino, 0, usize::try_from(size).unwrap() + 10).unwrap()
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.bytes(self.ino(path))).unwrap()
    }

    /// All paths in their order, folders with a slash.
    fn paths(&self) -> Vec<String> {
        let (mut paths, mut left) = (BTreeSet::new(), vec![(String::new(), ROOT)]);
        while let Some((above, folder)) = left.pop() {
            for (ino, kind, name) in self.disk.entries(folder).unwrap() {
                let mut path = above.clone() + name.to_str().unwrap();
                if kind == Kind::Folder {
                    path.push('/');
                    left.push((path.clone(), ino));
                }
                paths.insert(path);
            }
        }
        paths.into_iter().collect()
    }

    /// The files behind it.
    fn backing(&self) -> Vec<PathBuf> {
        let folders = ["live", "durable", "before"].map(|name| self.folder.path().join(name));
        let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

fn name(text: &str) -> OsString {
    OsString::from(text)
}
