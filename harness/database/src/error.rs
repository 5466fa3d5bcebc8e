//! Why there is no private server.

use std::io;

use crate::program::Missing;

/// Why there is no private server. Each text is one line but for a program's last words, and says
/// what to do where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server is installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A server is installed in part.
    #[error("{program} cannot be used: {why}")]
    Unusable {
        /// Its path.
        program: String,
        /// What is the matter with it.
        why: String,
    },
    /// A file or folder that it needs.
    #[error("a private database server: cannot {act}: {error}")]
    Files {
        /// What was tried, with the path.
        act: String,
        /// Why it failed.
        error: io::Error,
    },
    /// Sockets have short names.
    #[error(
        "a private database server: the path of its socket, {path}, is too long; \
         set TMPDIR to a shorter folder"
    )]
    LongPath {
        /// The path.
        path: String,
    },
    /// One of its programs failed.
    #[error("a private database server {what}; it wrote last:\n    {}", output.replace('\n', "\n    "))]
    Failed {
        /// In which way.
        what: String,
        /// The last lines that it wrote.
        output: String,
    },
    /// A URL that is none; its text is not repeated, for it may hold a password.
    #[error("{what} is no MySQL URL: expected mysql://user:password@host:3306{why}")]
    Url {
        /// Where it came from.
        what: String,
        /// What more is known of it, after a `;`; or nothing.
        why: &'static str,
    },
    /// A variable of the environment that is neither set nor not set.
    #[error("{variable} is {value:?}: expected 1, or nothing")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// Its value.
        value: String,
    },
}

impl Error {
    /// What was tried, for an error of the operating system.
    pub(crate) fn files(act: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let act = act.into();
        move |error| Self::Files { act, error }
    }
}
