//! Makes a database ready when a broker starts: creates it if it is missing, migrates it unless what is
//! in it is somebody else's, and checks that it has what the store needs and its user may use it.

mod cluster;
#[cfg(test)]
mod earlier;
mod migrations;
mod ours;
mod rights;
mod said;
mod schema;
mod tables;

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use sqlx::migrate::MigrateError;
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection, Row};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use self::cluster::{Claim, MIGRATION_WAIT, Role, is_met, until_served};
use self::migrations::{migrator, newest};
use self::ours::check_ours;
use self::rights::check_rights;
use self::said::said;
use self::schema::{Schema, check_tables};
use super::address::Address;
use super::failure::Failure;
use super::opener::SQL_MODE;
use crate::store::Epoch;

/// How long a broker that starts tries to reach the database.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// Before a migration that met another's is started over.
const AGAIN: Duration = Duration::from_millis(50);

/// Room in a packet beside the largest message.
const PACKET_ROOM: usize = 64 << 10;

/// The most seconds that a node of a cluster should wait for a lock with what came from another one: where
/// it misses to roll its own transaction back for that, it stands still to their end.
const STALL_MAX: u64 = 5;

/// MySQL's number for a database that does not exist.
const UNKNOWN_DATABASE: u16 = 1049;

/// Its number for a database that a user may not use, which it says too where there is no such database.
const NO_ACCESS: u16 = 1044;

/// What was found out of a database.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The life of the store in it.
    pub(super) epoch: Epoch,
    /// The most bytes of one packet.
    pub(super) packet: usize,
    /// Whether the server can be a node of a Galera cluster.
    pub(super) is_node: bool,
}

/// What became of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The version of its tables before; 0 of a new one.
    pub from: i64,
    /// Their version now.
    pub to: i64,
}

/// Makes the database ready for a store whose messages have at most so many bytes.
pub(super) async fn prepare(address: &Address, message: usize) -> anyhow::Result<Found> {
    let mut connection = connect(address).await?;
    bring_up_to_date(&mut connection, address).await?;
    let found = async {
        check_rights(&mut connection).await?;
        look(&mut connection, message).await
    };
    let found = found.await.with_context(|| format!("cannot use {address}"))?;
    // A goodbye that does not arrive changes nothing.
    let _ = connection.close().await;
    Ok(found)
}

/// Brings the tables of a database up to date, which is created if it is missing.
///
/// # Errors
/// When it cannot be reached, or the user may not; the text says what to do, and no password.
pub async fn migrate(address: &Address) -> anyhow::Result<Migrated> {
    let mut connection = connect(address).await?;
    let migrated = bring_up_to_date(&mut connection, address).await?;
    let _ = connection.close().await;
    Ok(migrated)
}

/// Looks first, so that a user who may change no tables can start a broker where there is nothing
/// to change.
async fn bring_up_to_date(on: &mut MySqlConnection, address: &Address) -> anyhow::Result<Migrated> {
    let found = Schema::of(on).await.with_context(|| format!("cannot use {address}"))?;
    if !found.is_complete {
        check_ours(on).await.with_context(|| format!("cannot set up {address}"))?;
        let migrated = migrate_in_turn(on).await.map_err(|error| with_cure(error, found));
        migrated.with_context(|| format!("cannot set up {address}"))?;
        check_tables(on).await.with_context(|| format!("cannot use {address}"))?;
    }
    Ok(Migrated { from: found.version, to: newest() })
}

/// Says what to do where a user may not change tables.
fn with_cure(error: anyhow::Error, found: Schema) -> anyhow::Error {
    if !error.downcast_ref::<Failure>().is_some_and(Failure::is_denied) {
        return error;
    }
    let (from, to) = (found.version, newest());
    error.context(format!(
        "its tables have to be brought from version {from} to version {to}, and its user may not: \
         run `broker migrate` as one who may"
    ))
}

