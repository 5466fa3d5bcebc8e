//! Reading scenario files: one, or all that the command line names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::model::Scenario;
use super::{raw, resolve};
use crate::input::diagnostic::{Diagnostic, Error, Source, nearest};
use crate::input::yaml;
use crate::io_error;

/// The largest scenario file in bytes: one with a thousand names on each of a thousand topics fits.
const FILE_MAX: u64 = 64 * 1024 * 1024;

/// Reads and checks one scenario file. Producer logs are looked for here and read when the plan is
/// made.
///
/// # Errors
/// All that is wrong with the file, each with its place in it.
pub fn load(file: &Path) -> Result<Scenario, Error> {
    load_file(file).map_err(|error| error.of_file(file))
}

fn load_file(file: &Path) -> Result<Scenario, Error> {
    let source = read(file)?;
    let blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if source.text().lines().all(blank) {
        let diagnostic = Diagnostic::new(format!("{} is empty", file.display()));
        return Err(diagnostic.help("a scenario has at least `topics:` and `producers:`").into());
    }
    let raw: raw::Scenario = yaml::parse(&source)?;
    resolve::resolve(file, &source, &raw)
}

/// Reads and checks all scenarios that the paths name: a file is one, a folder stands for its
/// `*.yaml` and `*.yml` in the order of their names, without hidden ones and those of folders in it. A path that
/// is named twice is read once. Folders without any lead to an empty list.
///
/// # Errors
/// All that is wrong with any of the files, and equal names.
pub fn load_all(paths: &[PathBuf]) -> Result<Vec<Scenario>, Error> {
    let mut scenarios = Vec::new();
    let mut diagnostics = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        match files_of(path) {
            Ok(found) => {
                for file in found {
                    if !files.contains(&file) {
                        files.push(file);
                    }
                }
            }
            Err(diagnostic) => {
                diagnostics.extend(Error::from(diagnostic).of_file(path).into_diagnostics());
            }
        }
    }
    for file in &files {
        match load(file) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => diagnostics.extend(error.into_diagnostics()),
        }
    }
    diagnostics.extend(equal_names(&scenarios));
    Error::unless_empty(diagnostics)?;
    Ok(scenarios)
}

fn files_of(path: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |error: std::io::Error| cannot_read(path, &io_error::reason(&error));
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if is_yaml(&file) && file.is_file() {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Hidden files are those of editors and such.
fn is_yaml(file: &Path) -> bool {
    let hidden = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    !hidden && file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Output folders and golden files go by the name, so two scenarios of one run cannot share it.
fn equal_names(scenarios: &[Scenario]) -> Vec<Diagnostic> {
    let mut first = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for scenario in scenarios {
        let Some(other) = first.insert(&scenario.name, &scenario.file) else { continue };
        let (name, file) = (&scenario.name, scenario.file.display());
        let title = format!("two scenarios are named `{name}`: {} and {file}", other.display());
        let same = Diagnostic::new(title).help("give one of them another `name:`");
        diagnostics.extend(Error::from(same).of_file(&scenario.file).into_diagnostics());
    }
    diagnostics
}

fn read(file: &Path) -> Result<Arc<Source>, Diagnostic> {
    let metadata = fs::metadata(file).map_err(|error| {
        let diagnostic = cannot_read(file, &io_error::reason(&error));
        match neighbour(file) {
            Some(other) => diagnostic.help(format!("did you mean {}?", other.display())),
            None if !is_yaml(file) => diagnostic.help("name scenario files or folders of them"),
            None => diagnostic,
        }
    })?;
    if metadata.is_dir() {
        return Err(cannot_read(file, "it is a folder"));
    }
    if !metadata.is_file() {
        // A device may never end.
        return Err(cannot_read(file, "it is not a file"));
    }
    if metadata.len() > FILE_MAX {
        return Err(cannot_read(file, &format!("it has over {FILE_MAX} bytes")));
    }
    let bytes = fs::read(file).map_err(|error| cannot_read(file, &io_error::reason(&error)))?;
    Source::decode(file, bytes)
}

fn cannot_read(file: &Path, why: &str) -> Diagnostic {
    Diagnostic::new(format!("cannot read {}: {why}", file.display()))
}

/// A scenario in the same folder with nearly the same name.
fn neighbour(file: &Path) -> Option<PathBuf> {
    let folder = match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return None,
    };
    let files: Vec<PathBuf> = files_of(folder).ok()?;
    let names = files.iter().filter_map(|file| file.file_name()?.to_str());
    let near = nearest(file.file_name()?.to_str()?, names)?;
    Some(file.with_file_name(near))
}
