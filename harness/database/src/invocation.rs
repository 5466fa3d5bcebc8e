//! A program with what it is started with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A program, its arguments, variables of the environment, and where it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program's path.
    pub program: PathBuf,
    /// Without the program.
    pub arguments: Vec<OsString>,
    /// Set beside what this process has. It is also the place for secrets: every user of the
    /// machine sees the arguments of a process.
    pub environment: Vec<(&'static str, OsString)>,
    /// The folder that it runs in; none is that of this process. A relative path of the program
    /// begins there, too.
    pub folder: Option<PathBuf>,
}

impl Invocation {
    /// A program with these arguments.
    pub fn new<A: Into<OsString>>(program: &Path, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.to_owned(), arguments, environment: Vec::new(), folder: None }
    }
}
