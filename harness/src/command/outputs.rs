//! What a run writes: the consumers' logs, the history, golden files and reports. Folders and files
//! are made before anything is started, so that a run is not lost to a mistyped path.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::refused::Refused;
use super::streams;
use crate::golden::{self, Mode};
use crate::io_error;
use crate::log_format::LogFormat;
use crate::plan::{MessageId, Plan};
use crate::report::Destinations;
use crate::report::destination::create;

/// The folder of the consumers' logs where none is named.
pub(super) const DEFAULT_OUT: &str = "out";

/// What `harness run` and `harness sim` take for it.
#[derive(Clone, Debug, clap::Args)]
pub struct Outputs {
    /// Folder for the consumers' logs; each scenario has a folder of its own in it
    #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
    pub out: PathBuf,

    /// How the lines of the consumers' logs are written: plain, tsv or json; by default plain, and json
    /// where a payload has blanks or control characters
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Folder of the golden files
    #[arg(long, value_name = "DIR", default_value = golden::DEFAULT_FOLDER)]
    pub golden: PathBuf,

    /// Write everything that the actors saw to this file, as JSON lines (one scenario only)
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,

    /// Reports for programs.
    #[command(flatten)]
    pub reports: Destinations,
}

/// The file of a history, by its name for people.
pub(super) type HistoryFile = (PathBuf, File);

impl Outputs {
    /// Refuses a history of several scenarios.
    pub(super) fn check(&self, scenarios: usize) -> Result<(), Refused> {
        if self.history.is_some() && scenarios > 1 {
            let text = format!("--history takes one scenario, and {scenarios} are selected");
            return Err(Refused::usage(text));
        }
        Ok(())
    }

    /// How the lines of this plan's consumer logs are written, and what is to be said about it where it
    /// is not what is usual or was asked for.
    pub(super) fn log_format(&self, plan: &Plan) -> (LogFormat, Option<String>) {
        let wanted = self.log_format.unwrap_or_default();
        let mut messages = (0..plan.messages.len()).map(MessageId::new);
        let Some(message) = messages.find(|id| !wanted.holds(plan.messages.payload(*id))) else {
            return (wanted, None);
        };
        let (format, what) = match self.log_format {
            None => (LogFormat::Json, "the consumers' logs are JSON lines"),
            Some(asked) => (asked, "the lines of such payloads are JSON in the consumers' logs"),
        };
        let (file, name) = (plan.scenario.file.display(), plan.name(message));
        let why = format!("the payload of {name} cannot stand on a {wanted} line");
        (format, Some(format!("note: {file}: {why}, so {what}")))
    }

    /// The folder of this scenario's consumer logs.
    pub(super) fn logs(&self, scenario: &str) -> PathBuf {
        self.out.join(scenario)
    }

    /// Makes the folders of these scenarios, which takes the logs of an earlier run away, and opens
    /// the file of the history.
    pub(super) fn open<'a>(
        &self,
        scenarios: impl Iterator<Item = &'a str>,
    ) -> Result<Option<HistoryFile>, Refused> {
        for scenario in scenarios {
            prepare_folder(&self.logs(scenario)).map_err(Refused::usage)?;
        }
        let file = |path: &PathBuf| match create(path) {
            Ok(file) => Ok((path.clone(), file)),
            Err(why) => Err(Refused::usage(format!("--history {}: {why}", path.display()))),
        };
        self.history.as_ref().map(file).transpose()
    }
}

/// Takes the file of a history away, when this is dropped, if nothing was written to it: an empty
/// file is no history, and whoever looks for the evidence is better told that there is none.
pub(super) struct RemovedIfEmpty(Option<PathBuf>);

impl RemovedIfEmpty {
    /// The history that was opened, if one was.
    pub(super) fn new(history: Option<&HistoryFile>) -> Self {
        Self(history.map(|(path, _)| path.clone()))
    }
}

impl Drop for RemovedIfEmpty {
    fn drop(&mut self) {
        let Some(path) = &self.0 else { return };
        // A device or a pipe is nobody's to remove.
        if fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() == 0) {
            let _ = fs::remove_file(path);
        }
    }
}

/// What may be done to golden files, as the environment wants it.
pub(super) fn mode() -> Result<Mode, Refused> {
    Mode::from_environment(streams::variable).map_err(Refused::usage)
}

/// Makes the folder for a scenario's consumer logs, and takes the logs of an earlier run out of it:
/// that run may have had more consumers.
fn prepare_folder(folder: &Path) -> Result<(), String> {
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

/// Whether a file is named as the log of a consumer is.
pub(super) fn is_consumer_log(name: &str) -> bool {
    name.strip_prefix("consumer_")
        .and_then(|rest| rest.strip_suffix(".txt"))
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}
