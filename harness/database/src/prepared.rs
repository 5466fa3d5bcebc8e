//! A data folder as a set-up leaves it, kept in the user's cache folder, so that the next server's
//! is a copy of it: 0.1 s in place of 0.7 s and more.
//!
//! It is only ever used whole. It is made in a folder beside its place and then renamed, so that of
//! several that are made at once one comes to be; and a copy is checked against the list of what was
//! kept, for a machine that lost its power, a full disk or a program that tidies up may have damaged
//! it. A damaged one is removed, and made anew by the next set-up.

#![expect(
    clippy::disallowed_types,
    reason = "when files were used is wall time, and no simulation is here"
)]

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::contents::{Contents, Entry, digest};
use crate::error::Error;
use crate::folder::Folder;
use crate::installed::Installed;

/// The list of what is in [`DATA`].
const CONTENTS: &str = "contents";

/// The prepared folder itself.
const DATA: &str = "data";

/// One that was not used for so long is removed: its server or its options are not there any more.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// The place of the prepared data folder for one server and one way to set it up.
#[derive(Debug)]
pub(crate) struct Prepared {
    place: PathBuf,
    /// All that shapes it, in lines for people.
    made_of: String,
}

/// Why there is no copy.
enum NoCopy {
    /// There is none to be copied, or none that is whole.
    Damaged,
    /// The copy cannot be written.
    Unwritable(io::Error),
}

/// The folder in which prepared data folders are kept: `harness` in the user's cache folder, which
/// `XDG_CACHE_HOME` names, else `~/.cache`. None where there is no such folder, nor one to make it in.
pub(crate) fn cache() -> Option<PathBuf> {
    cache_in(std::env::var_os("XDG_CACHE_HOME"), std::env::var_os("HOME"))
}

/// By the rules of XDG a path that is relative counts for nothing.
fn cache_in(cache: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    let in_home = || home.and_then(absolute).filter(|home| home.is_dir());
    let cache = cache.and_then(absolute).or_else(|| Some(in_home()?.join(".cache")));
    Some(cache?.join("harness"))
}

impl Prepared {
    /// The one in the folder `cache` for what is installed, set up by these arguments; those that name
    /// a server's own folders are not among them.
    pub(crate) fn new(cache: &Path, installed: &Installed, arguments: &[OsString]) -> Self {
        let made_of = made_of(installed, arguments);
        let mut hasher = DefaultHasher::new();
        made_of.hash(&mut hasher);
        let place = cache.join(format!("mysql-{:016x}", hasher.finish()));
        Self { place, made_of }
    }

