//! What the tables of a database are, found out by `SELECT` alone: a user who may not change them needs
//! no more rights for a start.

use std::collections::BTreeMap;

use anyhow::bail;
use sqlx::migrate::Migration;
use sqlx::{MySqlConnection, Row};

use super::super::failure::Failure;
use super::migrations::{migrator, newest};
use super::said::said;
use super::tables::TABLES;

/// MySQL's numbers for a table that does not exist, and for a column: the table is another program's.
const NO_SUCH: [u16; 2] = [1146, 1054];

/// How far a database is migrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schema {
    /// The last version up to which all was done; 0 of a new database.
    pub(super) version: i64,
    /// Whether there is nothing to do.
    pub(super) is_complete: bool,
}

impl Schema {
    /// That of a database that is not there.
    pub(super) const NONE: Self = Self { version: 0, is_complete: false };

    /// What a database has.
    ///
    /// # Errors
    /// When it cannot be read, or was migrated by a newer broker.
    pub(super) async fn of(on: &mut MySqlConnection) -> anyhow::Result<Self> {
        let done = match done(on).await {
            Err(error)
                if Failure::number(&error).is_some_and(|number| NO_SUCH.contains(&number)) =>
            {
                BTreeMap::new()
            }
            done => done.map_err(said)?,
        };
        let newest = newest();
        let migrator = migrator();
        let is_done = |one: &&Migration| done.get(&one.version) == Some(&one.checksum.to_vec());
        let version = migrator.iter().take_while(is_done).last().map_or(0, |last| last.version);
        // Versions that do not go on where ours end are not a newer broker's.
        let theirs = done.last_key_value().map_or(0, |(&theirs, _)| theirs);
        if version == newest && theirs > newest {
            bail!(
                "this broker, {}, is older than the database: it knows its tables up to version \
                 {newest}, and a newer broker has brought them to version {theirs}: start that one",
                env!("CARGO_PKG_VERSION")
            );
        }
        let is_complete = version == newest && {
            check_tables(on).await?;
            has_life(on).await.map_err(said)?
        };
        Ok(Self { version, is_complete })
    }
}

/// The migrations that were done, and what they were.
async fn done(on: &mut MySqlConnection) -> Result<BTreeMap<i64, Vec<u8>>, sqlx::Error> {
    let query = sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success = TRUE");
    let rows = query.fetch_all(on).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Whether the store in it has begun its life, which comes after the last migration.
async fn has_life(on: &mut MySqlConnection) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT 1 FROM store WHERE one = 1").fetch_optional(on).await?;
    Ok(row.is_some())
}

/// Refuses a database that lacks a table although its migrations were done.
pub(super) async fn check_tables(on: &mut MySqlConnection) -> anyhow::Result<()> {
    // A table that is locked is not waited for, as it would be if something were read of it.
    let query = sqlx::query_scalar(
        "SELECT CAST(table_name AS CHAR) FROM information_schema.tables
         WHERE table_schema = DATABASE()",
    );
    let there: Vec<String> = query.fetch_all(on).await.map_err(said)?;
    let needed = TABLES.iter().filter(|table| !table.rights.is_empty());
    let missing = needed.filter(|table| there.iter().all(|name| name != table.name));
    let missing: Vec<String> = missing.map(|table| format!("`{}`", table.name)).collect();
    if !missing.is_empty() {
        bail!(
            "it lacks what was made when it was set up, or its user has no right to it: {}; restore \
             the database from a backup, or drop it to begin anew",
            missing.join(", ")
        );
    }
    Ok(())
}
