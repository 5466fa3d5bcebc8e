//! From an address to a database that is ready: created if it is missing, migrated, and checked
//! for what the store needs of it.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection, Row};
use tracing::warn;

use super::address::Address;
use super::failure::Failure;
use crate::store::Epoch;

/// How long a broker waits for others that are migrating the same database, in seconds.
const MIGRATION_WAIT: u32 = 60;

/// How long a broker that starts tries to reach the database.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// Room in a packet beside the largest message.
const PACKET_ROOM: usize = 64 << 10;

/// MySQL's number for a database that does not exist.
const UNKNOWN_DATABASE: u16 = 1049;

/// What was found out of a database.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The life of the store in it.
    pub(super) epoch: Epoch,
    /// The most bytes of one packet.
    pub(super) packet: usize,
}

/// Makes the database ready for a store whose messages have at most so many bytes.
pub(super) async fn prepare(address: &Address, message: usize) -> anyhow::Result<Found> {
    let connecting = tokio::time::timeout(CONNECTED_WITHIN, connect(address)).await;
    let mut connection = connecting.map_err(|_| {
        let seconds = CONNECTED_WITHIN.as_secs();
        anyhow!("cannot reach {address}: no answer within {seconds} s")
    })??;
    migrate(&mut connection).await.with_context(|| format!("cannot set up {address}"))?;
    let found = look(&mut connection, message).await;
    let found = found.with_context(|| format!("cannot use {address}"))?;
    // A goodbye that does not arrive changes nothing.
    let _ = connection.close().await;
    Ok(found)
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
    let cannot = || format!("cannot reach {address}");
    match options(address).connect().await {
        Err(error) if number(&error) == Some(UNKNOWN_DATABASE) => {}
        connected => return connected.map_err(said).with_context(cannot),
    }
    let mut server =
        without_database(address).connect().await.map_err(said).with_context(cannot)?;
    let statement = format!("CREATE DATABASE IF NOT EXISTS {}", address.identifier());
    let created = server.execute(AssertSqlSafe(statement)).await;
    created.map_err(said).with_context(|| format!("cannot create the database of {address}"))?;
    let _ = server.close().await;
    options(address).connect().await.map_err(said).with_context(cannot)
}

fn options(address: &Address) -> sqlx::mysql::MySqlConnectOptions {
    address.options().disable_statement_logging()
}

/// Migrations run one broker at a time. sqlx's own lock does nothing on MariaDB, which does not
/// know how to wait for ever.
async fn migrate(connection: &mut MySqlConnection) -> anyhow::Result<()> {
    let mut migrator: Migrator = sqlx::migrate!();
    migrator.set_locking(false);
    let locked: Option<i64> =
        sqlx::query_scalar("SELECT GET_LOCK(CONCAT('broker ', MD5(DATABASE())), ?)")
            .bind(MIGRATION_WAIT)
            .fetch_one(&mut *connection)
            .await
            .map_err(said)?;
    if locked != Some(1) {
        bail!("another broker has been migrating it for {MIGRATION_WAIT} s");
    }
    forget_half_done(connection).await.map_err(said)?;
    let migrated = migrator.run(&mut *connection).await;
    let begun = begin_life(connection).await;
    sqlx::query("DO RELEASE_LOCK(CONCAT('broker ', MD5(DATABASE())))")
        .execute(&mut *connection)
        .await
        .map_err(said)?;
    migrated.context("a migration failed")?;
    begun.map_err(said)
}

/// Forgets a migration that was cut off half way: it is begun again, for each of them does nothing
/// where its table is there already.
async fn forget_half_done(connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
    const NO_SUCH_TABLE: u16 = 1146;
    let statement = sqlx::query("DELETE FROM _sqlx_migrations WHERE success = FALSE");
    match statement.execute(connection).await {
        Err(error) if number(&error) == Some(NO_SUCH_TABLE) => Ok(()),
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
                CAST(@@log_bin AS UNSIGNED), CAST(@@sync_binlog AS UNSIGNED)
         FROM store WHERE one = 1",
    );
    let row = row.fetch_one(&mut *connection).await.map_err(said)?;
    let text: String = row.try_get(0).map_err(said)?;
    let numbers: Vec<u64> =
        (1..5).map(|index| row.try_get(index)).collect::<Result<_, _>>().map_err(said)?;
    let packet = usize::try_from(numbers[0]).unwrap_or(usize::MAX);
    if packet < message + PACKET_ROOM {
        bail!(
            "its max_allowed_packet is {packet} bytes, too small for --max-message {message}: \
             raise it to {} or lower --max-message",
            message + PACKET_ROOM
        );
    }
    let format =
        sqlx::query("SHOW VARIABLES LIKE 'binlog_format'").fetch_optional(connection).await;
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
    Ok(Found { epoch: Epoch::new(text), packet })
}

/// How long the start of a broker may take at the database.
pub(super) const PREPARED_WITHIN: Duration = Duration::from_secs(90);

fn number(error: &sqlx::Error) -> Option<u16> {
    Failure::number(error)
}

/// An error of sqlx in words that say no password.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn said(error: sqlx::Error) -> anyhow::Error {
    anyhow!("{}", Failure::executing(&error))
}

fn without_database(address: &Address) -> sqlx::mysql::MySqlConnectOptions {
    address.without_database().disable_statement_logging()
}
