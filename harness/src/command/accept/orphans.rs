//! Golden files that belong to no scenario any more: it was deleted or renamed, or wants none now.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::golden::{self, accepted_path, pending_path};
use crate::scenario;

/// A golden file without a scenario.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Orphan {
    /// What the scenario was called.
    pub(super) name: String,
    /// Where it was, as seen from the folder above the golden files.
    pub(super) was: String,
    /// The files, reviewed and pending.
    pub(super) files: Vec<PathBuf>,
}

/// Those in this folder, by name. Scenarios are looked for where the golden files say that theirs
/// were, and in the folders around; nothing is said of a file that does not say it.
///
/// # Errors
/// A golden file cannot be read.
pub(super) fn orphans(folder: &Path) -> Result<Vec<Orphan>, golden::Error> {
    let Some(root) = folder.parent() else { return Ok(Vec::new()) };
    let goldens = golden::all(folder)?;
    let scenarios = load(root, goldens.values().filter_map(|golden| golden.input_file.as_deref()));
    let wanted: BTreeSet<&str> = scenarios.values().flatten().map(String::as_str).collect();
    let mut found = Vec::new();
    for (name, golden) in goldens {
        let Some(was) = golden.input_file else { continue };
        // A scenario that does not load may still be this one.
        let is_unclear = scenarios.get(&root.join(&was)).is_some_and(Option::is_none);
        if is_unclear || wanted.contains(name.as_str()) {
            continue;
        }
        let files = [accepted_path(folder, &name), pending_path(folder, &name)];
        let files = files.into_iter().filter(|file| file.exists()).collect();
        found.push(Orphan { name, was, files });
    }
    Ok(found)
}

/// The scenario files around those that are named, with the name of each that wants a golden file: an
/// empty one for a scenario that wants none, and nothing for one that does not load.
fn load<'a>(
    root: &Path,
    named: impl Iterator<Item = &'a str>,
) -> BTreeMap<PathBuf, Option<String>> {
    let mut files = BTreeSet::new();
    let first = |named: &str| match Path::new(named).components().next() {
        Some(Component::Normal(first)) => Some(root.join(first)),
        _ => None,
    };
    // Of a scenario that was directly in `root` only its neighbours: all below could be very many.
    for place in named.filter_map(first).collect::<BTreeSet<_>>() {
        match place.is_dir() {
            true => collect(&place, true, &mut files),
            false => collect(root, false, &mut files),
        }
    }
    let name = |file: &PathBuf| {
        let scenario = scenario::load(file).ok()?;
        Some(if scenario.golden { scenario.name } else { String::new() })
    };
    files.into_iter().map(|file| (file.clone(), name(&file))).collect()
}

fn collect(folder: &Path, deep: bool, files: &mut BTreeSet<PathBuf>) {
    // What cannot be listed has nothing that could be named.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && deep {
            collect(&path, deep, files);
        } else if !is_folder && path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            files.insert(path);
        }
    }
}
