//! Which files the paths of a command line name: files themselves, and the scenarios in folders.

use std::fs;
use std::path::{Path, PathBuf};

use super::file::{FILE_MAX, cannot_read, entries, is_hidden, is_yaml};
use crate::input::diagnostic::{Diagnostic, Error, nearest};
use crate::input::yaml;
use crate::io_error;

/// Brokers with words of their user's own, which stands beside scenarios and is none.
pub const BROKERS_FILE: &str = "brokers.yaml";

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The scenario files, each once, in the order of the paths, and below a folder in that of their
    /// own paths.
    pub files: Vec<PathBuf>,
    /// YAML files below folders that are no scenarios.
    pub passed_over: Vec<PathBuf>,
    /// Folders that cannot be read.
    pub problems: Vec<Diagnostic>,
}

/// Finds what the paths name: a file is one, whatever is in it, and `-` is standard input. A folder
/// stands for the `*.yaml` and `*.yml` below it, in depth, but for hidden ones and for those that
/// have no `topics`. Folders behind symbolic links are left out: they may lead in a circle.
#[must_use]
pub fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for path in paths {
        if !path.is_dir() {
            found.add(path.clone());
            continue;
        }
        let mut files = Vec::new();
        walk(path, &mut files, &mut found.problems);
        files.sort();
        for file in files {
            if file.file_name().is_some_and(|name| name == BROKERS_FILE) {
                continue;
            }
            if is_scenario(&file) {
                found.add(file);
            } else {
                found.passed_over.push(file);
            }
        }
    }
    let Found { files, passed_over, .. } = &mut found;
    passed_over.retain(|file| !files.contains(file));
    passed_over.dedup();
    found
}

impl Found {
    fn add(&mut self, file: PathBuf) {
        if !self.files.contains(&file) {
            self.files.push(file);
        }
    }
}

/// All YAML files below a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>, problems: &mut Vec<Diagnostic>) {
    let entries = match entries(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let cannot = Error::from(cannot_read(folder, &io_error::reason(&error)));
            problems.extend(cannot.of_file(folder).into_diagnostics());
            return;
        }
    };
    for path in entries {
        if is_hidden(&path) {
            continue;
        }
        if path.is_dir() && !path.is_symlink() {
            walk(&path, files, problems);
        } else if is_yaml(&path) && path.is_file() {
            files.push(path);
        }
    }
}

/// Whether a file is meant as a scenario: it has `topics`, or a key that is nearly that, which is a
/// mistake to be told. One that cannot be read is left to loading, which says why.
fn is_scenario(file: &Path) -> bool {
    let is_large = fs::metadata(file).is_ok_and(|metadata| metadata.len() > FILE_MAX);
    let Some(bytes) = (!is_large).then(|| fs::read(file).ok()).flatten() else { return true };
    let text = String::from_utf8_lossy(&bytes);
    let is_topics = |key: &str| nearest(key, ["topics"]).is_some();
    match yaml::keys(&text) {
        Some(keys) => keys.iter().any(|key| is_topics(key)),
        // What is no YAML is a scenario with a mistake if a line begins like one.
        None => text.lines().any(|line| {
            let key = line.trim_start_matches('\u{feff}').split_once(':').map(|(key, _)| key);
            key.is_some_and(|key| is_topics(key.trim_end().trim_matches(['"', '\''])))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_the_scenarios_below_it_and_names_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let scenario = "topics: { T: P1 -> C1 }\n";
        for (name, text) in [
            ("b.yaml", scenario),
            ("a/z.yml", scenario),
            ("a/deep/er/c.yaml", scenario),
            ("a/.hidden/d.yaml", scenario),
            (".e.yaml", scenario),
            ("f.txt", scenario),
            ("compose.yaml", "services:\n  broker: {}\n"),
            ("list.yaml", "- topics\n"),
            ("nothing.yaml", "# no keys\n"),
            ("two.yaml", "kind: x\n---\nkind: y\n"),
            ("template.yaml", "kind: {{ .Values.kind }}\n"),
            ("broken.yaml", "topics:\n\tT: P1 -> C1\n"),
            ("mistyped.yaml", "topic: { T: P1 -> C1 }\n"),
        ] {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
        let relative = |files: &[PathBuf]| {
            let name = |file: &PathBuf| file.strip_prefix(folder.path()).unwrap().to_owned();
            files.iter().map(|file| name(file).display().to_string()).collect::<Vec<_>>()
        };
        let found = find(&[folder.path().to_owned()]);
        let scenarios = ["a/deep/er/c.yaml", "a/z.yml", "b.yaml", "broken.yaml", "mistyped.yaml"];
        assert_eq!(relative(&found.files), scenarios);
        let others = ["compose.yaml", "list.yaml", "nothing.yaml", "template.yaml", "two.yaml"];
        assert_eq!(relative(&found.passed_over), others);
        let named = find(&[folder.path().join("list.yaml"), folder.path().to_owned()]);
        assert_eq!(relative(&named.files)[0], "list.yaml");
        assert!(!relative(&named.passed_over).contains(&"list.yaml".to_owned()));
    }
}
