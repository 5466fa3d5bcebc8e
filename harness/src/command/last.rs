//! What became of the scenarios of the last call, in a small file below `--out`, for
//! `--rerun-failed`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::refused::Refused;
use super::streams;
use crate::exit::Exit;
use crate::io_error;
use crate::report::Report;
use crate::scenario::Scenario;

/// The file.
const FILE: &str = "last.json";

/// The version that is written and read.
const VERSION: u32 = 1;

/// What the last call came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Last {
    last: u32,
    scenarios: Vec<Outcome>,
}

/// What became of a scenario on a broker.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Outcome {
    name: String,
    /// As the user named it.
    file: PathBuf,
    /// The broker's word; absent where it is not known, as for some of what was not begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on: Option<String>,
    /// Whether each of its runs passed.
    passed: bool,
}

/// A scenario that was not begun.
#[derive(Clone, Debug)]
pub(super) struct NotBegun {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) on: Option<String>,
}

impl NotBegun {
    /// On the only broker that there is.
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self { name: scenario.name.clone(), file: scenario.file.clone(), on: None }
    }

    /// For people; the broker is known where several were named.
    pub(super) fn label(&self) -> String {
        match &self.on {
            Some(on) => format!("{} on {on}", self.name),
            None => self.name.clone(),
        }
    }
}

impl Last {
    /// Of the last call with this `--out`.
    ///
    /// # Errors
    /// When there was none, or its file is none.
    pub(super) fn read(out: &Path) -> Result<Self, Refused> {
        let path = out.join(FILE);
        let refused = |why: String| {
            let path = path.display();
            Refused::usage(format_args!(
                "--rerun-failed: {path}: {why}; run without --rerun-failed first, and with the same --out"
            ))
        };
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => refused("no call has left its results there".to_owned()),
            _ => refused(io_error::reason(&error)),
        })?;
        let last: Self = serde_json::from_slice(&bytes)
            .map_err(|error| refused(format!("it is not as a call leaves it: {error}")))?;
        match last.last {
            VERSION => Ok(last),
            other => Err(refused(format!("version {other} is not known"))),
        }
    }

    /// Writes what a call came to, over what the call before it did. Of `before`, which it runs again,
    /// what it did not come to stays.
    pub(super) fn keep(out: &Path, report: &Report, not_begun: &[NotBegun], before: Option<&Self>) {
        let mut scenarios: Vec<Outcome> = Vec::new();
        let mut add = |own: Outcome| {
            let same = |known: &&mut Outcome| known.name == own.name && known.on == own.on;
            match scenarios.iter_mut().find(same) {
                Some(known) => known.passed &= own.passed,
                None => scenarios.push(own),
            }
        };
        for entry in &report.entries {
            let on = entry.on.as_ref().map(|on| on.word.clone());
            let passed = entry.exit() == Exit::Passed;
            add(Outcome { name: entry.name.clone(), file: entry.file.clone(), on, passed });
        }
        for NotBegun { name, file, on } in not_begun.iter().cloned() {
            add(Outcome { name, file, on, passed: false });
        }
        let has_come_to = |own: &Outcome| scenarios.iter().any(|new| new.name == own.name);
        let stays = before.iter().flat_map(|before| &before.scenarios);
        let stays: Vec<_> = stays.filter(|own| !has_come_to(own)).cloned().collect();
        scenarios.extend(stays);
        let last = Self { last: VERSION, scenarios };
        if let Err(error) = last.write(out) {
            let (path, why) = (out.join(FILE), io_error::reason(&error));
            streams::tell(&format!("note: {} cannot be written: {why}", path.display()));
        }
    }

    /// All at once, for another call may be reading it.
    fn write(&self, out: &Path) -> io::Result<()> {
        fs::create_dir_all(out)?;
        let text = serde_json::to_string_pretty(self)? + "\n";
        let whole = out.join(format!(".{FILE}-{}", std::process::id()));
        fs::write(&whole, text).and_then(|()| fs::rename(&whole, out.join(FILE))).inspect_err(
            |_| {
                let _ = fs::remove_file(&whole);
            },
        )
    }

    /// The files of those that did not pass, each once.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        for Outcome { file, .. } in self.failed() {
            if !files.contains(file) {
                files.push(file.clone());
            }
        }
        files
    }

    /// The names of those that did not pass.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.failed().map(|own| own.name.as_str()).collect();
        names.dedup();
        names
    }

    /// Whether a scenario did not pass, on whichever broker.
    pub(super) fn has_failed(&self, scenario: &Scenario) -> bool {
        self.failed().any(|own| own.name == scenario.name)
    }

    /// Whether it passed on just this broker.
    pub(super) fn has_passed_on(&self, scenario: &Scenario, word: &str) -> bool {
        let mut all = self.scenarios.iter();
        all.any(|own| own.passed && own.name == scenario.name && own.on.as_deref() == Some(word))
    }

    fn failed(&self) -> impl Iterator<Item = &Outcome> {
        self.scenarios.iter().filter(|own| !own.passed)
    }
}
