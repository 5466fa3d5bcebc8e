//! Ends subscriptions in the database: one by request, or those that nobody polls.

use std::collections::BTreeSet;
use std::sync::Arc;

use broker_client::wire::ConsumerId;
use tokio::time::{Duration, Instant, sleep};

use super::by_id::{LIMIT, bound, find, write};
use super::database::Database;
use super::failure::Failure;
use super::group_commit::Attempt;
use super::positions::now;
use super::statements::{Tail, Template};
use super::transaction::Transaction;
use crate::store::Error;

/// Before a transaction that failed for a passing reason is tried again.
const AGAIN: Duration = Duration::from_millis(10);

const END: Template = Template {
    head: "DELETE FROM subscriptions WHERE consumer IN (",
    row: "?",
    between: ",",
    tail: Tail::Text(concat!(") AND polled + ? <= ", now!())),
};

const FIND: Template = Template {
    head: "SELECT consumer FROM subscriptions WHERE consumer IN (",
    row: "?",
    between: ",",
    tail: Tail::Text(")"),
};

/// Ends a subscription, and answers whether there was one.
pub(super) async fn end(
    database: &Database,
    consumer: ConsumerId,
    until: Instant,
) -> Result<bool, Error> {
    let attempt = Attempt::new(until);
    let ending = async {
        loop {
            match end_once(database, consumer, &attempt).await {
                Err(failure) if failure.is_passing() => sleep(AGAIN).await,
                done => return done,
            }
        }
    };
    let ended = tokio::time::timeout_at(until, ending).await;
    ended.unwrap_or_else(|_| Err(attempt.timed_out())).map_err(Failure::into_error)
}

async fn end_once(
    database: &Database,
    consumer: ConsumerId,
    attempt: &Attempt,
) -> Result<bool, Failure> {
    let mut transaction = Transaction::begin(&database.connections, attempt).await?;
    let ended = end_within(&mut transaction, consumer).await;
    transaction.end(ended).await
}

async fn end_within(
    transaction: &mut Transaction<'_>,
    consumer: ConsumerId,
) -> Result<bool, Failure> {
    let query = sqlx::query("SELECT consumer FROM subscriptions WHERE consumer = ? FOR UPDATE");
    let is_there = !transaction.rows(query.bind(consumer)).await?.is_empty();
    if is_there {
        let delete = sqlx::query("DELETE FROM subscriptions WHERE consumer = ?").bind(consumer);
        transaction.execute(delete).await?;
    }
    Ok(is_there)
}

/// Ends some of those without a poll for so many milliseconds, and answers which; none when there are
/// no more. A transaction over all of them might never come to its end in time.
pub(super) async fn end_some_idle(
    database: &Arc<Database>,
    idle: u64,
) -> Result<BTreeSet<ConsumerId>, Failure> {
    // A poll is noted to a second: one that is on the edge is left alone.
    let idle = idle.saturating_add(idle.min(1000));
    // A look without locks, for it goes over the whole table.
    let look = || {
        let text = concat!(
            "SELECT consumer FROM subscriptions WHERE polled + ? <= ",
            now!(),
            " ORDER BY consumer LIMIT ?"
        );
        sqlx::query(text).bind(idle).bind(LIMIT)
    };
    let found = find(database, look).await?;
    let part: Vec<_> = found.iter().copied().collect();
    if part.is_empty() {
        return Ok(found);
    }
    write(database, || bound(END, &part).bind(idle)).await?;
    // Some may have been polled since they were looked for.
    let left = find(database, || bound(FIND, &part)).await?;
    Ok(&found - &left)
}
