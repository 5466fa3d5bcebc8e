//! What every subscription is past. The last message of a topic stays, for appends go behind it, and
//! so does what the checkpoint has yet to pass.

use std::sync::Arc;

use broker_client::wire::Offset;
use futures_util::future::BoxFuture;
use sqlx::{Executor, MySqlConnection};

use super::step::{Deletion, Done, ROWS, Step, ended, last, steps};
use crate::store::mysql::checkpoint;
use crate::store::mysql::connections::Lease;
use crate::store::mysql::database::{Database, column};
use crate::store::mysql::failure::Failure;

/// Deletes it of all topics.
pub(super) async fn delete(database: &Arc<Database>, done: &mut Done) -> Result<(), Failure> {
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
        if done.up_to.get(&topic).copied().unwrap_or(0) < up_to {
            // It may be less than at the first look, and then the next round looks again.
            match steps(database, Of(topic)).await? {
                Step::Busy => return Ok(()),
                Step::More => {}
                Step::UpTo(up_to) => drop(done.up_to.insert(topic, up_to)),
            }
        }
    }
    Ok(())
}

/// Of this topic.
struct Of(u32);

impl Deletion for Of {
    fn some<'l>(
        &'l self,
        database: &'l Database,
        lease: &'l mut Lease<'_>,
    ) -> BoxFuture<'l, Result<Step, Failure>> {
        Box::pin(delete_some(database, lease, self.0))
    }
}

async fn delete_some(
    database: &Database,
    lease: &mut Lease<'_>,
    topic: u32,
) -> Result<Step, Failure> {
    let passed = passed(lease.raw(), topic).await;
    let Some(Passed { checkpoint, up_to }) = passed.map_err(|error| lease.failed(&error))? else {
        return Ok(Step::UpTo(0));
    };
    if checkpoint < up_to {
        checkpoint::renew(database, topic).await?;
    }
    let step = delete_in_transaction(lease.raw(), topic).await;
    ended(lease, step).await
}

/// A registration reads the end of a log and commits a moment later. It writes the row that this writes
/// first: this waits for one that is on its way, and one that comes later reads this end or a later
/// one. On another node of a cluster neither waits, and the one that commits later is rolled back.
async fn delete_in_transaction(on: &mut MySqlConnection, topic: u32) -> Result<Step, sqlx::Error> {
    on.execute("START TRANSACTION").await?;
    on.execute("UPDATE store SET deletions = deletions + 1 WHERE one = 1").await?;
    let Some(Passed { checkpoint, up_to }) = passed(&mut *on, topic).await? else {
        on.execute("ROLLBACK").await?;
        return Ok(Step::UpTo(0));
    };
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

/// None where the topic is deleted.
async fn passed(on: &mut MySqlConnection, topic: u32) -> Result<Option<Passed>, sqlx::Error> {
    let query = concat!("SELECT t.checkpoint, ", last!(), " FROM topics t WHERE t.id = ?");
    let found: Option<(Offset, Option<Offset>)> =
        sqlx::query_as(query).bind(topic).fetch_optional(&mut *on).await?;
    let Some((checkpoint, last)) = found else { return Ok(None) };
    let least: Option<Offset> =
        sqlx::query_scalar("SELECT MIN(`position`) FROM subscriptions WHERE topic = ?")
            .bind(topic)
            .fetch_one(&mut *on)
            .await?;
    let last = last.unwrap_or(0);
    let up_to = least.map_or(last, |least| least.min(last));
    Ok(Some(Passed { checkpoint, up_to }))
}
