//! Ends subscriptions in the database, by request or because nobody polls them: all of a call in
//! one transaction.

use std::time::Duration;

use broker_client::wire::ConsumerId;
use tokio::time::{Instant, sleep};

use super::database::{Database, column};
use super::failure::Failure;
use super::group_commit::Attempt;
use super::positions::now;
use super::transaction::Transaction;
use crate::store::Error;

/// Before a transaction that failed for a passing reason is tried again.
const AGAIN: Duration = Duration::from_millis(10);

/// Which subscriptions are to end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    One(ConsumerId),
    /// Those without a poll for so many milliseconds.
    Idle(u64),
}

/// Ends subscriptions, and answers of which consumers they were.
pub(super) async fn end(
    database: &Database,
    which: Ending,
    until: Instant,
) -> Result<Vec<ConsumerId>, Error> {
    let attempt = Attempt::new(until);
    let ending = async {
        loop {
            match end_once(database, which, &attempt).await {
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
    which: Ending,
    attempt: &Attempt,
) -> Result<Vec<ConsumerId>, Failure> {
    let mut transaction = Transaction::begin(&database.connections, attempt).await?;
    let ended = end_within(&mut transaction, which).await;
    transaction.end(ended).await
}

async fn end_within(
    transaction: &mut Transaction<'_>,
    which: Ending,
) -> Result<Vec<ConsumerId>, Failure> {
    let query = match which {
        Ending::One(consumer) => {
            sqlx::query("SELECT consumer FROM subscriptions WHERE consumer = ? FOR UPDATE")
                .bind(consumer)
        }
        // A poll is noted to a second: one that is on the edge is left alone.
        Ending::Idle(idle) => sqlx::query(concat!(
            "SELECT consumer FROM subscriptions WHERE polled + ? <= ",
            now!(),
            " FOR UPDATE"
        ))
        .bind(idle.saturating_add(idle.min(1000))),
    };
    let mut ended = Vec::new();
    for row in transaction.rows(query).await? {
        let consumer = column::<u64>(&row, 0)?;
        let consumer = ConsumerId::try_from(consumer).expect("ids are counted from 0");
        let delete = sqlx::query("DELETE FROM subscriptions WHERE consumer = ?").bind(consumer);
        transaction.execute(delete).await?;
        ended.push(consumer);
    }
    Ok(ended)
}
