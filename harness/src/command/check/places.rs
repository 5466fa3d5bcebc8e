//! Where the evidence of a scenario is, in what the command line names.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::folder::{self, is_consumer_log};

/// The file of a scenario's history: the one that is named, or in the folder that is named.
///
/// # Errors
/// A folder that has none of this scenario, as a text for people.
pub(super) fn history(given: &Path, scenario: &str) -> Result<PathBuf, String> {
    if !given.is_dir() {
        return Ok(given.to_owned());
    }
    let places = [given.join(format!("{scenario}.jsonl")), folder::history(&given.join(scenario))];
    let found = places.iter().find(|place| place.exists()).cloned();
    found.ok_or_else(|| {
        let [one, other] = places.map(|place| place.display().to_string());
        format!("{} is a directory, and there is neither {one} nor {other}", given.display())
    })
}

/// The folder of a scenario's logs: the one that is named, or its own in there. Of a scenario that is
/// alone the logs may be in either.
pub(super) fn logs(given: &Path, scenario: &str, is_alone: bool) -> PathBuf {
    let own = given.join(scenario);
    if is_alone && (has_logs(given) || !own.is_dir()) { given.to_owned() } else { own }
}

fn has_logs(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_str().is_some_and(is_consumer_log))
}
