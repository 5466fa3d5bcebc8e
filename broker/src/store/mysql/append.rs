//! Appends to one topic: a group of them is one transaction, in which the database allots the
//! offsets, takes the messages and advances the producers' sequences.

mod place;
mod write;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use broker_client::wire::{Offset, ProducerId};

use self::place::{Placed, place};
use super::batch::Batch;
use super::database::Database;
use super::failure::Failure;
use super::group_commit::{Attempt, Work};
use super::tail_cache::{Origin, TailCache};
use super::transaction::Transaction;
use crate::store::Error;
use crate::store::dedup::ProducerState;
use crate::store::locks::lock;

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
    known: Mutex<Known>,
}

/// What the appender remembers of the topic as it left it. Another broker may have appended since,
/// so it is only a guess, and the transaction finds out: sequences advance together with the end
/// of the log, so where the end is as expected, they are too.
#[derive(Debug, Default)]
struct Known {
    /// How many connections had been lost when it was known.
    losses: u64,
    /// The end of the log, where it is known.
    next: Option<Offset>,
    /// The states of some producers as they are while the log ends at `states_end`.
    states: BTreeMap<ProducerId, ProducerState>,
    states_end: Offset,
    /// Whether the last guess was wrong: then guessing again only costs time.
    is_shared: bool,
}

impl Work for Appender {
    type Request = Batch;
    type Reply = Offset;

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
        let guess = self.guess(group);
        // Until it has gone well, nothing is known.
        self.known().next = None;
        let Ok(_permit) = self.database.appends.acquire().await else {
            unreachable!("the semaphore is never closed");
        };
        let mut transaction = Transaction::begin(&self.database.connections, attempt).await?;
        let placed = match self.append(&mut transaction, group, guess).await {
            Ok(placed) => placed,
            Err(failure) => {
                transaction.roll_back().await;
                return Err(failure);
            }
        };
        // Rendered while the database works.
        let (committed, block) =
            tokio::join!(biased; transaction.commit(), async { placed.render(group) });
        committed?;
        self.remember(&placed);
        if placed.rows > 0 {
            self.tail.add(placed.first, block, Origin::Appended);
        }
        Ok(placed.answers)
    }
}

impl Appender {
    pub(super) fn new(database: Arc<Database>, topic: u32, tail: Arc<TailCache>) -> Self {
        Self { database, topic, tail, known: Mutex::default() }
    }

    /// Where the group would go if no other broker has appended; `None` where that is not known, and
    /// where an answer would be anything but an offset of its own, for that is not to be guessed.
    fn guess(&self, group: &[Batch]) -> Option<Placed> {
        let mut known = self.known();
        let losses = self.database.connections.losses();
        if known.losses != losses {
            *known = Known { losses, ..Known::default() };
        }
        let numbered = group.iter().filter(|batch| batch.sequence.is_some());
        let all_known =
            numbered.map(|batch| batch.producer).all(|id| known.states.contains_key(&id));
        let next = known.next.filter(|_| all_known && !known.is_shared)?;
        let placed = place(group, next, &known.states);
        placed.is_plain.then_some(placed)
    }

    async fn append(
        &self,
        transaction: &mut Transaction<'_>,
        group: &[Batch],
        guess: Option<Placed>,
    ) -> Result<Placed, Failure> {
        if let Some(placed) = guess {
            if write::advance_from(transaction, self.topic, &placed).await? {
                write::messages(transaction, &self.database, self.topic, group, &placed).await?;
                write::states(transaction, self.topic, &placed).await?;
                return Ok(placed);
            }
            self.known().is_shared = true;
        }
        let next = write::lock_end(transaction, self.topic).await?;
        let states = write::read_states(transaction, group).await?;
        self.note_end(next);
        let placed = place(group, next, &states);
        if placed.rows > 0 {
            write::advance(transaction, self.topic, &placed).await?;
            write::messages(transaction, &self.database, self.topic, group, &placed).await?;
            write::states(transaction, self.topic, &placed).await?;
        } else if placed.repeats {
            // What is answered for again may be another broker's commit that is not on disk yet.
            transaction.execute(self.database.durability_barrier()).await?;
        }
        Ok(placed)
    }

    /// Notes whether others append too: where the end is as this broker left it, they do not.
    fn note_end(&self, next: Offset) {
        let durable_end = self.tail.durable_end();
        let mut known = self.known();
        known.is_shared = durable_end != next;
        if known.states_end != next {
            // What others appended may be of producers that are known here, and not in this group.
            known.states.clear();
            known.states_end = next;
        }
    }

    fn remember(&self, placed: &Placed) {
        let mut known = self.known();
        known.next = Some(placed.end());
        known.states_end = placed.end();
        known.states.extend(placed.states.iter().map(|(&id, &state)| (id, state)));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}