/// Drops a database, if it is there.
///
/// # Errors
/// When the server cannot be reached or does not allow it; without the password.
pub async fn drop_database(address: &Address) -> anyhow::Result<()> {
    let server = without_database(address);
    let cannot = || format!("cannot drop the database of {address}");
    let mut connection = server.connect().await.map_err(said).with_context(cannot)?;
    let statement = format!("DROP DATABASE IF EXISTS {}", address.identifier());
    connection.execute(AssertSqlSafe(statement)).await.map_err(said).with_context(cannot)?;
    let _ = connection.close().await;
    Ok(())
}

async fn connect(address: &Address) -> anyhow::Result<MySqlConnection> {
    if let Some(connection) = reach(address, options(address)).await? {
        return Ok(connection);
    }
    let Some(mut server) = reach(address, without_database(address)).await? else {
        bail!(
            "cannot reach {address}: the server says that it has no database, and none was named"
        );
    };
    let statement = format!("CREATE DATABASE IF NOT EXISTS {}", address.identifier());
    let created = server.execute(AssertSqlSafe(statement)).await.map_err(said);
    let created = created.map_err(|error| with_cure(error, Schema::NONE));
    created.with_context(|| format!("cannot create the database of {address}"))?;
    let _ = server.close().await;
    let connected = reach(address, options(address)).await?;
    connected.ok_or_else(|| anyhow!("cannot reach {address}: its database was dropped at once"))
}

/// A connection to a server that serves; none where it has no such database.
async fn reach(
    address: &Address,
    options: MySqlConnectOptions,
) -> anyhow::Result<Option<MySqlConnection>> {
    let connected = timeout(CONNECTED_WITHIN, options.connect()).await.map_err(|_| {
        let seconds = CONNECTED_WITHIN.as_secs();
        anyhow!("cannot reach {address}: no answer within {seconds} s")
    })?;
    let mut connection = match connected {
        Err(error) if Failure::number(&error) == Some(UNKNOWN_DATABASE) => return Ok(None),
        Err(error) if Failure::number(&error) == Some(NO_ACCESS) => {
            let why = "there is no such database, or its user may not use it";
            return Err(said(error).context(format!("cannot use {address}: {why}")));
        }
        connected => connected.map_err(said).with_context(|| format!("cannot reach {address}"))?,
    };
    until_served(&mut connection).await.with_context(|| format!("cannot use {address}"))?;
    // Whatever SQL the server reads by default, such as Oracle's.
    let mode = format!("SET SESSION sql_mode = '{SQL_MODE}'");
    connection.execute(AssertSqlSafe(mode)).await.map_err(said)?;
    Ok(Some(connection))
}

fn options(address: &Address) -> MySqlConnectOptions {
    address.options().disable_statement_logging()
}

/// Runs the migrations, one broker at a time.
async fn migrate_in_turn(on: &mut MySqlConnection) -> anyhow::Result<()> {
    if Role::of(on).await.map_err(said)? == Role::Node {
        let claim = Claim::take(on).await?;
        let migrated = migrate_alone(on).await;
        claim.give_back(on).await;
        return migrated;
    }
    // The lock is our own: that of sqlx does nothing on MariaDB, which cannot wait without a limit.
    let locked: Option<i64> =
        sqlx::query_scalar("SELECT GET_LOCK(CONCAT('broker ', MD5(DATABASE())), ?)")
            .bind(MIGRATION_WAIT)
            .fetch_one(&mut *on)
            .await
            .map_err(said)?;
    if locked != Some(1) {
        bail!("another broker has been migrating it for {MIGRATION_WAIT} s");
    }
    let migrated = migrate_alone(on).await;
    sqlx::query("DO RELEASE_LOCK(CONCAT('broker ', MD5(DATABASE())))")
        .execute(&mut *on)
        .await
        .map_err(said)?;
    migrated
}

/// Runs the migrations; over again where something came between, for they do nothing that is done.
async fn migrate_alone(on: &mut MySqlConnection) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(MIGRATION_WAIT.into());
    loop {
        match run_migrations(on).await {
            Err(error) if is_met(&error) && Instant::now() < until => sleep(AGAIN).await,
            done => return done.map_err(|error| why(error).context("a migration failed")),
        }
    }
}

