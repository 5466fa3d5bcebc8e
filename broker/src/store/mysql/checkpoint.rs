//! Where a log ends, and its checkpoint: `producers` says what came before the checkpoint, and the
//! messages say what came after it. So an append writes nothing but messages until the checkpoint
//! is so far behind that reading from there would take long.
//!
//! Whoever moves a checkpoint holds the topic's row, and so does an append that is to be placed by
//! what it reads; an append that guesses shares it. So nothing moves under this lock.

use std::collections::BTreeMap;

use broker_client::wire::{Offset, ProducerId, Sequence};

use super::database::{Database, column};
use super::failure::Failure;
use super::group_commit::Attempt;
use super::statements::{Tail, Template, padded};
use super::transaction::Transaction;
use crate::store::dedup::{NumberedRequest, ProducerState};

/// The most messages behind a checkpoint. To read them takes the server about a millisecond.
pub(super) const MOST: u64 = 4096;

/// The most states of one statement, whose time grows with the square of it.
const ROWS: usize = 64;

/// The end of the log of the topic `t`. Not by `MAX`: in a sub-select MariaDB reads the whole log for
/// it, and by `GROUP BY` it does so where there are many topics.
macro_rules! log_end {
    () => {
        "CAST(GREATEST(t.checkpoint, COALESCE((SELECT m.`offset` + 1 FROM messages m \
         WHERE m.topic = t.id ORDER BY m.`offset` DESC LIMIT 1), 0)) AS UNSIGNED)"
    };
}
pub(super) use log_end;

/// Each `CASE` is bound in its turn, then the ids. A producer that was ended meanwhile stays away.
const STATES: Template = Template {
    head: "UPDATE producers SET next_sequence = CASE id ",
    row: "WHEN ? THEN ?",
    between: " ",
    tail: Tail::Rows(&Template {
        head: " END, last_first = CASE id ",
        row: "WHEN ? THEN ?",
        between: " ",
        tail: Tail::Rows(&Template {
            head: " END, last_offset = CASE id ",
            row: "WHEN ? THEN ?",
            between: " ",
            tail: Tail::Rows(&Template {
                head: " END WHERE id IN (",
                row: "?",
                between: ",",
                tail: Tail::Text(")"),
            }),
        }),
    }),
};

/// A log as it is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Log {
    /// Up to here `producers` knows what was sent.
    pub(super) checkpoint: Offset,
    /// The offset that the next message gets.
    pub(super) end: Offset,
}

impl Log {
    /// Whether the append that moves the end to `end` has to move the checkpoint too, which may be
    /// so far behind.
    pub(super) fn is_due(&self, end: Offset, within: u64) -> bool {
        end > self.checkpoint.saturating_add(within)
    }
}

/// Locks the log of a topic; none where the topic is deleted.
pub(super) async fn lock(
    transaction: &mut Transaction<'_>,
    topic: u32,
) -> Result<Option<Log>, Failure> {
    let row = sqlx::query("SELECT checkpoint FROM topics WHERE id = ? FOR UPDATE").bind(topic);
    let rows = transaction.rows(row).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let checkpoint: Offset = column(row, 0)?;
    // A statement of its own: this one sees what was committed while the other waited.
    let row = sqlx::query("SELECT MAX(`offset`) FROM messages WHERE topic = ?").bind(topic);
    let last: Option<Offset> = column(&transaction.row(row).await?, 0)?;
    Ok(Some(Log { checkpoint, end: last.map_or(0, |last| last + 1).max(checkpoint) }))
}

/// The states of those producers that have numbered messages from `start` on; the log is locked.
pub(super) async fn states_since(
    transaction: &mut Transaction<'_>,
    topic: u32,
    start: Offset,
) -> Result<BTreeMap<ProducerId, ProducerState>, Failure> {
    // The last numbered message of a producer says all.
    let query = sqlx::query(
        "SELECT m.producer, m.sequence, m.first_sequence, m.`offset` FROM messages m
         JOIN (SELECT MAX(`offset`) AS last FROM messages
               WHERE topic = ? AND `offset` >= ? AND sequence IS NOT NULL GROUP BY producer) l
         ON m.topic = ? AND m.`offset` = l.last",
    );
    let query = query.bind(topic).bind(start).bind(topic);
    let mut states = BTreeMap::new();
    for row in transaction.rows(query).await? {
        let (sequence, first): (Sequence, Sequence) = (column(&row, 1)?, column(&row, 2)?);
        let offset = column::<Offset>(&row, 3)? - (sequence - first);
        let last = Some(NumberedRequest { first, offset });
        states.insert(producer(column(&row, 0)?), ProducerState { next: sequence + 1, last });
    }
    Ok(states)
}

/// Moves the checkpoint of a log that is locked, given the states there of all producers that have
/// numbered messages since the last one.
pub(super) async fn move_to(
    transaction: &mut Transaction<'_>,
    topic: u32,
    checkpoint: Offset,
    states: &BTreeMap<ProducerId, ProducerState>,
) -> Result<(), Failure> {
    let states: Vec<_> = states.iter().collect();
    for part in states.chunks(ROWS) {
        // A row that is there twice does no harm, and a number of rows that is new would.
        let last = *part.last().expect("no chunk is empty");
        let rows = padded(part.len());
        let repeated = std::iter::repeat_n(last, rows - part.len());
        let all: Vec<_> = part.iter().copied().chain(repeated).collect();
        let mut statement = STATES.statement(rows);
        for (id, state) in &all {
            statement = statement.bind(**id).bind(state.next);
        }
        for (id, state) in &all {
            statement = statement.bind(**id).bind(state.last.map(|last| last.first));
        }
        for (id, state) in &all {
            statement = statement.bind(**id).bind(state.last.map(|last| last.offset));
        }
        let statement = all.iter().fold(statement, |statement, (id, _)| statement.bind(**id));
        transaction.execute(statement).await?;
    }
    let statement = sqlx::query("UPDATE topics SET checkpoint = ? WHERE id = ?");
    transaction.execute(statement.bind(checkpoint).bind(topic)).await?;
    Ok(())
}

/// Moves the checkpoint of a topic to the end of its log, in a transaction of its own.
pub(super) async fn renew(database: &Database, topic: u32) -> Result<(), Failure> {
    let attempt = Attempt::new(database.deadline());
    let renewing = async {
        let mut transaction = Transaction::begin(&database.connections, &attempt).await?;
        let renewed = renew_within(&mut transaction, topic).await;
        transaction.end(renewed).await
    };
    let renewed = tokio::time::timeout_at(attempt.until, renewing).await;
    renewed.unwrap_or_else(|_| Err(attempt.timed_out()))
}

async fn renew_within(transaction: &mut Transaction<'_>, topic: u32) -> Result<(), Failure> {
    let Some(log) = lock(transaction, topic).await? else { return Ok(()) };
    let states = states_since(transaction, topic, log.checkpoint).await?;
    move_to(transaction, topic, log.end, &states).await
}

/// The id of a producer, as the database keeps it.
pub(super) fn producer(id: u64) -> ProducerId {
    ProducerId::try_from(id).expect("ids are counted from 0")
}
