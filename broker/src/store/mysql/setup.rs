//! Makes a database ready when a broker starts: creates it if it is missing, migrates it, and checks
//! that it has what the store needs.

mod cluster;
#[cfg(test)]
mod earlier;
mod said;

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, MySqlConnection, Row, SqlStr};
use tokio::time::{Instant, sleep, timeout};
use tracing::warn;

use self::cluster::{Claim, MIGRATION_WAIT, Role, is_met, until_served};
use self::said::said;
use super::address::Address;
use super::failure::Failure;
use crate::store::Epoch;

/// How long a broker that starts tries to reach the database.
const CONNECTED_WITHIN: Duration = Duration::from_secs(10);

/// Before a migration that met another's is started over.
const AGAIN: Duration = Duration::from_millis(50);

/// Room in a packet beside the largest message.
const PACKET_ROOM: usize = 64 << 10;

/// MySQL's number for a database that does not exist.
const UNKNOWN_DATABASE: u16 = 1049;

/// The migrations from version 1 on: description and SQL. Never change one that has been released:
/// the database keeps its checksum.
const MIGRATIONS: [(&str, &str); 14] = [
    ("store", include_str!("../../../migrations/0001_store.sql")),
    ("topics", include_str!("../../../migrations/0002_topics.sql")),
    ("messages", include_str!("../../../migrations/0003_messages.sql")),
    ("producers", include_str!("../../../migrations/0004_producers.sql")),
    ("subscriptions", include_str!("../../../migrations/0005_subscriptions.sql")),
    ("heartbeats", include_str!("../../../migrations/0006_heartbeats.sql")),
    ("first sequence", include_str!("../../../migrations/0007_first_sequence.sql")),
    ("checkpoint", include_str!("../../../migrations/0008_checkpoint.sql")),
    ("deletions", include_str!("../../../migrations/0009_deletions.sql")),
    ("sent", include_str!("../../../migrations/0010_sent.sql")),
    ("deleted topics", include_str!("../../../migrations/0011_deleted_topics.sql")),
    ("producers by topic", include_str!("../../../migrations/0012_producers_by_topic.sql")),
    ("kept from", include_str!("../../../migrations/0013_kept_from.sql")),
    ("appended", include_str!("../../../migrations/0014_appended.sql")),
];

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

/// Makes the database ready for a store whose messages have at most so many bytes.
pub(super) async fn prepare(address: &Address, message: usize) -> anyhow::Result<Found> {
    let mut connection = connect(address).await?;
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
    if let Some(connection) = reach(address, options(address)).await? {
        return Ok(connection);
    }
    let Some(mut server) = reach(address, without_database(address)).await? else {
        bail!(
            "cannot reach {address}: the server says that it has no database, and none was named"
        );
    };
    let statement = format!("CREATE DATABASE IF NOT EXISTS {}", address.identifier());
    let created = server.execute(AssertSqlSafe(statement)).await;
    created.map_err(said).with_context(|| format!("cannot create the database of {address}"))?;
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
        connected => connected.map_err(said).with_context(|| format!("cannot reach {address}"))?,
    };
    until_served(&mut connection).await.with_context(|| format!("cannot use {address}"))?;
    Ok(Some(connection))
}

fn options(address: &Address) -> MySqlConnectOptions {
    address.options().disable_statement_logging()
}

/// Runs the migrations, one broker at a time.
async fn migrate(on: &mut MySqlConnection) -> anyhow::Result<()> {
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
        other => anyhow!(other),
    }
}

fn migrator() -> Migrator {
    migrator_of(&MIGRATIONS)
}

fn migrator_of(migrations: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, &(description, sql)): (i64, &(&'static str, &'static str))| {
        let sql = SqlStr::from_static(sql);
        Migration::new(version, description.into(), MigrationType::Simple, sql, false)
    };
    let mut migrator = Migrator::with_migrations((1..).zip(migrations).map(migration).collect());
    migrator.set_locking(false);
    migrator
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
    let is_node = Role::of(connection).await.map_err(said)? != Role::None;
    Ok(Found { epoch: Epoch::new(text), packet, is_node })
}

/// How long the start of a broker may take at the database.
pub(super) const PREPARED_WITHIN: Duration = Duration::from_secs(90);

fn without_database(address: &Address) -> MySqlConnectOptions {
    address.without_database().disable_statement_logging()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_an_earlier_broker_migrated_opens() {
        // The rows of its table `_sqlx_migrations`; sqlx refuses another checksum.
        let released = [
            "1 store 19ddfc6ab5e67cc54248fa5b96da3b8846c1e97df0a00a03707274ec79206dfc3a55d96ebb16d81a233db537d7bb9971",
            "2 topics 2eeab1f2cd5c5f069660ed631ef58d62fe69978a9d0884699dcf203ecb1c5c97f5ea7b1137de48d885c290a1c2ada149",
            "3 messages b8ddfaffc96b7eb5f5eaa0dfb5b8581ee73c2faa1427b4c032adaf5527abb4ef2ee6770221b3c91a274ff60cfcaf3c63",
            "4 producers 9887148120d34831c3fd825bd7068004158e8c4e250da6a64973be6febf0ffa033130822f80fb15df50abbc479050f53",
            "5 subscriptions 10638077f12af4953c7232ce67da75ed5049c6a2b615bbdc76e2b49a19719fc48dce9f06bd4598c6a7fae43f80d66517",
            "6 heartbeats 092951706d3732dfae8782924f6efa8de4aa8286abad5013f7eefbb4972112dc1f6521bd02387aab54a3d32655aa5f50",
            "7 first sequence 16bab2346abfaf540c474b86f5ed77771b7021a8a251f2245820db52a109589dec8b74b82e979924b06e961bc6510120",
            "8 checkpoint 71c2815cf1dbd2f17c68046262e1f52e75c527106b01c8b401c85d0ebed7d0384ddab88a7e589f34ed5119cb5c41224e",
            "9 deletions 8aa3c0ee6ea1747530c4676329fa03b24e004029a1377d1110ad4d0c4b56fbef7cc15a59836090a793a9d8b2321027b7",
            "10 sent 9e9a46faa928fad57627499d8dd0120efa8f36af2724e9b0cfd6945076b9870abea559d75e06a9ae7d85f2b7b9506eb6",
            "11 deleted topics 3b66b1f98d3f387f2659d6750240a02abe6ab84b83e7c868e440d3d23f906f2c791c773fa6a8a2ee52157a2d1a50f346",
            "12 producers by topic bc83981dc7206055a6f3a781a70a1978017a111b79699b3bcf34c2dc58f62add706c22a6375c3badfa98226cae0b8cc5",
            "13 kept from bccc2ff5caa04619ecf0b4d3f1a584bb6b3ebafde6f87d252fb246065a9de6d54038ddfd71a27302d49a5fe6dde8e26a",
            "14 appended 1c26d1f89bebee76d1aae8306583c4149819ade1b8c9963c01434255d898cb9921e178d529fff4f8237968c4bee32329",
        ];
        let row = |one: &Migration| {
            let checksum: String = one.checksum.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{} {} {checksum}", one.version, one.description)
        };
        assert_eq!(migrator().iter().map(row).collect::<Vec<_>>(), released);
    }
}