    /// Copies it into a data folder that is empty or not there yet, where one is prepared and whole;
    /// says whether it did. Where it did not, the data folder is empty or not there.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    pub(crate) fn copy_to(&self, data: &Path, durable: bool) -> Result<bool, Error> {
        let copied = self.try_copy(data, durable);
        if copied.is_err() {
            empty(data);
        }
        match copied {
            Ok(()) => Ok(true),
            Err(NoCopy::Damaged) => {
                let _ = fs::remove_dir_all(&self.place);
                Ok(false)
            }
            Err(NoCopy::Unwritable(error)) => {
                let (from, to) = (self.place.display(), data.display());
                let act = format!("copy the prepared data folder {from} to {to}");
                Err(Error::Files { act, error })
            }
        }
    }

    fn try_copy(&self, data: &Path, durable: bool) -> Result<(), NoCopy> {
        let damaged = |_: io::Error| NoCopy::Damaged;
        let text = fs::read_to_string(self.place.join(CONTENTS)).map_err(damaged)?;
        let contents = Contents::read(&text, &self.made_of).ok_or(NoCopy::Damaged)?;
        let from = self.place.join(DATA);
        make_folder(data).map_err(NoCopy::Unwritable)?;
        for entry in &contents.entries {
            match entry {
                Entry::Folder(path) => make_folder(&data.join(path)),
                Entry::File { path, digest: expected } => {
                    let bytes = fs::read(from.join(path)).map_err(damaged)?;
                    if digest(&bytes) != *expected {
                        return Err(NoCopy::Damaged);
                    }
                    write(&data.join(path), &bytes, durable)
                }
            }
            .map_err(NoCopy::Unwritable)?;
        }
        if durable {
            contents.sync_folders(data).map_err(NoCopy::Unwritable)?;
        }
        // Where it cannot be noted that it was used, it is made again some day.
        let list = OpenOptions::new().write(true).open(self.place.join(CONTENTS));
        let _ = list.and_then(|list| list.set_modified(SystemTime::now()));
        Ok(())
    }

    /// Keeps a copy of a data folder that was just set up and not used yet. Where it cannot be kept,
    /// the next server is set up as this one was.
    pub(crate) fn keep(&self, data: &Path) {
        // Nothing depends on it.
        let _ = self.try_keep(data);
        self.remove_unused();
    }

    /// Removes those beside it that were not used for long.
    fn remove_unused(&self) {
        let others = self.place.parent().and_then(|cache| fs::read_dir(cache).ok());
        for entry in others.into_iter().flatten().flatten() {
            if !entry.file_name().as_encoded_bytes().starts_with(b"mysql-") {
                continue;
            }
            // One without a list was not removed whole.
            let list = fs::metadata(entry.path().join(CONTENTS)).or_else(|_| entry.metadata());
            let used = list.and_then(|list| list.modified());
            let is_unused = |used: SystemTime| used.elapsed().is_ok_and(|unused| unused > KEPT);
            if used.is_ok_and(is_unused) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }

    fn try_keep(&self, data: &Path) -> io::Result<()> {
        let cache = self.place.parent().ok_or(io::ErrorKind::NotFound)?;
        DirBuilder::new().recursive(true).mode(0o700).create(cache)?;
        // It is gone with this process, also where that is killed half-way.
        let folder = Folder::new_in(cache, "mysql")?;
        let new = folder.path().join("new");
        let to = new.join(DATA);
        make_folder(&new)?;
        make_folder(&to)?;
        let contents = Contents::copy(data, |entry, bytes| match entry {
            Entry::Folder(path) => make_folder(&to.join(path)),
            Entry::File { path, .. } => write(&to.join(path), bytes, false),
        })?;
        write(&new.join(CONTENTS), contents.text(&self.made_of).as_bytes(), false)?;
        // Refused where another is there already, which is as good.
        fs::rename(&new, &self.place)
    }
}

/// A server that was built anew may call itself by the version that it had.
fn made_of(installed: &Installed, arguments: &[OsString]) -> String {
    let mut lines = vec!["a prepared data folder, version 1".to_owned()];
    for program in installed.programs() {
        let (bytes, changed) = match fs::metadata(program) {
            Ok(file) => (file.len(), file.mtime()),
            Err(_) => (0, 0),
        };
        lines.push(format!("{} of {bytes} bytes, changed {changed}", program.display()));
    }
    lines.push(installed.version.trim().to_owned());
    lines.extend(arguments.iter().map(|argument| argument.display().to_string()));
    lines.join("\n")
}

/// Makes a folder, or finds it: one that is kept, or that a file system is mounted on, is there.
fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made,
    }
}

/// Each byte is written, zeros too: a log whose blocks are there is flushed quicker than one that has
/// them allocated by its first commits.
fn write(path: &Path, bytes: &[u8], durable: bool) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    if durable { file.sync_all() } else { Ok(()) }
}

