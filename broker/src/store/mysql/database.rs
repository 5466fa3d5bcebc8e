//! What all parts of the store share: the connections, the life of the store, and the durability
//! barrier, which proves that what was read is on disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::Row;
use sqlx::mysql::MySqlRow;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::connections::{Connections, Lease};
use super::counts::Counts;
use super::failure::Failure;
use super::group_commit::{LONGEST_PAUSE, PAUSE};
use super::opener::Mode;
use super::transaction::Statement;
use crate::store::Epoch;

/// The database as the parts of the store see it.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connections: Connections,
    pub(super) counts: Counts,
    /// Its life.
    pub(super) epoch: Epoch,
    /// This broker's row in the table `heartbeats`, which its durability barriers write.
    broker: u64,
    /// How long a request may take.
    pub(super) timeout: Duration,
    /// Appends may wait for the locks of other brokers, and must not take every connection.
    pub(super) appends: Semaphore,
    /// The most bytes of one statement's parameters.
    pub(super) statement_bytes: usize,
    /// Whether the server takes the statement of an append that guesses where the log ends.
    takes_guesses: AtomicBool,
}

impl Database {
    pub(super) fn new(
        connections: Connections,
        epoch: Epoch,
        timeout: Duration,
        packet: usize,
    ) -> Self {
        let broker = chance();
        // Half a packet leaves room for what is beside the payloads.
        let statement_bytes = (packet / 2).min(4 << 20);
        let appends = Semaphore::new(connections.most().saturating_sub(3).max(1));
        let takes_guesses = AtomicBool::new(true);
        Self {
            connections,
            counts: Counts::default(),
            epoch,
            broker,
            timeout,
            appends,
            statement_bytes,
            takes_guesses,
        }
    }

    /// Whether the server takes the statement of an append that guesses, as far as is known.
    pub(super) fn takes_guesses(&self) -> bool {
        self.takes_guesses.load(Ordering::Relaxed)
    }

    /// Notes that it does not: MySQL allows no sub-select from the table that is written.
    pub(super) fn refuses_guesses(&self) {
        self.takes_guesses.store(false, Ordering::Relaxed);
    }

    /// When a request that comes now is to be answered.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// A statement whose commit proves that what was read before is on disk: the redo log is flushed
    /// in order.
    pub(super) fn durability_barrier(&self) -> Statement<'static> {
        sqlx::query(
            "INSERT INTO heartbeats (broker, beats, beaten) VALUES (?, 1, UNIX_TIMESTAMP())
             ON DUPLICATE KEY UPDATE beats = beats + 1, beaten = UNIX_TIMESTAMP()",
        )
        .bind(self.broker)
    }

    /// Executes statements that are each a transaction of its own on one connection, again on
    /// another where the connection turns out to be lost.
    pub(super) async fn read<T>(
        &self,
        until: Instant,
        mut work: impl for<'l> FnMut(&'l mut Lease<'_>) -> BoxFuture<'l, Result<T, Failure>> + Send,
    ) -> Result<T, Failure> {
        let working = async {
            let mut pause = Duration::ZERO;
            loop {
                let mut lease = self.connections.take(Mode::Single, until).await?;
                match work(&mut lease).await {
                    Ok(value) => {
                        lease.give_back();
                        return Ok(value);
                    }
                    Err(failure) => {
                        let again = failure.is_passing() && Instant::now() < until;
                        if !failure.is_lost() {
                            lease.give_back();
                        }
                        if !again {
                            return Err(failure);
                        }
                        sleep(pause).await;
                        pause = LONGEST_PAUSE.min(pause * 2 + PAUSE);
                    }
                }
            }
        };
        let late = |_| Err(Failure::not_done("the database does not answer in time"));
        let read = tokio::time::timeout_at(until, working).await.unwrap_or_else(late);
        read.inspect_err(|failure| self.connections.health.failed(failure))
    }

    /// Proves that what was read before is on disk.
    pub(super) async fn prove(&self, until: Instant) -> Result<(), Failure> {
        self.read(until, |lease| {
            let barrier = self.durability_barrier();
            Box::pin(async move {
                let proved = barrier.execute(lease.raw()).await;
                proved.map(drop).map_err(|error| lease.failed(&error))
            })
        })
        .await
    }

    /// The rows of one query.
    pub(super) async fn rows(
        &self,
        until: Instant,
        query: impl Fn() -> Statement<'static> + Send + Sync,
    ) -> Result<Vec<MySqlRow>, Failure> {
        self.read(until, |lease| {
            let query = query();
            Box::pin(async move {
                let rows = query.fetch_all(lease.raw()).await;
                rows.map_err(|error| lease.failed(&error))
            })
        })
        .await
    }
}

/// A number that nobody else has.
pub(super) fn chance() -> u64 {
    let number = u64::from_str_radix(Epoch::random().as_str(), 16);
    number.expect("a random epoch is a hexadecimal number of 64 bits")
}

/// A column of a row that this store's own statement selected.
pub(super) fn column<'r, T>(row: &'r MySqlRow, index: usize) -> Result<T, Failure>
where
    T: sqlx::Decode<'r, sqlx::MySql> + sqlx::Type<sqlx::MySql>,
{
    row.try_get(index).map_err(|error| Failure::executing(&error))
}
