//! What was appended too long ago. The last message of a topic stays, for appends go behind it, and
//! so does what the checkpoint has yet to pass.
//!
//! There is no index by time, for each append would pay for it. A log is in the order of time, so it is
//! looked at from its start, every thousandth message, until one is young enough; and between that one
//! and the one before, one by one. Up to where messages go is written down first, in `topics`: from
//! then on they are deleted, whatever of them is there for a while yet, and a consumer that finds none
//! there knows that they are not lost.

use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::Offset;
use futures_util::future::BoxFuture;
use sqlx::MySqlConnection;
use tokio::time::Instant;

use super::step::{Deletion, Done, ROWS, Step, last, steps};
use crate::store::mysql::checkpoint;
use crate::store::mysql::connections::Lease;
use crate::store::mysql::database::{Database, column};
use crate::store::mysql::failure::Failure;
use crate::store::mysql::topics::Topics;

/// The most messages that a step looks at to find one that is young enough.
const LOOKS: u64 = 100;

/// Whether the message `m` is old.
macro_rules! is_old {
    () => {
        "m.appended < NOW() - INTERVAL ? SECOND"
    };
}

/// A look at all topics finds what has grown old since the last one, so it is of use every so much of
/// the age, and not more often or less often than this. So much longer than its age a message stays.
const PART: u32 = 32;
const LEAST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Deletes it of all topics, and from the memory of those that this broker knows, where it is time to
/// look.
pub(super) async fn delete(
    database: &Arc<Database>,
    topics: &Topics,
    age: Duration,
    done: &mut Done,
) -> Result<(), Failure> {
    let now = Instant::now();
    if done.old_again.is_some_and(|again| now < again) {
        return forget_deleted(database, topics).await;
    }
    if delete_some_of_all(database, topics, age).await? {
        done.old_again = Some(now + (age / PART).clamp(LEAST, LONGEST));
    }
    Ok(())
}

/// Gives up what another broker has deleted: that may be in memory here.
async fn forget_deleted(database: &Database, topics: &Topics) -> Result<(), Failure> {
    let kept = || sqlx::query("SELECT id, kept_from FROM topics WHERE kept_from > 0");
    for row in database.rows(database.deadline(), kept).await? {
        topics.delete_before(column(&row, 0)?, column(&row, 1)?);
    }
    Ok(())
}

/// Says whether nothing was due. What was done may not be all of a long log, and a broker that deletes
/// may be at another topic, or end.
async fn delete_some_of_all(
    database: &Arc<Database>,
    topics: &Topics,
    age: Duration,
) -> Result<bool, Failure> {
    // When a message was appended is kept to a second, rounded down.
    let seconds = age.as_secs() + u64::from(age.subsec_nanos() > 0) + 1;
    // A first look at all topics: whether the first message of several is old, or rows are left
    // of what is deleted.
    let rows = database.rows(database.deadline(), || {
        sqlx::query(concat!(
            "SELECT t.id, t.kept_from, CAST(COALESCE((SELECT m.`offset` < t.kept_from OR ",
            is_old!(),
            " FROM messages m WHERE m.topic = t.id AND m.`offset` < ",
            last!(),
            " ORDER BY m.`offset` LIMIT 1), 0) AS SIGNED) FROM topics t"
        ))
        .bind(seconds)
    });
    let rows = rows.await?;
    for row in &rows {
        topics.delete_before(column(row, 0)?, column(row, 1)?);
    }
    let mut is_done = true;
    for row in &rows {
        let (topic, is_due): (u32, i64) = (column(row, 0)?, column(row, 2)?);
        if is_due == 0 {
            continue;
        }
        is_done = false;
        match steps(database, Old { topic, seconds }).await? {
            Step::Busy => return Ok(false),
            // The next look tells from where on they are kept.
            Step::More => {}
            Step::UpTo(kept_from) => topics.delete_before(topic, kept_from),
        }
    }
    Ok(is_done)
}

/// What of a topic was appended more than so many seconds ago.
struct Old {
    topic: u32,
    seconds: u64,
}

impl Deletion for Old {
    fn some<'l>(
        &'l self,
        database: &'l Database,
        lease: &'l mut Lease<'_>,
    ) -> BoxFuture<'l, Result<Step, Failure>> {
        Box::pin(delete_some(database, lease, self.topic, self.seconds))
    }
}

