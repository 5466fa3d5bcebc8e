//! A disk as it is told in one breath: a list of names, of which a copy is durable, and files as whole
//! vectors of bytes, of which a copy is durable, with a mark for each byte that is not.

mod cut;
mod file;

use std::collections::BTreeMap;

use rustix::io::Errno;

use self::file::File;
use super::super::super::{Ino, ROOT, Rename};
use super::operation::{FileOperation, HANDLES, Operation, Which, World};
use super::{Bench, Kind, Seen};
use crate::fault::Directories;

/// A name: its folder, itself, what it is of.
type Name = (Ino, String, Ino);

pub struct Naive {
    is_lazy: bool,
    is_full: bool,
    /// Which blocks are there is not known any more.
    is_torn: bool,
    live: Vec<Name>,
    durable: Vec<Name>,
    /// All that there ever was: numbers are not used again.
    kinds: Vec<Kind>,
    files: BTreeMap<Ino, File>,
    handles: [Option<Ino>; HANDLES],
}

impl Naive {
    pub fn new(directories: Directories) -> Self {
        Self {
            is_lazy: directories == Directories::Lazy,
            is_full: false,
            is_torn: false,
            live: Vec::new(),
            durable: Vec::new(),
            kinds: vec![Kind::Folder, Kind::Folder],
            files: BTreeMap::new(),
            handles: [None; HANDLES],
        }
    }

    /// All that can be reached.
    pub fn all(&self) -> Vec<Seen> {
        let mut seen: Vec<Seen> = walk(&self.live)
            .into_iter()
            .map(|(path, ino)| {
                let links = self.live.iter().filter(|(_, _, other)| *other == ino).count();
                let links = u32::try_from(links).unwrap();
                let bytes = match self.kind(ino) {
                    Kind::File => self.files[&ino].live.clone(),
                    Kind::Symlink => b"to/there".to_vec(),
                    _ => Vec::new(),
                };
                (path, self.kind(ino), bytes, links)
            })
            .collect();
        seen.sort();
        seen
    }

    /// Whether the durable copies of all files, and how many blocks they have, are as here. After a cut
    /// the first are what is seen, but a cut has no need to look at a file that has nothing to lose.
    pub fn check_behind(&self, bench: &Bench) -> Result<(), String> {
        for (path, ino) in walk(&self.live) {
            if self.kind(ino) != Kind::File {
                continue;
            }
            if bench.durable(ino) != self.files[&ino].durable {
                return Err(format!("the durable copy of {path} is another one"));
            }
            if !self.is_torn {
                let (told, here) =
                    (bench.find(&path).unwrap().blocks, self.files[&ino].blocks.len());
                if told != 8 * here as u64 {
                    return Err(format!("{path} has {told} blocks and not {}", 8 * here));
                }
            }
        }
        Ok(())
    }

    fn kind(&self, ino: Ino) -> Kind {
        self.kinds[usize::try_from(ino).unwrap()]
    }

