//! Golden files on disk: insta's format, `name.snap` once reviewed and `name.snap.new` before.
//!
//! They are written without a `source` key: insta's clean-up of unreferenced snapshots deletes
//! files that have one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::io_error;

/// A golden file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system says so.
    #[error("cannot {action} {}: {}{}", path.display(), io_error::reason(source), hint(source))]
    Io {
        /// A verb: `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is there, and is no golden file.
    #[error("{} is no golden file: {why}; restore it, or delete it and run again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// An error of the operating system about this file or folder.
pub(super) fn cannot(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |source| Error::Io { action, path: path.to_owned(), source }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; make the folder writable, or name another one with --golden DIR"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "; name a folder with --golden DIR"
        }
        _ => "",
    }
}

/// A golden file's contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Golden {
    /// For people: the scenario's name and description.
    pub description: Option<String>,
    /// The scenario, as seen from the folder above the golden files.
    pub input_file: Option<String>,
    /// The ledger.
    pub ledger: String,
}

/// Where a scenario's reviewed ledger is.
pub fn accepted_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.snap"))
}

/// Where its ledger waits for review.
pub fn pending_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.snap.new"))
}

impl Golden {
    /// Reads a file; none if there is none.
    ///
    /// # Errors
    /// It cannot be read, or is no text snapshot.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let malformed = |why: String| Error::Malformed { path: path.to_owned(), why };
        // insta takes a file without front matter for one of its old formats and guesses on.
        match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(malformed(io_error::reason(&error)));
            }
            Err(source) => return Err(cannot("read", path)(source)),
            Ok(text) if text.lines().next() != Some("---") => {
                return Err(malformed(String::from("its first line is not `---`")));
            }
            Ok(_) => {}
        }
        let snapshot =
            insta::Snapshot::from_file(path).map_err(|error| malformed(error.to_string()))?;
        let text = snapshot.as_text().ok_or_else(|| malformed(String::from("it is binary")))?;
        let metadata = snapshot.metadata();
        Ok(Some(Self {
            description: metadata.description().map(str::to_owned),
            input_file: metadata.input_file().map(str::to_owned),
            ledger: text.to_string(),
        }))
    }

    /// Writes it as insta would, in full or not at all.
    ///
    /// # Errors
    /// The folder cannot be created or the file not written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(cannot("create the folder", folder))?;
        let failed = cannot("write", path);
        // Under its own name only when whole: a half golden would be reviewed as a difference.
        let whole = path.with_extension("part");
        fs::write(&whole, self.to_text()).map_err(&failed)?;
        fs::rename(&whole, path).map_err(|source| {
            let _ = fs::remove_file(&whole);
            failed(source)
        })
    }

    fn to_text(&self) -> String {
        let mut text = String::from("---\n");
        for (key, value) in [("description", &self.description), ("input_file", &self.input_file)] {
            if let Some(value) = value {
                text += &format!("{key}: {}\n", scalar(value));
            }
        }
        if text.len() == "---\n".len() {
            // insta cannot read an empty front matter.
            text.push_str("description: \"\"\n");
        }
        text.push_str("---\n");
        text.push_str(self.ledger.trim_end());
        text.push('\n');
        text
    }

    /// Whether both say the same ledger, by insta's rule: blanks at the end and the kind of line
    /// ends do not count.
    pub fn says(&self, ledger: &str) -> bool {
        normal(&self.ledger) == normal(ledger)
    }
}

/// A ledger as insta compares it.
pub(super) fn normal(ledger: &str) -> String {
    ledger.trim_end().replace("\r\n", "\n")
}

/// A text as a YAML scalar: plain where every reader agrees that it is one, else quoted.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._- ,()".contains(c);
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric() || c == ')')
        && text.chars().all(plain)
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if is_plain {
        return text.to_owned();
    }
    // A JSON string is a YAML scalar.
    serde_json::to_string(text).expect("a text always has a JSON form")
}

/// Removes a file; none there is fine.
///
/// # Errors
/// It is there and stays.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(cannot("remove", path)(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(description: &str, line: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.snap");
        let golden = Golden {
            description: Some(description.to_owned()),
            input_file: None,
            ledger: String::from("ledger 1\n"),
        };
        golden.write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("---\ndescription: {line}\n---\nledger 1\n"));
        let read = Golden::read(&path).unwrap().unwrap();
        assert_eq!(read.description.as_deref(), Some(description));
        assert_eq!(read.ledger.trim_end(), "ledger 1");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn every_description_survives_insta_s_yaml() {
        check("5p3c", "\"5p3c\"");
        check("million", "million");
        check("fan: one \"P\", 100 C", "\"fan: one \\\"P\\\", 100 C\"");
        check("true", "\"true\"");
        check("a # b", "\"a # b\"");
        check("two\nlines", "\"two\\nlines\"");
        check("naïve ☃", "\"naïve ☃\"");
        check("ends with a dot.", "\"ends with a dot.\"");
        check(" blank", "\" blank\"");
    }

    #[test]
    fn a_ledger_keeps_its_leading_blanks_and_loses_its_trailing_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.snap");
        let ledger = "ledger 1\nC1  T1  1\n    P1: \"---\"\n\n";
        let golden = Golden { description: None, input_file: None, ledger: ledger.to_owned() };
        golden.write(&path).unwrap();
        let read = Golden::read(&path).unwrap().unwrap();
        assert_eq!(read.ledger, ledger.trim_end());
        assert!(read.says(ledger) && read.says(&ledger.replace('\n', "\r\n")));
        assert!(!read.says("ledger 1\nC1  T1  1\nP1: \"---\""));
    }
}
