//! Deleting what every subscription is past, for `--retain lag`: in small transactions, so that
//! appends are not held up, and by one broker at a time. The last message of a topic stays, for
//! appends go behind it, and so does what the checkpoint has yet to pass.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::Offset;
use sqlx::{Executor, MySqlConnection};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::checkpoint;
use super::connections::Lease;
use super::database::{Database, column};
use super::failure::Failure;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(1);

/// The most rows that one transaction deletes.
const ROWS: u64 = 1000;

/// The offset of the last message of the topic `t`.
macro_rules! last {
    () => {
        "(SELECT m.`offset` FROM messages m WHERE m.topic = t.id ORDER BY m.`offset` DESC LIMIT 1)"
    };
}

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
pub(super) async fn delete_passed(database: &Arc<Database>) -> Result<(), Failure> {
    round(database, &mut BTreeMap::new()).await
}

async fn round(
    database: &Arc<Database>,
    deleted: &mut BTreeMap<u32, Offset>,
) -> Result<(), Failure> {
    // A first look at all topics, to leave those alone in which there is nothing to do.
    let rows = database.rows(database.deadline(), || {
        sqlx::query(concat!(
            "SELECT t.id, ",
            last!(),
            ", (SELECT MIN(s.`position`) FROM subscriptions s WHERE s.topic = t.id) FROM topics t"
        ))
    });
    for row in rows.await? {
        let topic: u32 = column(&row, 0)?;
        let (last, least): (Option<Offset>, Option<Offset>) = (column(&row, 1)?, column(&row, 2)?);
        let Some(last) = last else { continue };
        let up_to = least.map_or(last, |least| least.min(last));
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
async fn delete(database: &Arc<Database>, topic: u32) -> Result<Step, Failure> {
    database
        .read(database.deadline(), |lease| {
            let database = Arc::clone(database);
            Box::pin(async move { delete_locked(&database, lease, topic).await })
        })
        .await
}

async fn delete_locked(
    database: &Database,
    lease: &mut Lease<'_>,
    topic: u32,
) -> Result<Step, Failure> {
    let lock = "SELECT GET_LOCK(CONCAT('broker retain ', MD5(DATABASE())), 0)";
    let locked: Result<Option<i64>, _> = sqlx::query_scalar(lock).fetch_one(lease.raw()).await;
    if locked.map_err(|error| lease.failed(&error))? != Some(1) {
        return Ok(Step::Busy);
    }
    let step = delete_some(database, lease, topic).await;
    if lease.is_there() {
        let unlock = "DO RELEASE_LOCK(CONCAT('broker retain ', MD5(DATABASE())))";
        sqlx::query(unlock).execute(lease.raw()).await.map_err(|error| lease.failed(&error))?;
    }
    step
}

async fn delete_some(
    database: &Database,
    lease: &mut Lease<'_>,
    topic: u32,
) -> Result<Step, Failure> {
    let passed = passed(lease.raw(), topic).await;
    let Passed { checkpoint, up_to } = passed.map_err(|error| lease.failed(&error))?;
    if checkpoint < up_to {
        checkpoint::renew(database, topic).await?;
    }
    let step = delete_in_transaction(lease.raw(), topic).await;
    if step.is_err() {
        // What is still open; of a connection that is lost, nothing is.
        let _ = lease.raw().execute("ROLLBACK").await;
    }
    step.map_err(|error| lease.failed(&error))
}

/// A registration reads the end of a log and commits a moment later. It writes the row that this writes
/// first: this waits for one that is on its way, and one that comes later reads this end or a later
/// one. On another node of a cluster neither waits, and the one that commits later is rolled back.
async fn delete_in_transaction(on: &mut MySqlConnection, topic: u32) -> Result<Step, sqlx::Error> {
    on.execute("START TRANSACTION").await?;
    on.execute("UPDATE store SET deletions = deletions + 1 WHERE one = 1").await?;
    let Passed { checkpoint, up_to } = passed(&mut *on, topic).await?;
    let up_to = up_to.min(checkpoint);
    let rows = sqlx::query(
        "DELETE FROM messages WHERE topic = ? AND `offset` < ? ORDER BY `offset` LIMIT ?",
    );
    let done = rows.bind(topic).bind(up_to).bind(ROWS).execute(&mut *on).await?;
    on.execute("COMMIT").await?;
    Ok(if done.rows_affected() < ROWS { Step::UpTo(up_to) } else { Step::More })
}

/// What may go of a topic.
struct Passed {
    /// From here on nothing may.
    checkpoint: Offset,
    /// Every subscription is here or further, and so is the last message.
    up_to: Offset,
}

async fn passed(on: &mut MySqlConnection, topic: u32) -> Result<Passed, sqlx::Error> {
    let query = concat!("SELECT t.checkpoint, ", last!(), " FROM topics t WHERE t.id = ?");
    let (checkpoint, last): (Offset, Option<Offset>) =
        sqlx::query_as(query).bind(topic).fetch_one(&mut *on).await?;
    let least: Option<Offset> =
        sqlx::query_scalar("SELECT MIN(`position`) FROM subscriptions WHERE topic = ?")
            .bind(topic)
            .fetch_one(&mut *on)
            .await?;
    let last = last.unwrap_or(0);
    Ok(Passed { checkpoint, up_to: least.map_or(last, |least| least.min(last)) })
}
