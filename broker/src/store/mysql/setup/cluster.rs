//! A Galera cluster at the start of a broker: whether the server is a node of one, waiting until the
//! node serves, and a claim by which brokers migrate one after the other on all nodes. A lock of
//! the server's own, such as `GET_LOCK`, is known on its node alone.

use std::time::Duration;

use anyhow::bail;
use sqlx::migrate::MigrateError;
use sqlx::{Executor, MySqlConnection};
use tokio::time::{Instant, sleep};

use super::super::failure::Failure;
use super::super::opener::SEES_ALL;
use super::said::said;
use crate::store::Epoch;

/// How long a node may take to become part of its cluster.
const SERVES_WITHIN: Duration = Duration::from_secs(10);

/// How long a broker waits for others that are migrating the same database, in seconds.
pub(super) const MIGRATION_WAIT: u32 = 60;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A claim that has stood for so long is of a broker that was killed. If it is only slow, two migrate
/// at once, which their statements take: one of them starts over.
const LEFT_BEHIND: Duration = Duration::from_secs(20);

/// What a server is to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It cannot be a node.
    None,
    /// It can be one, and is none.
    Alone,
    /// It is one.
    Node,
}

impl Role {
    /// What the server is now.
    pub(super) async fn of(on: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        // By SHOW, which a node answers that serves nothing else.
        Ok(match shown(on, "SHOW GLOBAL VARIABLES LIKE 'wsrep_on'").await?.as_deref() {
            None => Self::None,
            Some("ON") => Self::Node,
            Some(_) => Self::Alone,
        })
    }
}

/// Waits until a server serves: a node does once it is part of its cluster.
pub(super) async fn until_served(on: &mut MySqlConnection) -> anyhow::Result<()> {
    if Role::of(on).await.map_err(said)? != Role::Node {
        return Ok(());
    }
    let until = Instant::now() + SERVES_WITHIN;
    loop {
        let ready = shown(on, "SHOW GLOBAL STATUS LIKE 'wsrep_ready'").await.map_err(said)?;
        if ready.as_deref() == Some("ON") {
            on.execute(SEES_ALL).await.map_err(said)?;
            return Ok(());
        }
        if Instant::now() >= until {
            bail!(
                "it is a node that has not been part of its cluster for {} s: see its \
                 wsrep_cluster_status, or name another node",
                SERVES_WITHIN.as_secs()
            );
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The value of a row that `SHOW` brings.
async fn shown(
    on: &mut MySqlConnection,
    show: &'static str,
) -> Result<Option<String>, sqlx::Error> {
    let row: Option<(String, String)> = sqlx::query_as(show).fetch_optional(on).await?;
    Ok(row.map(|(_, value)| value))
}

/// The right to migrate, of one broker on all nodes.
pub(super) struct Claim(String);

impl Claim {
    /// Waits for it.
    pub(super) async fn take(on: &mut MySqlConnection) -> anyhow::Result<Self> {
        let claim = Self(Epoch::random().as_str().to_owned());
        let until = Instant::now() + Duration::from_secs(MIGRATION_WAIT.into());
        let mut other: Option<(String, Instant)> = None;
        loop {
            let left = other.as_ref().filter(|(_, since)| since.elapsed() >= LEFT_BEHIND);
            match claim.try_to_take(on, left.map(|(holder, _)| holder.clone())).await {
                Ok(true) => return Ok(claim),
                Ok(false) => {}
                // Another broker was quicker.
                Err(error) if is_conflict(&error) => {}
                Err(error) => return Err(said(error)),
            }
            let holder = sqlx::query_scalar("SELECT broker FROM migration_claim WHERE one = 1");
            let holder: Option<String> = holder.fetch_optional(&mut *on).await.map_err(said)?;
            other = holder.map(|holder| match other.take() {
                Some((seen, since)) if seen == holder => (seen, since),
                _ => (holder, Instant::now()),
            });
            if Instant::now() >= until {
                bail!("another broker has been migrating it for {MIGRATION_WAIT} s");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Whether it is taken, from this broker where one has left it behind.
    async fn try_to_take(
        &self,
        on: &mut MySqlConnection,
        left_by: Option<String>,
    ) -> Result<bool, sqlx::Error> {
        on.execute(
            "CREATE TABLE IF NOT EXISTS migration_claim (
                 one    TINYINT UNSIGNED NOT NULL,
                 broker VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
                 PRIMARY KEY (one)
             ) ENGINE = InnoDB",
        )
        .await?;
        let statement = match left_by {
            None => sqlx::query("INSERT IGNORE INTO migration_claim (one, broker) VALUES (1, ?)")
                .bind(self.0.clone()),
            Some(broker) => sqlx::query("UPDATE migration_claim SET broker = ? WHERE broker = ?")
                .bind(self.0.clone())
                .bind(broker),
        };
        Ok(statement.execute(on).await?.rows_affected() == 1)
    }

    /// Gives it back. Where that fails, others wait until it has been left behind for long enough.
    pub(super) async fn give_back(self, on: &mut MySqlConnection) {
        let statement =
            || sqlx::query("DELETE FROM migration_claim WHERE broker = ?").bind(self.0.clone());
        while let Err(error) = statement().execute(&mut *on).await {
            if !is_conflict(&error) {
                return;
            }
        }
    }
}

/// The column that a migration adds is there by now; the one that it renames is not.
const COLUMN_IS_THERE: [u16; 2] = [1060, 1054];

/// Whether a step of a migration met one of another broker, so that it is to be started over.
pub(super) fn is_met(error: &MigrateError) -> bool {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            is_conflict(error)
                || Failure::number(error).is_some_and(|number| COLUMN_IS_THERE.contains(&number))
        }
        MigrateError::Dirty(_) => true,
        _ => false,
    }
}

/// Whether another broker was quicker: a conflict between nodes, or a row that is there by now.
pub(super) fn is_conflict(error: &sqlx::Error) -> bool {
    const DUPLICATE: u16 = 1062;
    let failure = Failure::executing(error);
    Failure::number(error) == Some(DUPLICATE) || (failure.is_passing() && !failure.is_lost())
}
