//! The folders and files that a run writes, made before anything is started.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::io_error;
use crate::report::destination::create;

/// Makes the folder for a scenario's consumer logs, and takes the logs of an earlier run out of it:
/// that run may have had more consumers.
///
/// # Errors
/// A text for people that names the path.
pub fn prepare_folder(folder: &Path) -> Result<(), String> {
    let cannot = |act: &str, error: &io::Error| {
        format!(
            "--out: the folder {} cannot be {act}: {}; name another with --out DIR",
            folder.display(),
            io_error::reason(error)
        )
    };
    let failed = |error: io::Error| cannot("written to", &error);
    fs::create_dir_all(folder).map_err(|error| cannot("made", &error))?;
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_str().is_some_and(is_consumer_log) {
            fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    // A folder that exists may still refuse new files.
    tempfile::tempfile_in(folder).map_err(failed)?;
    Ok(())
}

fn is_consumer_log(name: &str) -> bool {
    name.strip_prefix("consumer_")
        .and_then(|rest| rest.strip_suffix(".txt"))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Creates the file of the history and the folders above it.
///
/// # Errors
/// A text for people that names the path.
pub fn create_file(path: &Path) -> Result<File, String> {
    create(path).map_err(|why| format!("--history {}: {why}", path.display()))
}
