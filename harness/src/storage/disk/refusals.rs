//! What Linux refuses to do with names, in the order in which it looks.

use std::ffi::OsStr;

use rustix::io::Errno;

use super::attributes::{Ino, Kind, Rename};
use super::names::Names;
use super::tree::Entries;

/// The longest name, in bytes, as on ext4.
const NAME_MAX: usize = 255;

pub(super) fn is_folder(names: &Names, ino: Ino) -> bool {
    names.inodes.get(&ino).is_some_and(|inode| inode.kind == Kind::Folder)
}

pub(super) fn found(names: &Names, folder: Ino, name: &OsStr) -> Result<Ino, Errno> {
    check_name(name)?;
    names.live.get(folder, name).ok_or(Errno::NOENT)
}

pub(super) fn check_folder(names: &Names, ino: Ino) -> Result<(), Errno> {
    match names.inodes.get(&ino) {
        None => Err(Errno::NOENT),
        Some(inode) if inode.kind != Kind::Folder => Err(Errno::NOTDIR),
        Some(_) => Ok(()),
    }
}

pub(super) fn check_name(name: &OsStr) -> Result<(), Errno> {
    if name.len() > NAME_MAX { Err(Errno::NAMETOOLONG) } else { Ok(()) }
}

/// A new name may be given there.
pub(super) fn check_free(names: &Names, folder: Ino, name: &OsStr) -> Result<(), Errno> {
    check_name(name)?;
    check_folder(names, folder)?;
    if names.live.links(folder) == 0 {
        // It was removed, and somebody has it open.
        return Err(Errno::NOENT);
    }
    if names.live.get(folder, name).is_some() { Err(Errno::EXIST) } else { Ok(()) }
}

pub(super) fn check_empty(names: &Names, folder: Ino) -> Result<(), Errno> {
    check_folder(names, folder)?;
    let is_empty = names.live.entries(folder).is_none_or(Entries::is_empty);
    if is_empty { Ok(()) } else { Err(Errno::NOTEMPTY) }
}

/// Whether what is in a folder may get a name in another one that something has already, or nothing.
pub(super) fn check_rename(
    names: &Names,
    (folder, ino): (Ino, Ino),
    (to_folder, replaced): (Ino, Option<Ino>),
    rename: Rename,
) -> Result<(), Errno> {
    if names.live.links(to_folder) == 0 {
        return Err(Errno::NOENT);
    }
    let is_below = names.live.way_up(to_folder).contains(&ino);
    let is_above = replaced.is_some_and(|above| names.live.way_up(folder).contains(&above));
    match (replaced, rename) {
        (Some(_), Rename::NoReplace) => Err(Errno::EXIST),
        (None, Rename::Exchange) => Err(Errno::NOENT),
        _ if is_below => Err(Errno::INVAL),
        (Some(_), Rename::Exchange) if is_above => Err(Errno::INVAL),
        (None, _) | (Some(_), Rename::Exchange) => Ok(()),
        (Some(_), Rename::Replace) if is_above => Err(Errno::NOTEMPTY),
        (Some(replaced), Rename::Replace) if replaced == ino => Ok(()),
        (Some(replaced), Rename::Replace) => {
            match (is_folder(names, ino), is_folder(names, replaced)) {
                (true, true) => check_empty(names, replaced),
                (true, false) => Err(Errno::NOTDIR),
                (false, true) => Err(Errno::ISDIR),
                (false, false) => Ok(()),
            }
        }
    }
}
