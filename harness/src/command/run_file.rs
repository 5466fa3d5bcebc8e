//! `run.json` in the folder of a run: which scenario it was of, where its history is, and what makes it
//! again. `harness explain` starts from it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{folder, streams};
use crate::io_error;
use crate::report::Entry;

/// What is in it. Paths are as they were named, where the harness was called: nothing is in it that is another
/// in another place, so that equal runs leave equal files.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RunFile {
    /// The version of this form.
    run: u32,
    /// The scenario's file.
    pub(super) scenario: PathBuf,
    /// The history, if one was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) history: Option<PathBuf>,
    /// The command line that makes the run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reproduce: Option<String>,
}

/// Writes it beside the logs of a run; where there are none, there is no folder either.
pub(super) fn keep(entry: &Entry) {
    let Some(logs) = &entry.logs else { return };
    let file = RunFile {
        run: 1,
        scenario: entry.file.clone(),
        history: entry.history.clone(),
        reproduce: entry.reproduce.clone(),
    };
    let path = folder::run(logs);
    let text = serde_json::to_string_pretty(&file).map_err(std::io::Error::from);
    if let Err(error) = text.and_then(|text| fs::write(&path, text + "\n")) {
        // What the run came to stands all the same.
        let (path, why) = (path.display(), io_error::reason(&error));
        streams::tell(&format!("note: {path} cannot be written: {why}"));
    }
}

impl RunFile {
    /// That of the run with this folder; none where it has none that can be read.
    pub(super) fn of(logs: &Path) -> Option<Self> {
        let text = fs::read_to_string(folder::run(logs)).ok()?;
        serde_json::from_str(&text).ok().filter(|file: &Self| file.run == 1)
    }

    /// Where a path of it is now: as it was named, or seen from a folder that the run's is in, which is how
    /// it was named if the folder of all runs is below the one that the harness was called in.
    pub(super) fn find(logs: &Path, path: &Path) -> PathBuf {
        if path.exists() {
            return path.to_owned();
        }
        let logs = std::path::absolute(logs).unwrap_or_default();
        let found = logs.ancestors().map(|folder| folder.join(path)).find(|path| path.exists());
        found.unwrap_or_else(|| path.to_owned())
    }
}