async fn run_migrations(on: &mut MySqlConnection) -> Result<(), MigrateError> {
    forget_half_done(on).await?;
    migrator().run(&mut *on).await?;
    begin_life(on).await?;
    Ok(())
}

/// The error of a migration in words that say no password.
fn why(error: MigrateError) -> anyhow::Error {
    match error {
        MigrateError::Execute(error) => said(error),
        MigrateError::ExecuteMigration(error, version) => {
            said(error).context(format!("at version {version}"))
        }
        other => anyhow!(other),
    }
}

/// Forgets a migration that was cut off half way: it is begun again, for each of them does nothing
/// where its table or column is there already.
async fn forget_half_done(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    const NO_SUCH_TABLE: u16 = 1146;
    let statement = sqlx::query("DELETE FROM _sqlx_migrations WHERE success = FALSE");
    match statement.execute(connection).await {
        Err(error) if Failure::number(&error) == Some(NO_SUCH_TABLE) => Ok(()),
        done => done.map(|_| ()),
    }
}

/// Gives a new store its epoch.
async fn begin_life(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    let epoch = Epoch::random();
    let statement = sqlx::query("INSERT IGNORE INTO store (one, epoch) VALUES (1, ?)");
    statement.bind(epoch.as_str()).execute(connection).await?;
    Ok(())
}

async fn look(connection: &mut MySqlConnection, message: usize) -> anyhow::Result<Found> {
    let row = sqlx::query(
        "SELECT epoch, CAST(@@max_allowed_packet AS UNSIGNED),
                CAST(@@innodb_flush_log_at_trx_commit AS UNSIGNED),
                CAST(@@log_bin AS UNSIGNED), CAST(@@sync_binlog AS UNSIGNED),
                CAST(@@GLOBAL.innodb_lock_wait_timeout AS UNSIGNED)
         FROM store WHERE one = 1",
    );
    let row = row.fetch_one(&mut *connection).await.map_err(said)?;
    let text: String = row.try_get(0).map_err(said)?;
    let numbers: Vec<u64> =
        (1..6).map(|index| row.try_get(index)).collect::<Result<_, _>>().map_err(said)?;
    let packet = usize::try_from(numbers[0]).unwrap_or(usize::MAX);
    if packet < message + PACKET_ROOM {
        bail!(
            "its max_allowed_packet is {packet} bytes, too small for --max-message {message}: \
             raise it to {} or lower --max-message",
            message + PACKET_ROOM
        );
    }
    let format =
        sqlx::query("SHOW VARIABLES LIKE 'binlog_format'").fetch_optional(&mut *connection).await;
    let format: Option<String> =
        format.and_then(|row| row.map(|row| row.try_get(1)).transpose()).map_err(said)?;
    if numbers[2] == 1 && format.is_some_and(|format| format == "STATEMENT") {
        bail!(
            "its binlog_format is STATEMENT, with which it refuses every write at READ COMMITTED: set it to ROW or MIXED"
        );
    }
    if numbers[1] != 1 {
        let set_to = numbers[1];
        warn!(
            set_to,
            "innodb_flush_log_at_trx_commit is not 1: a crash loses acknowledged messages"
        );
    }
    if numbers[2] == 1 && numbers[3] != 1 {
        let set_to = numbers[3];
        warn!(set_to, "sync_binlog is not 1: a crash may lose acknowledged messages");
    }
    // One that is none now may be made one while the broker runs.
    let role = Role::of(connection).await.map_err(said)?;
    if role == Role::Node && numbers[4] > STALL_MAX {
        let set_to = numbers[4];
        warn!(
            set_to,
            "innodb_lock_wait_timeout is more than {STALL_MAX} s: a conflict may hold this node up for as long; \
             set it to 2"
        );
    }
    Ok(Found { epoch: Epoch::new(text), packet, is_node: role != Role::None })
}

/// How long the start of a broker may take at the database.
pub(super) const PREPARED_WITHIN: Duration = Duration::from_secs(90);

fn without_database(address: &Address) -> MySqlConnectOptions {
    address.without_database().disable_statement_logging()
}
