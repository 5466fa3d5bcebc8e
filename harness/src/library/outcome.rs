//! How a run ended, for a test: what it says of itself is what the terminal would say.

use std::fmt;
use std::io;
use std::path::Path;

use crate::exit::Exit;
use crate::report::{Entry, terminal};

/// A run that passed.
#[derive(Clone, Debug)]
pub struct Passed(Box<Entry>);

/// A run that did not pass. Its text has the proofs, and is also what `unwrap` and a test that returns
/// it show.
#[derive(Clone)]
pub struct Failed(Box<Entry>);

impl Passed {
    /// Everything that is known of the run, as the reports read it.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.0
    }
}

impl Failed {
    /// Everything that is known of the run, as the reports read it.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.0
    }

    /// What `harness run` would end with: whether a promise was broken ([`Exit::Failed`]), there is no
    /// verdict, or it could not be run at all.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.0.exit()
    }
}

/// Which of the two an entry is.
pub(super) fn of(entry: Entry) -> Result<Passed, Failed> {
    let entry = Box::new(entry);
    if entry.exit() == Exit::Passed { Ok(Passed(entry)) } else { Err(Failed(entry)) }
}

/// Nothing could be run.
pub(super) fn no_thread(file: &Path, error: &io::Error) -> Failed {
    let why = format!("cannot start a thread: {error}");
    Failed(Box::new(Entry::failed(file, Exit::NoVerdict, why)))
}

impl fmt::Display for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(terminal::plain(&self.0).trim_end())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(terminal::plain(&self.0).trim_end())
    }
}

impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // On lines of its own, behind `Error: ` and the like.
        write!(f, "\n{self}")
    }
}

impl std::error::Error for Failed {}
