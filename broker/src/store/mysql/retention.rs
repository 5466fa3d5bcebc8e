//! Deleting what every subscription is past, for `--retain lag`: in small transactions, so that
//! appends are not held up, and by one broker at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::Offset;
use sqlx::MySqlConnection;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::connections::Lease;
use super::database::{Database, column};
use super::failure::Failure;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(1);

/// The most rows that one transaction deletes.
const ROWS: u64 = 1000;

/// Deletes for as long as the store lives.
pub(super) async fn keep(database: Arc<Database>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // By topic, up to where nothing is left. Another broker's work is found out by trying.
    let mut deleted: BTreeMap<u32, Offset> = BTreeMap::new();
    loop {
        ticks.tick().await;
        if let Err(failure) = round(&database, &mut deleted).await {
            warn!(why = %failure, "what every subscription is past could not be deleted");
        }
    }
}

/// Deletes once, for the first time as far as is known; nothing where another broker is deleting.
pub(super) async fn delete_passed(database: &Database) -> Result<(), Failure> {
    round(database, &mut BTreeMap::new()).await
}

async fn round(database: &Database, deleted: &mut BTreeMap<u32, Offset>) -> Result<(), Failure> {
    // A first look at all topics, to leave those alone in which there is nothing to do.
    let rows = database.rows(database.deadline(), || {
        sqlx::query(
            "SELECT t.id, t.next_offset, MIN(s.`position`) FROM topics t
             LEFT JOIN subscriptions s ON s.topic = t.id GROUP BY t.id, t.next_offset",
        )
    });
    for row in rows.await? {
        let (topic, end): (u32, Offset) = (column(&row, 0)?, column(&row, 1)?);
        let least: Option<Offset> = column(&row, 2)?;
        let up_to = least.map_or(end, |least| least.min(end));
        while deleted.get(&topic).copied().unwrap_or(0) < up_to {
            match delete(database, topic).await? {
                // Another broker is at it.
                Step::Busy => return Ok(()),
                Step::More => {}
                // It may be less than at the first look, and then the next round looks again.
                Step::UpTo(up_to) => {
                    deleted.insert(topic, up_to);
                    break;
                }
            }
        }
    }
    Ok(())
}

/// What came of a step.
enum Step {
    /// Another broker is deleting.
    Busy,
    /// There is more to delete.
    More,
    /// Nothing before this is left.
    UpTo(Offset),
}

/// Deletes some of what every subscription of a topic is past. Everything is asked for on the
/// connection that deletes: after a crash of the server in between, it is gone, and with it what
/// may have been undone.
async fn delete(database: &Database, topic: u32) -> Result<Step, Failure> {
    database.read(database.deadline(), |lease| Box::pin(delete_locked(lease, topic))).await
}

async fn delete_locked(lease: &mut Lease<'_>, topic: u32) -> Result<Step, Failure> {
    let lock = "SELECT GET_LOCK(CONCAT('broker retain ', MD5(DATABASE())), 0)";
    let locked: Result<Option<i64>, _> = sqlx::query_scalar(lock).fetch_one(lease.raw()).await;
    if locked.map_err(|error| lease.failed(&error))? != Some(1) {
        return Ok(Step::Busy);
    }
    let step = match delete_some(lease.raw(), topic).await {
        Ok(step) => Ok(step),
        Err(error) => Err(lease.failed(&error)),
    };
    if lease.is_there() {
        let unlock = "DO RELEASE_LOCK(CONCAT('broker retain ', MD5(DATABASE())))";
        sqlx::query(unlock).execute(lease.raw()).await.map_err(|error| lease.failed(&error))?;
    }
    step
}

async fn delete_some(on: &mut MySqlConnection, topic: u32) -> Result<Step, sqlx::Error> {
    let end: Offset = sqlx::query_scalar("SELECT next_offset FROM topics WHERE id = ?")
        .bind(topic)
        .fetch_one(&mut *on)
        .await?;
    // A registration reads the end and commits a moment later. This waits for those that are on
    // their way, and those that come after it read this end or a later one.
    sqlx::query("SELECT one FROM store WHERE one = 1 FOR UPDATE").fetch_one(&mut *on).await?;
    let least: Option<Offset> =
        sqlx::query_scalar("SELECT MIN(`position`) FROM subscriptions WHERE topic = ?")
            .bind(topic)
            .fetch_one(&mut *on)
            .await?;
    let up_to = least.map_or(end, |least| least.min(end));
    let rows = sqlx::query(
        "DELETE FROM messages WHERE topic = ? AND `offset` < ? ORDER BY `offset` LIMIT ?",
    );
    let done = rows.bind(topic).bind(up_to).bind(ROWS).execute(on).await?;
    Ok(if done.rows_affected() < ROWS { Step::UpTo(up_to) } else { Step::More })
}
