//! A MySQL or MariaDB server of one's own in a temporary folder: where its programs are, how its
//! data folder is set up, how it is run, and when it is ready. It is for runs and tests, and
//! nobody else gets in: its folder is its owner's, and over TCP it asks for a password.
//!
//! - [`Installed`]: the programs. [`Server`]: a data folder, and the commands that set it up and
//!   run it. [`Url`]: where a server is, with a password that is never shown.
//! - Who runs it guards it. The harness makes it a child of its own; everybody else takes
//!   [`Watched`], which ends with the process that started it, in whatever way that ends.
//! - [`for_tests()`]: the server that tests of this process share.
//!
//! Nothing here is async, so that it fits any runtime.

mod folder;
mod for_tests;
mod installed;
mod server;
mod url;
mod watched;

use std::io;

pub use for_tests::{WITHOUT, for_tests};
pub use installed::{FOLDER_VARIABLE, Installed};
pub use server::{Invocation, Options, Server, is_greeting};
pub use url::{URL_VARIABLE, Url};
pub use watched::Watched;

/// Why there is no private server. Each text is one line but for a program's last words, and says
/// what to do where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No server is installed.
    #[error(
        "no MySQL server: neither mariadbd nor mysqld is in {searched}; install one (Debian: \
         apt-get install --no-install-recommends mariadb-server), or name one that runs by {}",
        URL_VARIABLE
    )]
    Missing {
        /// Where it was looked for.
        searched: String,
    },
    /// A server is installed in part.
    #[error("{program} cannot be used: {why}")]
    Unusable {
        /// Its path.
        program: String,
        /// What is the matter with it.
        why: String,
    },
    /// A file or folder that it needs.
    #[error("a private MySQL server: cannot {act}: {error}")]
    Files {
        /// What was tried, with the path.
        act: String,
        /// Why it failed.
        error: io::Error,
    },
    /// Sockets have short names.
    #[error(
        "a private MySQL server: the path of its socket, {path}, is too long; \
         set TMPDIR to a shorter folder"
    )]
    LongPath {
        /// The path.
        path: String,
    },
    /// One of its programs failed.
    #[error("a private MySQL server {what}; it wrote last:\n    {}", output.replace('\n', "\n    "))]
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
    fn files(act: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let act = act.into();
        move |error| Self::Files { act, error }
    }
}
