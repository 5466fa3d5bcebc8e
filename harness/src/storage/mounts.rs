//! What is mounted, who uses it, and how it is unmounted.
//!
//! Another program unmounts. A process that serves a file system and unmounts it by itself may wait in
//! the kernel for an answer of its own, and then not even SIGKILL ends it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether something is mounted on the folder, also where its file system does not answer any more.
#[must_use]
pub fn is_mounted(folder: &Path) -> bool {
    let folder = absolute(folder);
    below(&folder).contains(&folder)
}

/// The folders from this one on downwards on which something is mounted.
#[must_use]
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let folder = absolute(folder);
    // Not text: a path is any bytes.
    let table = fs::read("/proc/self/mounts").unwrap_or_default();
    let points = table.split(|byte| *byte == b'\n').filter_map(mount_point);
    points.filter(|point| point.starts_with(&folder)).collect()
}

/// With the links on the way to it resolved, as the kernel shows it. The folder itself is not looked
/// at, because what is mounted there may not answer.
fn absolute(folder: &Path) -> PathBuf {
    let parent = folder.parent().and_then(|parent| parent.canonicalize().ok());
    match (parent, folder.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => folder.to_owned(),
    }
}

/// The second word of a line of `/proc/self/mounts`.
fn mount_point(line: &[u8]) -> Option<PathBuf> {
    let word = line.split(|byte| *byte == b' ').nth(1)?;
    Some(PathBuf::from(plain(word)))
}

/// Without the kernel's escapes: a blank is `\040`.
fn plain(word: &[u8]) -> OsString {
    let mut bytes = Vec::new();
    let mut rest = word;
    while let [first, after @ ..] = rest {
        let code = match (first, after) {
            (b'\\', [a, b, c, ..]) => {
                std::str::from_utf8(&[*a, *b, *c]).ok().and_then(|o| u8::from_str_radix(o, 8).ok())
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[3..] } else { after };
    }
    OsString::from_vec(bytes)
}

/// Unmounts the folder; `lazily` also while it is in use, by which those who use it lose it.
///
/// # Errors
/// In the words of the program that unmounts.
pub fn unmount(folder: &Path, lazily: bool) -> Result<(), String> {
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("umount");
        command.args(lazily.then_some("-l"));
        command
    } else {
        let mut command = Command::new("fusermount3");
        command.arg("-u").args(lazily.then_some("-z"));
        command
    };
    command.arg("--").arg(folder).stdin(Stdio::null()).env("LC_ALL", "C");
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return Err(format!("cannot start {:?}: {error}", command.get_program())),
    };
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
    }
}

/// The processes that use something in the folder, each with its name: `mariadbd (4711)`. Only those
/// that may be looked into.
#[must_use]
pub fn users(folder: &Path) -> Vec<String> {
    let folder = absolute(folder);
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut users = Vec::new();
    for process in processes.flatten() {
        let is_process = process.file_name().as_bytes().iter().all(u8::is_ascii_digit);
        if is_process && uses(&process.path(), &folder) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            users.push(format!("{} ({})", name.trim(), process.file_name().display()));
        }
    }
    users
}

/// Whether the process of this folder of `/proc` has a file in the folder open or mapped, or works there.
fn uses(process: &Path, folder: &Path) -> bool {
    let is_there = |link: &Path| fs::read_link(link).is_ok_and(|path| path.starts_with(folder));
    if ["cwd", "root", "exe"].iter().any(|link| is_there(&process.join(link))) {
        return true;
    }
    let files = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    files.into_iter().any(|file| is_there(&file.path()))
        || mappings(process).iter().any(|mapping| mapping.file.starts_with(folder))
}

/// The files in the folder that processes write to through shared mappings, which is not seen before
/// the kernel writes it back. Only of those that may be looked into.
#[must_use]
pub fn written_through_mappings(folder: &Path) -> BTreeSet<PathBuf> {
    let folder = absolute(folder);
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mappings = processes.flat_map(|process| mappings(&process.path()));
    let written = mappings.filter(|mapping| mapping.is_shared && mapping.file.starts_with(&folder));
    // What has lost its last name is shown with this behind its path. The file is not looked at: see
    // above.
    let has_name = |file: &PathBuf| !file.as_os_str().as_bytes().ends_with(b" (deleted)");
    written.map(|mapping| mapping.file).filter(has_name).collect()
}

/// A file that a process has mapped.
struct Mapping {
    file: PathBuf,
    /// Whether what the process writes there goes to the file.
    is_shared: bool,
}

/// Those of the process of this folder of `/proc`; of one that is none, none.
fn mappings(process: &Path) -> Vec<Mapping> {
    let table = fs::read(process.join("maps")).unwrap_or_default();
    table.split(|byte| *byte == b'\n').filter_map(mapping).collect()
}

/// A line of `/proc/PID/maps`: `7f00-7f01 rw-s 00000000 00:2f 5 /a/file`.
fn mapping(line: &[u8]) -> Option<Mapping> {
    let path = line.iter().position(|byte| *byte == b'/')?;
    let file = PathBuf::from(OsStr::from_bytes(&line[path..]));
    let flags = line.split(|byte| *byte == b' ').nth(1)?;
    Some(Mapping { file, is_shared: flags.starts_with(b"rw") && flags.ends_with(b"s") })
}

/// What they are, in one line; [`users`] may have found none.
#[must_use]
pub fn in_words(users: &[String]) -> String {
    let users: BTreeSet<_> = users.iter().map(String::as_str).collect();
    match users.len() {
        0 => "no process that can be looked into uses it".to_owned(),
        _ => format!("used by {}", users.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};
    use std::path::{Path, PathBuf};

    use super::{below, in_words, is_mounted, mapping, mount_point, users};

    #[test]
    fn a_mount_point_is_read_whatever_is_in_its_name() {
        let line = br"harness /tmp/a\040b\134c/data fuse.harness rw,nosuid 0 0";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/tmp/a b\c/data")));
        assert_eq!(mount_point(b""), None);
    }

    #[test]
    fn a_mapping_is_read() {
        let check = |line: &str, file: &str, is_shared: bool| {
            let mapping = mapping(line.as_bytes()).unwrap();
            assert_eq!((mapping.file.as_path(), mapping.is_shared), (Path::new(file), is_shared));
        };
        check("7f00-7f01 rw-s 00001000 00:2f 5       /data/a file", "/data/a file", true);
        check("7f00-7f01 r--s 00000000 00:2f 5       /data/file", "/data/file", false);
        check("7f00-7f01 rw-p 00000000 00:2f 5       /lib/x.so", "/lib/x.so", false);
        assert!(mapping(b"7ffc-7ffd rw-p 00000000 00:00 0       [stack]").is_none());
    }

    #[test]
    fn what_is_mounted_is_found_from_its_folder_down() {
        assert!(is_mounted(Path::new("/proc")));
        assert!(!is_mounted(Path::new("/proc/self")));
        assert!(below(Path::new("/proc")).contains(&PathBuf::from("/proc")));
    }

    #[test]
    fn who_uses_a_folder_is_found_by_an_open_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_words(&users(folder.path())), "no process that can be looked into uses it");
        let file = File::create(folder.path().join("file")).unwrap();
        let found = users(folder.path());
        let me = format!("({})", std::process::id());
        assert!(found.len() == 1 && found[0].ends_with(&me), "{found:?}");
        drop(file);
        fs::remove_file(folder.path().join("file")).unwrap();
    }
}
