//! `broker migrate`: brings the tables of a database up to date and ends, so that the user whom a
//! broker serves as needs no right to change tables.

use std::io::{self, Write as _};

use anyhow::Context as _;
use tokio::runtime;

use crate::arguments::{StoreKind, store};
use crate::store::mysql::{self, Migrated};

/// What `broker migrate` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct MigrateArguments {
    /// The database, as mysql://user:password@host:3306/name; a password is safer in the variable than
    /// on the command line, which other users can read
    // By default what a broker has, so that one place says what is missing, and the variable too.
    #[arg(long, value_name = "STORE", env = "BROKER_STORE", hide_env_values = true,
          default_value = "memory", hide_default_value = true, value_parser = store)]
    pub store: StoreKind,
}

impl MigrateArguments {
    /// Whether there is a database.
    pub(crate) fn check(&self) -> Result<(), String> {
        let why = match &self.store {
            StoreKind::Mysql(_) => return Ok(()),
            StoreKind::Memory => "there is nothing to migrate in memory, name a database",
            StoreKind::Unusable(why) => why,
        };
        Err(format!("--store, or the variable BROKER_STORE: {why}"))
    }

    /// Brings the tables up to date, and prints from which version to which.
    ///
    /// Must not be called inside an async runtime, for it builds its own.
    ///
    /// # Errors
    /// When the database cannot be reached or its user may not change tables; without the password.
    pub fn migrate(&self) -> anyhow::Result<()> {
        let StoreKind::Mysql(address) = &self.store else {
            return self.check().map_err(anyhow::Error::msg);
        };
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let Migrated { from, to } = runtime.block_on(mysql::migrate(address))?;
        let said = if from == to {
            format!("{address} is up to date: version {to}")
        } else {
            format!("{address} is brought from version {from} to version {to}")
        };
        writeln!(io::stdout(), "{said}").context("it is done, and cannot be printed")
    }
}
