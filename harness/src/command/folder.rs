//! A scenario's folder under `--out`: the consumers' logs, and the history of a run that did not pass.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::io_error;

/// What the history of a run that did not pass is called, beside its logs.
const HISTORY: &str = "history.jsonl";

/// Keeps other runs of the harness out of a folder until it is dropped, or the process ends in
/// whatever way.
#[derive(Debug)]
pub(super) struct Claim {
    _lock: File,
}

/// Where the history of a run that did not pass is kept.
pub(super) fn history(logs: &Path) -> PathBuf {
    logs.join(HISTORY)
}

/// Makes the folder, claims it, and takes what an earlier run left out of it: that run may have had
/// more consumers, and may not have passed.
///
/// # Errors
/// In words for people; also where another run has the folder.
pub(super) fn prepare(folder: &Path) -> Result<Claim, String> {
    let cannot = |act: &str, error: &io::Error| {
        format!(
            "--out: the folder {} cannot be {act}: {}; name another with --out DIR",
            folder.display(),
            io_error::reason(error)
        )
    };
    let failed = |error: io::Error| cannot("written to", &error);
    fs::create_dir_all(folder).map_err(|error| cannot("made", &error))?;
    let claim = claim(folder, failed)?;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().is_some_and(|name| name == HISTORY || is_consumer_log(name)) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    // A folder that exists may still refuse new files.
    tempfile::tempfile_in(folder).map_err(failed)?;
    Ok(claim)
}

/// Two runs that write the same logs would find each other's lines in them and blame the broker.
fn claim(folder: &Path, failed: impl Fn(io::Error) -> String) -> Result<Claim, String> {
    // The folder itself is locked, so that no file has to stay behind.
    let lock = File::open(folder).map_err(failed)?;
    match lock.try_lock() {
        // Some file systems have no locks. Runs there are not kept apart.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Claim { _lock: lock }),
        Err(TryLockError::WouldBlock) => Err(format!(
            "--out: another run of the harness is writing to {}; wait until it ends, or name another \
             folder with --out DIR",
            folder.display()
        )),
    }
}

/// Whether a file is named as the log of a consumer is.
pub(super) fn is_consumer_log(name: &str) -> bool {
    name.strip_prefix("consumer_")
        .and_then(|rest| rest.strip_suffix(".txt"))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::prepare;

    #[test]
    fn a_folder_belongs_to_one_run_at_a_time_and_loses_what_an_earlier_one_left() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("2p2c");
        let claim = prepare(&folder).unwrap();
        for name in ["consumer_1.txt", "history.jsonl", "notes.txt"] {
            fs::write(folder.join(name), "x").unwrap();
        }
        let refused = prepare(&folder).unwrap_err();
        assert!(refused.contains("another run of the harness is writing to"), "{refused}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3, "the refused one takes nothing away");
        drop(claim);
        let _claim = prepare(&folder).unwrap();
        let left: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }
}
