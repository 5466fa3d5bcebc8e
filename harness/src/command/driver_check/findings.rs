//! What is wrong with a driver, each with the line that shows it.

use std::fmt;

use crate::driver::exec::Trouble;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Finding {
    /// Whose process wrote it.
    pub(super) process: String,
    /// The number of its line, from 1; none where it is about no line.
    pub(super) line: Option<u64>,
    /// What is wrong.
    pub(super) what: String,
}

impl Finding {
    pub(super) fn new(process: &str, line: u64, what: String) -> Self {
        Self { process: process.to_owned(), line: Some(line), what }
    }

    /// What is wrong with the conversation itself.
    pub(super) fn of(process: String, trouble: Trouble) -> Self {
        Self { process, line: trouble.line, what: trouble.what }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.process, self.what),
            None => write!(f, "{}: {}", self.process, self.what),
        }
    }
}
