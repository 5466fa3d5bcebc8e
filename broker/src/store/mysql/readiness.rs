//! Whether the store can serve now: what a consume and a produce need is tried, and leaves nothing
//! behind but a beat of this broker. Those who ask at once share a try.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::Executor;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::database::{Database, chance};
use super::failure::Failure;
use super::opener::Mode;
use super::transaction::Statement;

/// Whoever asks wants to know it soon, whatever time requests have. Longer than a statement waits for a
/// lock, so that the server can say that it is one.
const WITHIN: Duration = Duration::from_secs(2);

/// The tries of a store, at most one at a time.
#[derive(Debug, Default)]
pub(super) struct Readiness(Arc<Tries>);

#[derive(Debug, Default)]
struct Tries {
    /// How many were begun.
    begun: AtomicU64,
    /// The last that came to its end. It is locked while one is under way.
    last: Mutex<Option<Tried>>,
}

#[derive(Debug)]
struct Tried {
    /// Counted from 1.
    number: u64,
    found: Result<(), Failure>,
}

impl Readiness {
    /// Tries it, or waits for a try that began after this was asked: one that is under way may have
    /// seen what it saw before the trouble began, or ended. So all who ask during a try share the
    /// next one. A try is nobody's own: whose client goes away leaves it to the others, and to
    /// [`Health`](super::health::Health), which hears of each once.
    pub(super) async fn check(&self, database: &Arc<Database>) -> Result<(), Failure> {
        let before = self.0.begun.load(Ordering::Relaxed);
        let (tries, database) = (Arc::clone(&self.0), Arc::clone(database));
        let trying = tokio::spawn(async move { tries.after(before, &database).await });
        let broken = |_| Err(Failure::not_done("the broker failed while it tried the database"));
        trying.await.unwrap_or_else(broken)
    }
}

impl Tries {
    /// What a try found that is later than so many.
    async fn after(&self, before: u64, database: &Database) -> Result<(), Failure> {
        let mut last = self.last.lock().await;
        if let Some(tried) = last.as_ref().filter(|tried| tried.number > before) {
            return tried.found.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let found = check(database).await;
        database.connections.health.tried(&found);
        let found = found.map(drop);
        *last = Some(Tried { number, found: found.clone() });
        found
    }
}

/// Tries it. A server that only reads is of no use, nor is one whose tables are not there or locked.
async fn check(database: &Database) -> Result<u64, Failure> {
    let within = database.timeout.min(WITHIN);
    let until = Instant::now() + within;
    match try_all(database, within, until).await {
        // A new connection may lead elsewhere, as after a fail-over.
        Err(failure) if failure.is_lost() => try_all(database, within, until).await,
        done => done,
    }
}

/// Answers how often it was down when this began. What a look for a connection met is over by then.
async fn try_all(database: &Database, within: Duration, until: Instant) -> Result<u64, Failure> {
    let mut lease = database.connections.take(Mode::Single, until).await?;
    let losses = database.connections.health.losses();
    let mut tried = "a commit was tried";
    let trying = async {
        let on = lease.raw();
        database.durability_barrier().execute(&mut *on).await?;
        tried = "an append was tried";
        on.execute("START TRANSACTION").await?;
        append().execute(&mut *on).await?;
        on.execute("ROLLBACK").await
    };
    match timeout_at(until, trying).await {
        Ok(Ok(_)) => {
            lease.give_back();
            Ok(losses)
        }
        // Otherwise the connection is closed, and with it the transaction.
        Ok(Err(error)) => Err(lease.failed(&error).of_trying(tried)),
        Err(_) => {
            let seconds = within.as_secs_f64();
            Err(Failure::not_done(format!(
                "{tried}: the database did not answer within {seconds} s"
            )))
        }
    }
}

/// A message of a topic that there never is: ids count from 0. At another offset each time, so that
/// brokers that try at once do not wait for each other's row.
fn append() -> Statement<'static> {
    sqlx::query(
        "INSERT INTO messages (topic, `offset`, producer, sequence, first_sequence, payload)
         SELECT 4294967295, ?, 0, NULL, NULL, '' FROM (SELECT 1) one
         WHERE NOT EXISTS (SELECT 1 FROM topics WHERE id = 4294967295)",
    )
    .bind(chance())
}
