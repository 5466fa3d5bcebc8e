//! Appends to one topic. Most of them are one statement, which inserts the messages where the log is
//! believed to end; where that is not known or turns out wrong, a transaction locks the log and looks.

mod known;
mod place;
#[cfg(test)]
mod stress;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use broker_client::wire::{Offset, ProducerId};

pub(super) use self::write::GUARDED;

use self::known::Known;
use self::place::{Placed, Placement};
use super::batch::Batch;
use super::checkpoint;
use super::counts::WorkCounts;
use super::database::Database;
use super::failure::Failure;
use super::group_commit::{Attempt, Work};
use super::health::Health;
use super::statements::Template;
use super::tail_cache::{Origin, TailCache};
use super::transaction::Transaction;
use crate::store::Error;
use crate::store::locks::lock;
use crate::store::messages::Rendered;
use crate::store::segment::as_offset;
use crate::store::traffic::TopicCounts;

/// The most messages and bytes that requests may share a transaction with. A single request may
/// have more.
const ROWS: usize = 8192;
const BYTES: usize = 4 << 20;

/// Appends to one topic.
#[derive(Debug)]
pub(super) struct Appender {
    database: Arc<Database>,
    topic: u32,
    tail: Arc<TailCache>,
    topic_counts: Arc<TopicCounts>,
    known: Mutex<Known>,
    /// The statement of a guess, and how far the checkpoint may be behind. Always the same, but in
    /// the tests that plant broken ones.
    guarded: Template,
    checkpoint_within: u64,
}

impl Work for Appender {
    type Request = Batch;
    type Reply = Offset;

    fn counts(&self) -> &WorkCounts {
        &self.database.counts.appends
    }

    fn health(&self) -> &Health {
        &self.database.connections.health
    }

    fn joins(&self, group: &[Batch], next: &Batch) -> bool {
        let rows = group.iter().map(|batch| batch.payloads.len()).sum::<usize>();
        let bytes = group.iter().map(|batch| batch.payloads.bytes()).sum::<usize>();
        rows + next.payloads.len() <= ROWS && bytes + next.payloads.bytes() <= BYTES
    }

    async fn carry_out(
        &self,
        group: &[Batch],
        attempt: &Attempt,
    ) -> Result<Vec<Result<Offset, Error>>, Failure> {
        let Ok(_permit) = self.database.appends.acquire().await else {
            unreachable!("the semaphore is never closed");
        };
        match self.append_where_guessed(group, attempt).await? {
            Some(answers) => Ok(answers),
            None => self.append_under_lock(group, attempt).await,
        }
    }
}

impl Appender {
    pub(super) fn new(
        database: Arc<Database>,
        topic: u32,
        tail: Arc<TailCache>,
        topic_counts: Arc<TopicCounts>,
    ) -> Self {
        let (guarded, checkpoint_within) = (GUARDED, checkpoint::MOST);
        let known = Mutex::default();
        Self { database, topic, tail, topic_counts, known, guarded, checkpoint_within }
    }

    /// Appends a group where it goes if nobody else has appended; none where that is not known or
    /// not so, and then nothing has happened.
    async fn append_where_guessed(
        &self,
        group: &[Batch],
        attempt: &Attempt,
    ) -> Result<Option<Vec<Result<Offset, Error>>>, Failure> {
        if !self.database.takes_guesses() || !attempt.outlasts_a_lock() {
            return Ok(None);
        }
        let Some(guess) = self.known_now().guess(group, self.checkpoint_within) else {
            return Ok(None);
        };
        let writing =
            write::guessed(&self.database, attempt, (self.guarded, self.topic), group, &guess);
        // Rendered while the database works.
        let (written, block) = tokio::join!(biased; writing, async { guess.placed.render(group) });
        if !written? {
            return Ok(None);
        }
        self.known().appended(&guess.placed);
        self.publish(&guess.placed, block);
        Ok(Some(guess.placed.answers))
    }

    /// Locks the log, reads what is not known of it, and places a group by that.
    async fn append_under_lock(
        &self,
        group: &[Batch],
        attempt: &Attempt,
    ) -> Result<Vec<Result<Offset, Error>>, Failure> {
        let mut transaction = Transaction::begin(&self.database.connections, attempt).await?;
        let done = self.append_within(&mut transaction, group).await;
        let (placed, renews) = match done {
            Ok(Some(done)) => done,
            Ok(None) => {
                transaction.roll_back().await;
                self.tail.delete();
                let unknown = |batch: &Batch| Err(Error::UnknownProducer(batch.producer));
                return Ok(group.iter().map(unknown).collect());
            }
            Err(failure) => {
                transaction.roll_back().await;
                return Err(failure.under_lock());
            }
        };
        let (committed, block) =
            tokio::join!(biased; transaction.commit(), async { placed.render(group) });
        committed?;
        let mut known = self.known();
        known.appended(&placed);
        if renews {
            known.checkpoint_moved();
        }
        drop(known);
        if placed.rows > 0 {
            self.publish(&placed, block);
        }
        Ok(placed.answers)
    }

    /// Lets consumers have what is committed.
    fn publish(&self, placed: &Placed, block: Rendered) {
        self.tail.add(placed.first, block, Origin::Appended);
        self.topic_counts.appended(as_offset(placed.rows), as_offset(placed.bytes));
    }

    /// Answers too whether the checkpoint moves to the end; none where the topic is deleted.
    async fn append_within(
        &self,
        transaction: &mut Transaction<'_>,
        group: &[Batch],
    ) -> Result<Option<(Placed, bool)>, Failure> {
        let locked = checkpoint::lock(transaction, self.topic).await?;
        let Some(log) = locked else { return Ok(None) };
        let start = self.known_now().start(log);
        let changed = if start < log.end {
            checkpoint::states_since(transaction, self.topic, start).await?
        } else {
            BTreeMap::new()
        };
        let missing = self.known().missing(group, &changed);
        let others = write::read_states(transaction, missing).await?;
        let placed = {
            let mut known = self.known();
            known.learn(log, changed, others);
            known.place(group, log)
        };
        let renews = placed.rows > 0 && log.is_due(placed.end(), self.checkpoint_within);
        if placed.rows > 0 {
            let messages: Vec<Placement<'_>> = placed.messages(group).collect();
            write::insert(transaction, &self.database, self.topic, &messages).await?;
        } else if placed.repeats {
            // What is answered for again may be another broker's commit that is not on disk yet.
            transaction.execute(self.database.durability_barrier()).await?;
        }
        if renews {
            let states = self.known().states_after(&placed);
            checkpoint::move_to(transaction, self.topic, placed.end(), &states).await?;
        }
        Ok(Some((placed, renews)))
    }

    /// What is known. Nothing else changes it while a group is carried out, but for the list of those
    /// to forget.
    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    /// Need not remember a producer any more.
    pub(super) fn forget_producer(&self, id: ProducerId) {
        self.known().forgets(id);
    }

    /// What is known, but for what a lost connection has made doubtful.
    fn known_now(&self) -> MutexGuard<'_, Known> {
        let mut known = self.known();
        known.forget_if_lost(self.database.connections.losses());
        known.forget_ended();
        known
    }
}