/// Removes what is in the folder, not the folder.
fn empty(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // What cannot be removed is what the set-up complains about.
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_xdg_says() {
        let home = tempfile::tempdir().unwrap();
        let check = |cache: &str, home: &Path, expected: Option<&Path>| {
            let found = cache_in(Some(cache.into()), Some(home.into()));
            assert_eq!(found.as_deref(), expected, "{cache:?} {home:?}");
        };
        let in_home = home.path().join(".cache/harness");
        check("/var/cache/ann", home.path(), Some(Path::new("/var/cache/ann/harness")));
        check("", home.path(), Some(&in_home));
        check("relative", home.path(), Some(&in_home));
        check("", &home.path().join("absent"), None);
        check("", Path::new("relative"), None);
        assert_eq!(cache_in(None, None), None);
    }

    #[test]
    fn another_server_version_or_option_is_another_place() {
        let program = tempfile::NamedTempFile::new().unwrap();
        let installed = |version: &str| Installed {
            server: program.path().to_owned(),
            version: version.to_owned(),
            kind: crate::installed::Kind::MySql,
        };
        let place = |installed: &Installed, options: &[&str]| {
            let options: Vec<_> = options.iter().map(OsString::from).collect();
            Prepared::new(Path::new("/cache"), installed, &options).place
        };
        let one = place(&installed("1"), &["--a", "--b"]);
        assert_eq!(place(&installed("1"), &["--a", "--b"]), one);
        assert_ne!(place(&installed("2"), &["--a", "--b"]), one);
        assert_ne!(place(&installed("1"), &["--a"]), one);
        let elsewhere = Installed { server: "/elsewhere".into(), ..installed("1") };
        assert_ne!(place(&elsewhere, &["--a", "--b"]), one);
        fs::write(program.path(), "built anew").unwrap();
        assert_ne!(place(&installed("1"), &["--a", "--b"]), one);
    }

    #[test]
    fn one_that_nobody_uses_any_more_goes_when_another_is_made() {
        let place = tempfile::tempdir().unwrap();
        let prepared = |name: &str| Prepared {
            place: place.path().join("cache").join(format!("mysql-{name}")),
            made_of: name.to_owned(),
        };
        let (data, [unused, used, new]) =
            (data(place.path()), ["unused", "used", "new"].map(prepared));
        for one in [&unused, &used] {
            one.keep(&data);
            let list = OpenOptions::new().write(true).open(one.place.join(CONTENTS)).unwrap();
            list.set_modified(SystemTime::now() - 2 * KEPT).unwrap();
            if one.place == used.place {
                assert!(one.copy_to(&place.path().join("copy"), false).unwrap());
            }
        }
        new.keep(&data);
        assert!(!unused.place.exists() && used.place.exists() && new.place.exists());
    }

    /// What is done to a prepared folder, in words and in deed.
    type Damage = (&'static str, fn(&Path));

    /// A folder with a file of several pages, and one in a folder of its own.
    fn data(place: &Path) -> PathBuf {
        let data = place.join("set up");
        fs::create_dir_all(data.join("mysql")).unwrap();
        fs::write(data.join("log"), [7; 10_000]).unwrap();
        fs::write(data.join("mysql/table"), "rows").unwrap();
        data
    }

    #[test]
    fn a_damaged_one_is_not_used_and_makes_way_for_another() {
        let damages: [Damage; 7] = [
            ("a byte of a page", |place| {
                let mut bytes = fs::read(place.join("data/log")).unwrap();
                bytes[5000] ^= 1;
                fs::write(place.join("data/log"), bytes).unwrap();
            }),
            ("a file is short", |place| fs::write(place.join("data/log"), [7; 9_999]).unwrap()),
            ("a file is gone", |place| fs::remove_file(place.join("data/mysql/table")).unwrap()),
            ("a folder is gone", |place| fs::remove_dir_all(place.join("data/mysql")).unwrap()),
            ("the list is short", |place| {
                let text = fs::read_to_string(place.join(CONTENTS)).unwrap();
                fs::write(place.join(CONTENTS), &text[..text.len() / 2]).unwrap();
            }),
            ("the list is gone", |place| fs::remove_file(place.join(CONTENTS)).unwrap()),
            ("it is of something else", |place| {
                let text = fs::read_to_string(place.join(CONTENTS)).unwrap();
                fs::write(place.join(CONTENTS), text.replace("of one", "of two")).unwrap();
            }),
        ];
        for (what, damage) in damages {
            let place = tempfile::tempdir().unwrap();
            let made_of = "of one".to_owned();
            let prepared = Prepared { place: place.path().join("cache/one"), made_of };
            let (data, copy) = (data(place.path()), place.path().join("copy"));
            prepared.keep(&data);
            damage(&prepared.place);
            assert!(!prepared.copy_to(&copy, false).unwrap(), "{what}");
            assert!(!prepared.place.exists(), "{what}");
            let left = fs::read_dir(&copy).map_or(0, Iterator::count);
            assert_eq!(left, 0, "{what}: the set-up needs an empty folder");
            prepared.keep(&data);
            assert!(prepared.copy_to(&copy, false).unwrap(), "{what}");
            assert_eq!(fs::read_to_string(copy.join("mysql/table")).unwrap(), "rows", "{what}");
        }
    }
}
