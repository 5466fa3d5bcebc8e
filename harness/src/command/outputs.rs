//! What a run writes: the consumers' logs, the history, golden files and reports. Folders and files
//! are made before anything is started, so that a run is not lost to a mistyped path.

use std::collections::BTreeMap;
use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{self, Claim};
use super::refused::Refused;
use super::streams;
use crate::golden::{self, Mode};
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

    /// Folder of the golden files; by default the nearest `golden` beside a scenario or above it
    #[arg(long, value_name = "DIR")]
    pub golden: Option<PathBuf>,

    /// Write everything that the actors saw to this file, as JSON lines; a folder with a NAME.jsonl
    /// for each where several scenarios are selected
    #[arg(long, value_name = "FILE|DIR")]
    pub history: Option<PathBuf>,

    /// Reports for programs.
    #[command(flatten)]
    pub reports: Destinations,
}

/// The file of a history, by its name for people.
pub(super) type HistoryFile = (PathBuf, Arc<File>);

/// The files of the histories that were asked for, by scenario.
pub(super) type Histories = BTreeMap<String, HistoryFile>;

/// Where the scenarios of a call write, held until the call is over.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) histories: Histories,
    _claims: Vec<Claim>,
}

/// A run that did not start leaves no history: an empty file would be taken for one.
impl Drop for Folders {
    fn drop(&mut self) {
        for (path, file) in self.histories.values() {
            let is_empty = |file: Metadata| file.is_file() && file.len() == 0;
            if file.metadata().is_ok_and(is_empty) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

impl Outputs {
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

    /// The folder of the golden file of the scenario in this file.
    pub(super) fn golden(&self, scenario: &Path) -> PathBuf {
        match &self.golden {
            Some(folder) => golden::absolute(folder),
            None => golden::folder_of(scenario),
        }
    }

    /// Makes the folder of a repetition, below that of the first run.
    pub(super) fn open_turn(&self, place: &str) -> Result<Claim, String> {
        let claim = folder::claim(&self.logs(place))?;
        claim.clear()?;
        Ok(claim)
    }

    /// Opens the file of a repetition's history, if one is to be written.
    pub(super) fn open_history(&self, place: &str) -> Result<Option<HistoryFile>, String> {
        let Some(given) = &self.history else { return Ok(None) };
        let path = given.join(format!("{place}.jsonl"));
        let file = create(&path).map_err(|why| format!("--history {}: {why}", path.display()))?;
        Ok(Some((path, Arc::new(file))))
    }

    /// Makes the folders of these scenarios, which takes what an earlier run left away, and opens
    /// the files of the histories. `selected` counts the scenarios that are skipped and repetitions, too.
    pub(super) fn open(&self, scenarios: &[&str], selected: usize) -> Result<Folders, Refused> {
        let refused = |path: &Path, why: &str| {
            Refused::usage(format_args!("--history {}: {why}", path.display()))
        };
        if let Some(given) = &self.history
            && selected > 1
            && given.exists()
            && !given.is_dir()
        {
            let why =
                format!("{selected} scenarios are selected, and this is a file; name a folder");
            return Err(refused(given, &why));
        }
        // A call that is refused by one folder takes nothing out of the others.
        let claim = |name: &&str| folder::claim(&self.logs(name)).map_err(Refused::usage);
        let claims = scenarios.iter().map(claim).collect::<Result<Vec<_>, _>>()?;
        claims.iter().try_for_each(Claim::clear).map_err(Refused::usage)?;
        let mut folders = Folders { histories: Histories::new(), _claims: claims };
        let Some(given) = &self.history else { return Ok(folders) };
        let is_folder = selected > 1 || given.is_dir() || ends_as_folder(given);
        for name in scenarios {
            let path = match is_folder {
                true => given.join(format!("{name}.jsonl")),
                false => given.clone(),
            };
            let file = create(&path).map_err(|why| refused(&path, &why))?;
            if let Some(flag) = self.reports.flag_of(&file) {
                let why = format!("--{flag} names the same file; name another for one");
                return Err(refused(&path, &why));
            }
            folders.histories.insert((*name).to_owned(), (path, Arc::new(file)));
        }
        Ok(folders)
    }
}

/// What may be done to golden files, as the environment wants it.
pub(super) fn mode() -> Result<Mode, Refused> {
    Mode::from_environment(streams::variable).map_err(Refused::usage)
}

/// Whether a path names a folder by its last character, as `histories/` does.
fn ends_as_folder(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}
