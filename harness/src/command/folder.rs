//! A scenario's folder under `--out`: the consumers' logs, what says which run they are of, and the history
//! of a run that did not pass.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::io_error;

/// What the history of a run that did not pass is called, beside its logs.
const HISTORY: &str = "history.jsonl";

/// What says of the run that the folder is of.
const RUN: &str = "run.json";

/// What the folders of repetitions begin with.
const TURN: &str = "run-";

/// Keeps other runs of the harness out of a folder until it is dropped, or the process ends in
/// whatever way.
#[derive(Debug)]
pub(super) struct Claim {
    folder: PathBuf,
    _lock: File,
}

/// Where the history of a run that did not pass is kept.
pub(super) fn history(logs: &Path) -> PathBuf {
    logs.join(HISTORY)
}

/// Where the folder says which run it is of.
pub(super) fn run(logs: &Path) -> PathBuf {
    logs.join(RUN)
}

/// Makes the folder and claims it. What is in it stays.
///
/// # Errors
/// In words for people; also where another run has the folder.
pub(super) fn claim(folder: &Path) -> Result<Claim, String> {
    fs::create_dir_all(folder).map_err(|error| cannot(folder, "made", &error))?;
    let failed = |error: io::Error| cannot(folder, "written to", &error);
    // A folder that exists may still refuse new files.
    tempfile::tempfile_in(folder).map_err(failed)?;
    // The folder itself is locked, so that no file has to stay behind.
    let lock = File::open(folder).map_err(failed)?;
    match lock.try_lock() {
        // Some file systems have no locks. Runs there are not kept apart.
        Ok(()) | Err(TryLockError::Error(_)) => {
            Ok(Claim { folder: folder.to_owned(), _lock: lock })
        }
        // Two runs that write the same logs would find each other's lines in them and blame the broker.
        Err(TryLockError::WouldBlock) => Err(format!(
            "--out: another run of the harness is writing to {}; wait until it ends, or name another \
             folder with --out DIR",
            folder.display()
        )),
    }
}

impl Claim {
    /// Takes out of the folder what an earlier run left: that run may have had more consumers, and may
    /// not have passed.
    ///
    /// # Errors
    /// In words for people.
    pub(super) fn clear(&self) -> Result<(), String> {
        clear(&self.folder).map_err(|error| cannot(&self.folder, "written to", &error))
    }

    /// Takes away what the run left, which nobody has to look at; what is not its own stays.
    pub(super) fn remove(self) {
        // What cannot be removed is in nobody's way.
        let _ = clear(&self.folder).and_then(|()| fs::remove_dir(&self.folder));
    }
}

/// Removes what runs left in a folder: logs, a history, what says which run it was, and the same of runs that are repetitions.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let Some(name) = name.to_str() else { continue };
        if [HISTORY, RUN].contains(&name) || is_consumer_log(name) {
            fs::remove_file(path)?;
        } else if is_turn(name) && entry.file_type()?.is_dir() {
            clear(&path)?;
            // What else is in it stays.
            let _ = fs::remove_dir(path);
        }
    }
    Ok(())
}

/// What the folder of a repetition is called, in that of the first run.
pub(super) fn of_turn(turn: u32) -> String {
    format!("{TURN}{turn}")
}

fn is_turn(name: &str) -> bool {
    let number = name.strip_prefix(TURN);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn cannot(folder: &Path, act: &str, error: &io::Error) -> String {
    format!(
        "--out: the folder {} cannot be {act}: {}; name another with --out DIR",
        folder.display(),
        io_error::reason(error)
    )
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

    use super::claim;

    #[test]
    fn a_folder_belongs_to_one_run_at_a_time_which_takes_out_what_an_earlier_one_left() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("2p2c");
        let names = || {
            let entries = fs::read_dir(&folder).unwrap();
            let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let first = claim(&folder).unwrap();
        let all = ["consumer_1.txt", "history.jsonl", "notes.txt", "run.json"];
        for name in all {
            fs::write(folder.join(name), "x").unwrap();
        }
        let refused = claim(&folder).unwrap_err();
        assert!(refused.contains("another run of the harness is writing to"), "{refused}");
        drop(first);
        let second = claim(&folder).unwrap();
        assert_eq!(names(), all, "a claim takes nothing away");
        second.clear().unwrap();
        assert_eq!(names(), ["notes.txt"]);
    }
}
