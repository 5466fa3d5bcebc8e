//! Deleting what every subscription is past, for `--retain lag`: in small transactions, so that
//! appends are not held up, and by one broker at a time.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use broker_client::wire::Offset;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::MysqlStore;
use super::connections::Lease;
use super::database::column;
use super::failure::Failure;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(1);

/// The most rows that one transaction deletes.
const ROWS: u64 = 1000;

/// Deletes for as long as the store lives.
pub(super) async fn keep(store: Weak<MysqlStore>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // By topic, up to where nothing is left. Another broker's work is found out by trying.
    let mut deleted: BTreeMap<u32, Offset> = BTreeMap::new();
    loop {
        ticks.tick().await;
        let Some(store) = store.upgrade() else { return };
        if let Err(failure) = round(&store, &mut deleted).await {
            warn!(why = %failure, "what every subscription is past could not be deleted");
        }
    }
}

async fn round(store: &MysqlStore, deleted: &mut BTreeMap<u32, Offset>) -> Result<(), Failure> {
    let database = &store.database;
    let rows = database.rows(database.deadline(), || {
        // The end first: a subscription made in between starts at it or after.
        sqlx::query("SELECT id, next_offset FROM topics")
    });
    for row in rows.await? {
        let (topic, end): (u32, Offset) = (column(&row, 0)?, column(&row, 1)?);
        if deleted.get(&topic).is_some_and(|&up_to| up_to == end) {
            continue;
        }
        let least = database.rows(database.deadline(), || {
            sqlx::query("SELECT MIN(`position`) FROM subscriptions WHERE topic = ?").bind(topic)
        });
        let least: Option<Offset> = match least.await?.first() {
            Some(row) => column(row, 0)?,
            None => None,
        };
        let up_to = least.map_or(end, |least| least.min(end));
        while deleted.get(&topic).copied().unwrap_or(0) < up_to {
            // Another broker is at it.
            let Some(all) = delete(store, topic, up_to).await? else { return Ok(()) };
            if all {
                deleted.insert(topic, up_to);
            }
        }
    }
    Ok(())
}

/// Deletes some of what is before `up_to`, and says whether that was the last of it; `None` where
/// another broker is deleting.
async fn delete(store: &MysqlStore, topic: u32, up_to: Offset) -> Result<Option<bool>, Failure> {
    let database = &store.database;
    database.read(database.deadline(), |lease| Box::pin(delete_locked(lease, topic, up_to))).await
}

async fn delete_locked(
    lease: &mut Lease<'_>,
    topic: u32,
    up_to: Offset,
) -> Result<Option<bool>, Failure> {
    let lock = "SELECT GET_LOCK(CONCAT('broker retain ', MD5(DATABASE())), 0)";
    let locked: Result<Option<i64>, _> = sqlx::query_scalar(lock).fetch_one(lease.raw()).await;
    if locked.map_err(|error| lease.failed(&error))? != Some(1) {
        return Ok(None);
    }
    let rows = delete_rows(lease, topic, up_to).await;
    let unlock = "DO RELEASE_LOCK(CONCAT('broker retain ', MD5(DATABASE())))";
    sqlx::query(unlock).execute(lease.raw()).await.map_err(|error| lease.failed(&error))?;
    Ok(Some(rows? < ROWS))
}

async fn delete_rows(lease: &mut Lease<'_>, topic: u32, up_to: Offset) -> Result<u64, Failure> {
    let statement = sqlx::query(
        "DELETE FROM messages WHERE topic = ? AND `offset` < ? ORDER BY `offset` LIMIT ?",
    );
    let done = statement.bind(topic).bind(up_to).bind(ROWS).execute(lease.raw()).await;
    done.map(|done| done.rows_affected()).map_err(|error| lease.failed(&error))
}