    fn parent(&self, path: &str) -> Result<(Ino, String), Errno> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folder = if above.is_empty() { ROOT } else { self.find(above)? };
        match self.kind(folder) {
            Kind::Folder => Ok((folder, name.to_owned())),
            Kind::Symlink => Err(Errno::NOENT),
            _ => Err(Errno::NOTDIR),
        }
    }

    fn find(&self, path: &str) -> Result<Ino, Errno> {
        if path.is_empty() {
            return Ok(ROOT);
        }
        let at = self.parent(path)?;
        self.named(&at).ok_or(Errno::NOENT)
    }

    fn named(&self, at: &(Ino, String)) -> Option<Ino> {
        let mut found =
            self.live.iter().filter(|(folder, name, _)| (*folder, name) == (at.0, &at.1));
        found.next().map(|name| name.2)
    }

    fn set(&mut self, at: (Ino, String), ino: Option<Ino>) {
        self.live.retain(|(folder, name, _)| (*folder, name) != (at.0, &at.1));
        self.live.extend(ino.map(|ino| (at.0, at.1, ino)));
    }

    fn carry(&mut self, folder: Ino) {
        self.durable.retain(|name| name.0 != folder);
        self.durable.extend(self.live.iter().filter(|name| name.0 == folder).cloned());
    }

    fn carry_way(&mut self, mut folder: Ino) {
        self.carry(folder);
        while folder != ROOT {
            folder = self.live.iter().find(|name| name.2 == folder).unwrap().0;
            self.carry(folder);
        }
    }

    fn is_in(&self, mut ino: Ino, folder: Ino) -> bool {
        while ino != folder && ino != ROOT {
            ino = self.live.iter().find(|name| name.2 == ino).unwrap().0;
        }
        ino == folder
    }

    fn has_names(&self, folder: Ino) -> bool {
        self.live.iter().any(|name| name.0 == folder)
    }

    fn rename(&mut self, from: &str, to: &str, how: Rename) -> Result<(), Errno> {
        let (from, to) = (self.parent(from)?, self.parent(to)?);
        let ino = self.named(&from).ok_or(Errno::NOENT)?;
        let old = self.named(&to);
        let is_folder = |ino| self.kind(ino) == Kind::Folder;
        match (how, old) {
            (Rename::NoReplace, Some(_)) => return Err(Errno::EXIST),
            (Rename::Exchange, None) => return Err(Errno::NOENT),
            _ if self.is_in(to.0, ino) => return Err(Errno::INVAL),
            (Rename::Exchange, Some(old)) if self.is_in(from.0, old) => return Err(Errno::INVAL),
            (Rename::Replace, Some(old)) if self.is_in(from.0, old) => return Err(Errno::NOTEMPTY),
            (_, Some(old)) if old == ino => return Ok(()),
            (Rename::Replace, Some(old)) => match (is_folder(ino), is_folder(old)) {
                (true, false) => return Err(Errno::NOTDIR),
                (false, true) => return Err(Errno::ISDIR),
                (true, true) if self.has_names(old) => return Err(Errno::NOTEMPTY),
                _ => {}
            },
            _ => {}
        }
        let folders =
            [ino].into_iter().chain(old).filter(|ino| is_folder(*ino)).collect::<Vec<_>>();
        let swaps = how == Rename::Exchange;
        let (from_folder, to_folder) = (from.0, to.0);
        self.set(from, old.filter(|_| swaps));
        self.set(to, Some(ino));
        if from_folder != to_folder && folders.contains(&ino) {
            self.carry_way(to_folder);
            self.carry(from_folder);
        }
        if from_folder != to_folder && swaps && old.is_some_and(|old| folders.contains(&old)) {
            self.carry_way(from_folder);
            self.carry(to_folder);
        }
        Ok(())
    }

    fn make(&mut self, path: &str, kind: Kind) -> Result<(), Errno> {
        let at = self.parent(path)?;
        if self.named(&at).is_some() {
            return Err(Errno::EXIST);
        }
        if self.is_full {
            return Err(Errno::NOSPC);
        }
        let ino = self.kinds.len() as Ino;
        self.kinds.push(kind);
        if kind == Kind::File {
            self.files.insert(ino, File::default());
        }
        self.set(at, Some(ino));
        Ok(())
    }

    fn link(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let (ino, at) = (self.find(from)?, self.parent(to)?);
        if self.named(&at).is_some() {
            return Err(Errno::EXIST);
        }
        if self.kind(ino) == Kind::Folder {
            return Err(Errno::PERM);
        }
        self.set(at, Some(ino));
        Ok(())
    }

    fn remove(&mut self, path: &str, folder: bool) -> Result<(), Errno> {
        let at = self.parent(path)?;
        let ino = self.named(&at).ok_or(Errno::NOENT)?;
        match (folder, self.kind(ino) == Kind::Folder) {
            (true, false) => return Err(Errno::NOTDIR),
            (false, true) => return Err(Errno::ISDIR),
            (true, true) if self.has_names(ino) => return Err(Errno::NOTEMPTY),
            _ => {}
        }
        self.set(at, None);
        Ok(())
    }

    fn file(&self, which: Which) -> Result<Ino, Errno> {
        match which {
            Which::Opened(handle) => self.handles[handle].ok_or(Errno::BADF),
            Which::At(path) => {
                let ino = self.find(path)?;
                if self.kind(ino) == Kind::File { Ok(ino) } else { Err(Errno::INVAL) }
            }
        }
    }

    fn on_file(&mut self, ino: Ino, operation: &FileOperation) -> Result<Vec<u8>, Errno> {
        let is_full = self.is_full;
        self.files.get_mut(&ino).unwrap().apply(operation, is_full)
    }

    fn settle(&mut self, durable: bool) {
        if durable {
            self.durable = self.live.clone();
            self.files.values_mut().for_each(File::settle);
        }
    }
}

impl World for Naive {
    fn apply(&mut self, operation: &Operation) -> Result<Vec<u8>, Errno> {
        match operation {
            Operation::Make(path, kind) => self.make(path, *kind)?,
            Operation::Link(from, to) => self.link(from, to)?,
            Operation::Unlink(path) => self.remove(path, false)?,
            Operation::RemoveFolder(path) => self.remove(path, true)?,
            Operation::Rename(from, to, how) => self.rename(from, to, *how)?,
            Operation::Open(path, handle) => {
                self.handles[*handle] = Some(self.file(Which::At(path))?);
            }
            Operation::Close(handle) => drop(self.handles[*handle].take().ok_or(Errno::BADF)?),
            Operation::File(which, operation) => {
                let ino = self.file(*which)?;
                return self.on_file(ino, operation);
            }
            Operation::SyncFolder(path) => match self.find(path)? {
                ino if self.kind(ino) == Kind::Folder => self.carry(ino),
                _ => return Err(Errno::NOTDIR),
            },
            Operation::Full(is_full) => self.is_full = *is_full,
            Operation::Settle(durable) => self.settle(*durable),
            Operation::Cut(..) => unreachable!("the test does that itself"),
        }
        if !self.is_lazy {
            self.durable = self.live.clone();
        }
        Ok(Vec::new())
    }
}

/// All paths in their order.
fn walk(names: &[Name]) -> Vec<(String, Ino)> {
    fn below(names: &[Name], folder: Ino, above: &str, to: &mut Vec<(String, Ino)>) {
        for (_, name, ino) in names.iter().filter(|name| name.0 == folder) {
            let path = format!("{above}{name}");
            below(names, *ino, &format!("{path}/"), to);
            to.push((path, *ino));
        }
    }
    let mut paths = Vec::new();
    below(names, ROOT, "", &mut paths);
    paths.sort();
    paths
}
