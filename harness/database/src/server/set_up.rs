//! How a data folder is set up: by a copy of one that was set up before, or by the server's programs.

use std::ffi::OsString;

use super::{REDO_LOG, Server};
use crate::error::Error;
use crate::installed::Kind;
use crate::invocation::Invocation;
use crate::prepared::Prepared;

impl Server {
    /// Fills the data folder by a copy of one that was set up before, where there is one that is
    /// whole; says whether it did. It takes 0.1 s; longer where the copy is to be `durable`, which is
    /// to survive that the machine, or a disk that plays one, loses its power. One that the user keeps
    /// is durable anyway.
    ///
    /// # Errors
    /// Where the copy cannot be written.
    pub fn copy_prepared(&self, durable: bool) -> Result<bool, Error> {
        let durable = durable || self.options.keep.is_some();
        self.prepared().map_or(Ok(false), |prepared| prepared.copy_to(&self.data, durable))
    }

    /// What sets up the data folder: 0.7 s of work, after which it ends with 0.
    pub fn set_up(&self) -> Invocation {
        let program = match &self.installed.kind {
            Kind::MariaDb { install } => install,
            Kind::MySql => &self.installed.server,
        };
        Invocation::new(program, self.in_data().into_iter().chain(self.set_up_options()))
    }

    /// Keeps a copy of the data folder that was just set up, for the next servers. Where that cannot
    /// be, they are set up as this one was.
    pub fn keep_prepared(&self) {
        if let Some(prepared) = self.prepared() {
            prepared.keep(&self.data);
        }
    }

    fn prepared(&self) -> Option<Prepared> {
        let cache = self.options.cache.as_deref()?;
        let arguments: Vec<OsString> =
            self.as_user().into_iter().chain(self.set_up_options()).collect();
        Some(Prepared::new(cache, &self.installed, &arguments))
    }

    /// What a set-up is told beside where the folders are: all that shapes what it leaves.
    fn set_up_options(&self) -> Vec<OsString> {
        let options: &[&str] = match &self.installed.kind {
            Kind::MariaDb { .. } => &[
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                REDO_LOG,
            ],
            Kind::MySql => &["--initialize-insecure"],
        };
        options.iter().map(OsString::from).collect()
    }
}
