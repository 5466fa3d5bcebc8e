//! The history and the scenario of a run that is over, found by its folder or by the history's file.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::folder::{self, is_consumer_log};
use super::super::refused::Refused;
use super::super::run_file::RunFile;
use crate::history::{History, json};
use crate::io_error;
use crate::plan::Plan;
use crate::scenario;
use crate::shell::shell;

/// A run that is over.
pub(super) struct Evidence {
    pub(super) plan: Plan,
    pub(super) history: History,
    /// The history's file.
    pub(super) file: PathBuf,
}

/// Reads it; `scenario` is its file, where people say it.
pub(super) fn read(run: &Path, scenario: Option<&Path>) -> Result<Evidence, Refused> {
    let (file, about) = locate(run).map_err(Refused::usage)?;
    let cannot = |error: std::io::Error| {
        let why = io_error::reason(&error);
        Refused::usage(format_args!("{}: cannot read the history: {why}", file.display()))
    };
    let mut first = String::new();
    let open = || File::open(&file).map(BufReader::new).map_err(cannot);
    // What is no text is told where all of it is read.
    let _ = open()?.read_line(&mut first);
    let scenario = match scenario {
        Some(scenario) => scenario.to_owned(),
        None => scenario_of(&file, about.as_ref(), &first).map_err(Refused::usage)?,
    };
    let mut scenario = scenario::load(&scenario).map_err(|error| Refused::scenario(&error))?;
    json::settle(&mut scenario, &first);
    let plan = Plan::new(scenario).map_err(|error| Refused::scenario(&error))?;
    let history = json::read(&plan, open()?).map_err(|error| {
        let (file, scenario) = (file.display(), plan.scenario.file.display());
        Refused::usage(format_args!(
            "{file}: {error}; the scenario is {scenario}, and --scenario FILE names another"
        ))
    })?;
    Ok(Evidence { plan, history, file })
}

/// The history's file, and what its folder says of the run.
fn locate(run: &Path) -> Result<(PathBuf, Option<RunFile>), String> {
    let shown = run.display();
    if run.is_file() {
        return Ok((run.to_owned(), run.parent().and_then(RunFile::of)));
    }
    if !run.is_dir() {
        let why = if fs::symlink_metadata(run).is_ok() {
            "the run that it leads to is gone"
        } else {
            "there is none"
        };
        return Err(format!(
            "{shown}: {why}; `harness run` and `harness sim` leave out/latest, or name the folder of a run \
             or a history"
        ));
    }
    let about = RunFile::of(run);
    let kept = folder::history(run);
    let told = about.as_ref().and_then(|about| Some(RunFile::find(run, about.history.as_ref()?)));
    if let Some(file) = [Some(kept.clone()), told].into_iter().flatten().find(|own| own.is_file()) {
        return Ok((file, about));
    }
    if let Some(reproduce) = about.as_ref().and_then(|about| about.reproduce.as_ref()) {
        let kept = shell(&kept.to_string_lossy()).into_owned();
        return Err(format!(
            "{shown}: this run kept no history, as one that passes does not; run it with one:\n  \
             {reproduce} --history {kept}"
        ));
    }
    let names = names(run);
    if names.iter().any(|name| is_consumer_log(name)) {
        return Err(format!(
            "{shown}: there are logs here and no history, and logs do not say when anything was; have the \
             run write one with --history FILE, or judge the logs: harness check SCENARIO --logs {}",
            shell(&run.to_string_lossy())
        ));
    }
    let runs: Vec<String> = names
        .into_iter()
        .filter(|name| folder::run(&run.join(name)).is_file())
        .map(|name| run.join(name).display().to_string())
        .collect();
    Err(match runs.as_slice() {
        [] => format!("{shown}: there is no history in this folder: name the folder of a run"),
        runs => format!("{shown}: this is no folder of a run; name one: {}", runs.join(", ")),
    })
}

/// The names in a folder, ascending.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The first line of a history, as far as it names its scenario.
#[derive(Deserialize)]
struct Named {
    scenario: String,
}

/// The scenario's file: the one that the run's folder names, or one of the name that the history has.
fn scenario_of(file: &Path, about: Option<&RunFile>, first: &str) -> Result<PathBuf, String> {
    let shown = file.display();
    let Ok(Named { scenario: name }) = serde_json::from_str(first) else {
        return Err(format!("{shown}: this is no history: its first line names no scenario"));
    };
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let told = about.map(|about| RunFile::find(folder, &about.scenario));
    let usual = [format!("scenarios/{name}.yaml"), format!("{name}.yaml")].map(PathBuf::from);
    let found = told.into_iter().chain(usual).find(|path| path.is_file());
    found.ok_or_else(|| {
        format!(
            "{shown}: this is a history of {name}, whose scenario is not found; name it with --scenario FILE"
        )
    })
}
