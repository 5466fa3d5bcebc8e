//! What a server does with names: it looks them up, makes, links, renames and removes them.

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, MutexGuard};

use rustix::io::Errno;

use super::attributes::{Attributes, Ino, Kind, Rename};
use super::inode::{Inode, Owner};
use super::names::Names;
use super::refusals::{
    check_empty, check_folder, check_free, check_name, check_rename, found, is_folder,
};
use super::state::{Disk, errno};
use crate::lock::lock;

impl Disk {
    /// What a name is of.
    ///
    /// # Errors
    /// There is no such name or no such folder.
    pub fn look_up(&self, folder: Ino, name: &OsStr) -> Result<Attributes, Errno> {
        let names = lock(&self.names);
        check_folder(&names, folder)?;
        let ino = found(&names, folder, name)?;
        described(names, ino)
    }

    /// Makes a file, a folder, a named pipe or a socket.
    ///
    /// # Errors
    /// The name is taken or too long, there is no such folder, or the disk is full.
    pub fn make(
        &self,
        folder: Ino,
        name: &OsStr,
        kind: Kind,
        mode: u32,
        uid: u32,
        gid: u32,
    ) -> Result<Attributes, Errno> {
        self.add(folder, name, kind, Owner { mode, uid, gid }, OsString::new())
    }

    /// Makes a symbolic link.
    ///
    /// # Errors
    /// As of [`Self::make`].
    pub fn symlink(
        &self,
        folder: Ino,
        name: &OsStr,
        target: &OsStr,
        uid: u32,
        gid: u32,
    ) -> Result<Attributes, Errno> {
        let owner = Owner { mode: 0o777, uid, gid };
        self.add(folder, name, Kind::Symlink, owner, target.to_owned())
    }

    /// Where a symbolic link points.
    ///
    /// # Errors
    /// It is none.
    pub fn read_link(&self, ino: Ino) -> Result<OsString, Errno> {
        let inode = self.inode(ino)?;
        if inode.kind == Kind::Symlink { Ok(inode.target.clone()) } else { Err(Errno::INVAL) }
    }

    /// Gives one more name to what is no folder.
    ///
    /// # Errors
    /// It is a folder or has lost its last name, the new name is taken or too long, or there is no such
    /// folder.
    pub fn link(&self, ino: Ino, folder: Ino, name: &OsStr) -> Result<Attributes, Errno> {
        let mut names = lock(&self.names);
        check_free(&names, folder, name)?;
        let inode = names.inodes.get(&ino).ok_or(Errno::NOENT)?;
        if inode.kind == Kind::Folder {
            return Err(Errno::PERM);
        }
        if names.live.links(ino) == 0 {
            return Err(Errno::NOENT);
        }
        inode.touch_names();
        names.set(folder, name, Some(ino));
        touch(&names, folder);
        described(names, ino)
    }

    /// Takes a name from what is no folder. Its bytes go with its last name and its last handle.
    ///
    /// # Errors
    /// There is no such name, or it is of a folder.
    pub fn unlink(&self, folder: Ino, name: &OsStr) -> Result<(), Errno> {
        let mut names = lock(&self.names);
        check_folder(&names, folder)?;
        let ino = found(&names, folder, name)?;
        if is_folder(&names, ino) {
            return Err(Errno::ISDIR);
        }
        if let Some(inode) = names.inodes.get(&ino) {
            inode.touch_names();
        }
        names.set(folder, name, None);
        touch(&names, folder);
        self.swept(names)
    }

    /// Removes an empty folder.
    ///
    /// # Errors
    /// There is no such name, it is of no folder, or the folder has names in it.
    pub fn remove_folder(&self, folder: Ino, name: &OsStr) -> Result<(), Errno> {
        let mut names = lock(&self.names);
        check_folder(&names, folder)?;
        let ino = found(&names, folder, name)?;
        check_empty(&names, ino)?;
        names.set(folder, name, None);
        touch(&names, folder);
        self.swept(names)
    }

