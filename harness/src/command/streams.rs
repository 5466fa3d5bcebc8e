//! What goes to stdout and stderr, and what comes from the environment. A reader that goes away
//! (`harness sabotage | head -1`) causes neither a panic, as `println!` would, nor an error.

use std::io::{self, Write};

use crate::exit::Exit;
use crate::io_error;

/// Whether the output is still read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// As far as is known.
    Listens,
    /// It has seen enough.
    Gone,
}

/// Writes a text to stdout, at once.
///
/// # Errors
/// The exit code, where stdout cannot be written for another reason, such as a full disk; why was
/// said on stderr.
pub(super) fn print(text: &str) -> Result<Reader, Exit> {
    let mut stdout = io::stdout().lock();
    heard(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())).map_err(|error| {
        tell(&format!("error: cannot write to stdout: {}", io_error::reason(&error)));
        Exit::Usage
    })
}

/// Writes a line to stderr; nothing can be done where it is gone, and the exit code still says the
/// result.
pub(super) fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A variable of the environment.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn heard(written: io::Result<()>) -> io::Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::Listens),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error),
    }
}
