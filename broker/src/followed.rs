//! Files that are read again when they change: they are looked at once a second. What cannot be used
//! leaves in force what could.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use sha2::{Digest, Sha256};
use tokio::time::{Duration, MissedTickBehavior, interval};
use tracing::{info, warn};

use crate::io_error;

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// What some files say, kept up to date by [`Followed::follow`].
pub(crate) struct Followed<T> {
    files: Vec<PathBuf>,
    parse: Parse<T>,
    /// Of the files as they were at the start.
    first: [u8; 32],
    now: RwLock<Arc<T>>,
}

/// Makes of files what they say; or says what is wrong, and in which.
pub(crate) type Parse<T> = fn(&[File]) -> Result<T, String>;

/// A file that was read.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl<T> Followed<T> {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or says something that is wrong.
    pub(crate) fn read(files: &[&Path], parse: Parse<T>) -> Result<Self, String> {
        let files: Vec<PathBuf> = files.iter().map(|path| path.to_path_buf()).collect();
        let read = read_all(&files)?;
        let now = RwLock::new(Arc::new(parse(&read)?));
        Ok(Self { files, parse, first: fingerprint(&read), now })
    }

    /// What they said when they were last read and could be used.
    pub(crate) fn now(&self) -> Arc<T> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads them again whenever they have changed, for ever. `what` they hold is for the log.
    pub(crate) async fn follow(&self, what: &str) {
        let mut ticks = interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = Ok(self.first);
        loop {
            ticks.tick().await;
            self.look(what, &mut seen);
        }
    }

    /// Compares contents, not times: an editor may keep a file's time, and a file in place of another
    /// may be older. The files are small.
    fn look(&self, what: &str, seen: &mut Result<[u8; 32], String>) {
        let read = read_all(&self.files);
        let found = read.as_deref().map(fingerprint).map_err(Clone::clone);
        if found == *seen {
            return;
        }
        *seen = found;
        match read.and_then(|read| (self.parse)(&read)) {
            Ok(now) => {
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(now);
                info!("{what} were read again");
            }
            Err(why) => warn!(why, "{what} stay as they were: what was found cannot be used"),
        }
    }
}

fn read_all(files: &[PathBuf]) -> Result<Vec<File>, String> {
    let read = |path: &PathBuf| {
        let cannot = |why: &str| format!("cannot read {}: {why}", path.display());
        // A pipe could be read once only, and might never end.
        match fs::metadata(path) {
            Ok(about) if about.is_file() => {}
            Ok(_) => return Err(cannot("it is no file")),
            Err(error) => return Err(cannot(&io_error::text(&error))),
        }
        let bytes = fs::read(path).map_err(|error| cannot(&io_error::text(&error)))?;
        Ok(File { path: path.clone(), bytes })
    };
    files.iter().map(read).collect()
}

fn fingerprint(files: &[File]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.bytes.len().to_le_bytes());
        hash.update(&file.bytes);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(files: &[File]) -> Result<u32, String> {
        let text = String::from_utf8_lossy(&files[0].bytes);
        text.trim().parse().map_err(|_| "no number".to_owned())
    }

    #[test]
    fn what_cannot_be_used_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("number");
        let read = || Followed::read(&[&path], number);
        let missing = read().err().unwrap();
        assert!(missing.ends_with("number: no such file or directory"), "{missing}");
        assert!(Followed::read(&[folder.path()], number).is_err_and(|why| why.contains("no file")));
        fs::write(&path, "1").unwrap();
        let followed = read().unwrap();
        let mut seen = Ok(followed.first);
        let mut check = |expected| {
            followed.look("numbers", &mut seen);
            assert_eq!(*followed.now(), expected);
        };
        check(1);
        fs::write(&path, "2").unwrap();
        check(2);
        fs::write(&path, "two").unwrap();
        check(2);
        fs::remove_file(&path).unwrap();
        check(2);
        fs::write(&path, "3").unwrap();
        check(3);
    }
}