    /// Gives another name.
    ///
    /// # Errors
    /// As of rename(2).
    pub fn rename(
        &self,
        folder: Ino,
        name: &OsStr,
        to_folder: Ino,
        to_name: &OsStr,
        rename: Rename,
    ) -> Result<(), Errno> {
        let mut names = lock(&self.names);
        check_folder(&names, folder)?;
        check_folder(&names, to_folder)?;
        check_name(to_name)?;
        let ino = found(&names, folder, name)?;
        let replaced = names.live.get(to_folder, to_name);
        check_rename(&names, (folder, ino), (to_folder, replaced), rename)?;
        if replaced == Some(ino) {
            return Ok(());
        }
        let swapped = replaced.filter(|_| rename == Rename::Exchange);
        names.set(folder, name, swapped);
        names.set(to_folder, to_name, Some(ino));
        if folder != to_folder {
            // A folder is never in two places or in none: see `names`.
            if is_folder(&names, ino) {
                names.carry_move(folder, to_folder);
            }
            if swapped.is_some_and(|ino| is_folder(&names, ino)) {
                names.carry_move(to_folder, folder);
            }
        }
        for inode in [Some(ino), replaced].into_iter().flatten() {
            names.inodes.get(&inode).into_iter().for_each(|inode| inode.touch_names());
        }
        [folder, to_folder].into_iter().for_each(|folder| touch(&names, folder));
        self.swept(names)
    }

    /// The names in a folder, in their order.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn entries(&self, folder: Ino) -> Result<Vec<(Ino, Kind, OsString)>, Errno> {
        let names = lock(&self.names);
        check_folder(&names, folder)?;
        let entries = names.live.entries(folder).into_iter().flatten();
        let entries = entries.filter_map(|(name, ino)| {
            let inode = names.inodes.get(ino)?;
            Some((*ino, inode.kind, name.clone()))
        });
        Ok(entries.collect())
    }

    /// Makes the names of a folder durable, where they are not at once.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn sync_folder(&self, ino: Ino) -> Result<(), Errno> {
        let mut names = lock(&self.names);
        check_folder(&names, ino)?;
        names.carry(ino);
        self.swept(names)
    }

    /// Opens: what has lost its last name lives until the last close.
    ///
    /// # Errors
    /// There is no such inode.
    pub fn open(&self, ino: Ino) -> Result<(), Errno> {
        let names = lock(&self.names);
        names.inodes.get(&ino).ok_or(Errno::NOENT)?.open();
        Ok(())
    }

    /// Closes what was opened.
    pub fn close(&self, ino: Ino) {
        let mut names = lock(&self.names);
        let Some(inode) = names.inodes.get(&ino).map(Arc::clone) else { return };
        if !inode.close() {
            return;
        }
        names.closed(ino);
        // Nobody is told: a backing file that stays behind takes room and harms nothing else.
        let _ = self.swept(names);
        if let Some(content) = inode.content()
            && !inode.is_open()
        {
            lock(content).close();
        }
    }

    fn add(
        &self,
        folder: Ino,
        name: &OsStr,
        kind: Kind,
        owner: Owner,
        target: OsString,
    ) -> Result<Attributes, Errno> {
        let mut names = lock(&self.names);
        check_free(&names, folder, name)?;
        self.grow()?;
        let ino = names.next_ino();
        let content = (kind == Kind::File).then(|| self.content(ino));
        names.add(Inode::new(ino, kind, owner, target, content));
        names.set(folder, name, Some(ino));
        touch(&names, folder);
        described(names, ino)
    }

    /// Removes the bytes of what is gone, with the names unlocked: a large file takes a while.
    fn swept(&self, mut names: MutexGuard<'_, Names>) -> Result<(), Errno> {
        let gone = names.sweep();
        drop(names);
        for content in gone.iter().filter_map(|inode| inode.content()) {
            lock(content).remove().map_err(|error| errno(&error))?;
        }
        Ok(())
    }
}

/// The attributes of something, asked for with the names unlocked: its bytes may be at work.
pub(super) fn described(names: MutexGuard<'_, Names>, ino: Ino) -> Result<Attributes, Errno> {
    let inode = names.inodes.get(&ino).map(Arc::clone).ok_or(Errno::NOENT)?;
    let links = if inode.kind == Kind::Folder { 1 } else { names.live.links(ino) };
    drop(names);
    Ok(inode.attributes(links))
}

fn touch(names: &Names, folder: Ino) {
    names.inodes.get(&folder).into_iter().for_each(|inode| inode.touch());
}