async fn delete_some(
    database: &Database,
    lease: &mut Lease<'_>,
    topic: u32,
    seconds: u64,
) -> Result<Step, Failure> {
    let log = Log::find(lease.raw(), topic).await.map_err(|error| lease.failed(&error))?;
    let Some(log) = log else { return Ok(Step::UpTo(0)) };
    let kept_from = if log.first < log.kept_from {
        log.kept_from
    } else {
        let kept_from = log.young(lease.raw(), topic, seconds).await;
        let kept_from = kept_from.map_err(|error| lease.failed(&error))?;
        if kept_from == log.first {
            return Ok(Step::UpTo(log.kept_from));
        }
        if log.checkpoint < kept_from {
            checkpoint::renew(database, topic).await?;
        }
        kept_from
    };
    let step = delete_before(lease.raw(), topic, &log, kept_from).await;
    step.map_err(|error| lease.failed(&error))
}

/// A log as it is found.
struct Log {
    checkpoint: Offset,
    kept_from: Offset,
    /// Its first and its last message.
    first: Offset,
    last: Offset,
}

impl Log {
    /// None where the topic is deleted or has no messages.
    async fn find(on: &mut MySqlConnection, topic: u32) -> Result<Option<Self>, sqlx::Error> {
        let query = concat!(
            "SELECT t.checkpoint, t.kept_from, (SELECT m.`offset` FROM messages m
             WHERE m.topic = t.id ORDER BY m.`offset` LIMIT 1), ",
            last!(),
            " FROM topics t WHERE t.id = ?"
        );
        let found: Option<(Offset, Offset, Option<Offset>, Option<Offset>)> =
            sqlx::query_as(query).bind(topic).fetch_optional(on).await?;
        let log = |(checkpoint, kept_from, first, last): (_, _, Option<_>, Option<_>)| {
            Some(Self { checkpoint, kept_from, first: first?, last: last? })
        };
        Ok(found.and_then(log))
    }

    /// The first message that is not old, or the last one; of a long log one that others follow which
    /// may be old too, so that a step ends in time.
    async fn young(
        &self,
        on: &mut MySqlConnection,
        topic: u32,
        seconds: u64,
    ) -> Result<Offset, sqlx::Error> {
        let mut old = self.first;
        while old + ROWS < self.last {
            if old - self.first >= LOOKS * ROWS {
                return Ok(old);
            }
            let query = concat!(
                "SELECT CAST(",
                is_old!(),
                " AS SIGNED) FROM messages m WHERE m.topic = ? AND m.`offset` = ?"
            );
            let query = sqlx::query_scalar(query).bind(seconds).bind(topic).bind(old + ROWS);
            let is_old: Option<i64> = query.fetch_optional(&mut *on).await?;
            if is_old != Some(1) {
                break;
            }
            old += ROWS;
        }
        let end = self.last.min(old + ROWS);
        let query = concat!(
            "SELECT m.`offset` FROM messages m WHERE m.topic = ? AND m.`offset` >= ? \
             AND m.`offset` < ? AND NOT (",
            is_old!(),
            ") ORDER BY m.`offset` LIMIT 1"
        );
        let query = sqlx::query_scalar(query).bind(topic).bind(old).bind(end).bind(seconds);
        let young: Option<Offset> = query.fetch_optional(on).await?;
        Ok(young.unwrap_or(end))
    }
}

/// Writes down from where on messages are kept, if that moves, and deletes some of those before. Each
/// statement is a transaction of its own: the first one waits for the topic's appends, and holds up
/// others, no longer than its own commit takes.
async fn delete_before(
    on: &mut MySqlConnection,
    topic: u32,
    log: &Log,
    kept_from: Offset,
) -> Result<Step, sqlx::Error> {
    let written = if kept_from > log.kept_from {
        write(&mut *on, topic, kept_from).await?
    } else {
        log.kept_from
    };
    let rows = sqlx::query(
        "DELETE FROM messages WHERE topic = ? AND `offset` < ? ORDER BY `offset` LIMIT ?",
    );
    let done = rows.bind(topic).bind(written).bind(ROWS).execute(on).await?;
    Ok(if done.rows_affected() < ROWS { Step::UpTo(written) } else { Step::More })
}

/// Answers what is written then: the checkpoint may have been behind, or another node's step ahead.
async fn write(
    on: &mut MySqlConnection,
    topic: u32,
    kept_from: Offset,
) -> Result<Offset, sqlx::Error> {
    sqlx::query(
        "UPDATE topics SET kept_from = ? WHERE id = ? AND kept_from < ? AND checkpoint >= ?",
    )
    .bind(kept_from)
    .bind(topic)
    .bind(kept_from)
    .bind(kept_from)
    .execute(&mut *on)
    .await?;
    let written: Option<Offset> = sqlx::query_scalar("SELECT kept_from FROM topics WHERE id = ?")
        .bind(topic)
        .fetch_optional(on)
        .await?;
    Ok(written.unwrap_or(0))
}
