//! Scenario files as they are read: from a folder or from standard input, and what is said where that
//! cannot be done.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::input::diagnostic::{Diagnostic, Source, nearest};
use crate::io_error;

/// The largest scenario file in bytes: one with a thousand names on each of a thousand topics fits.
pub(super) const FILE_MAX: u64 = 64 * 1024 * 1024;

/// Whether a path stands for standard input.
pub(super) fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

fn read_stdin() -> Result<Arc<Source>, Diagnostic> {
    let name = Path::new("<stdin>");
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(FILE_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| cannot_read(name, &io_error::reason(&error)))?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(cannot_read(name, &format!("it has over {FILE_MAX} bytes")));
    }
    Source::decode(name, bytes)
}

/// The text of a scenario file.
pub fn read(file: &Path) -> Result<Arc<Source>, Diagnostic> {
    if is_stdin(file) {
        return read_stdin();
    }
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

pub(super) fn cannot_read(file: &Path, why: &str) -> Diagnostic {
    Diagnostic::new(format!("cannot read {}: {why}", file.display()))
}

/// A scenario in the same folder with nearly the same name.
fn neighbour(file: &Path) -> Option<PathBuf> {
    let folder = match file.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return None,
    };
    let files = neighbours(folder);
    let names = files.iter().filter_map(|file| file.file_name()?.to_str());
    let near = nearest(file.file_name()?.to_str()?, names)?;
    Some(file.with_file_name(near))
}

/// The scenario files in one folder, without those in folders of it, for a hint.
fn neighbours(folder: &Path) -> Vec<PathBuf> {
    let entries = entries(folder).unwrap_or_default();
    let mut files: Vec<PathBuf> = entries.into_iter().filter(|path| is_yaml(path)).collect();
    files.retain(|path| !is_hidden(path) && path.is_file());
    files.sort();
    files
}

/// What is in a folder.
pub(super) fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

/// Hidden files are those of editors and such.
pub(super) fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Whether a file is named as YAML is.
pub(super) fn is_yaml(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}
