//! The statements of an append.

use std::collections::BTreeMap;

use broker_client::wire::{Offset, ProducerId};

use super::place::{Placed, Placement};
use crate::store::dedup::{NumberedRequest, ProducerState};
use crate::store::mysql::batch::Batch;
use crate::store::mysql::database::{Database, column};
use crate::store::mysql::failure::Failure;
use crate::store::mysql::statements::{Tail, Template, at_most, padded};
use crate::store::mysql::transaction::{Statement, Transaction};

/// The most rows of one statement. Each number of rows is a statement of its own, which the server
/// keeps for each connection, and it takes some 2 KiB a row there.
const ROWS: usize = 1024;

const MESSAGES: Template = Template {
    head: "INSERT INTO messages (topic, `offset`, producer, sequence, payload) VALUES ",
    row: "(?,?,?,?,?)",
    between: ",",
    tail: Tail::Text(""),
};

/// The rows are there; `UPDATE` has no form that gives several rows a value each.
const STATES: Template = Template {
    head: "INSERT INTO producers (id, topic, next_sequence, last_first, last_offset) VALUES ",
    row: "(?,?,?,?,?)",
    between: ",",
    tail: Tail::Text(
        " ON DUPLICATE KEY UPDATE next_sequence = VALUES(next_sequence), \
         last_first = VALUES(last_first), last_offset = VALUES(last_offset)",
    ),
};

const READ_STATES: Template = Template {
    head: "SELECT id, next_sequence, last_first, last_offset FROM producers WHERE id IN (",
    row: "?",
    between: ",",
    tail: Tail::Text(")"),
};

/// Moves the end of the log if it is where the group expects it, and says whether it was.
pub(super) async fn advance_from(
    transaction: &mut Transaction<'_>,
    topic: u32,
    placed: &Placed,
) -> Result<bool, Failure> {
    let statement =
        sqlx::query("UPDATE topics SET next_offset = ? WHERE id = ? AND next_offset = ?")
            .bind(placed.end())
            .bind(topic)
            .bind(placed.first);
    Ok(transaction.execute(statement).await? == 1)
}

/// Locks the end of the log and answers where it is.
pub(super) async fn lock_end(
    transaction: &mut Transaction<'_>,
    topic: u32,
) -> Result<Offset, Failure> {
    let query = sqlx::query("SELECT next_offset FROM topics WHERE id = ? FOR UPDATE").bind(topic);
    column(&transaction.row(query).await?, 0)
}

/// Moves the end of a log that is locked.
pub(super) async fn advance(
    transaction: &mut Transaction<'_>,
    topic: u32,
    placed: &Placed,
) -> Result<(), Failure> {
    let statement = sqlx::query("UPDATE topics SET next_offset = ? WHERE id = ?")
        .bind(placed.end())
        .bind(topic);
    transaction.execute(statement).await?;
    Ok(())
}

/// Inserts the new messages.
pub(super) async fn messages(
    transaction: &mut Transaction<'_>,
    database: &Database,
    topic: u32,
    group: &[Batch],
    placed: &Placed,
) -> Result<(), Failure> {
    let messages: Vec<Placement<'_>> = placed.messages(group).collect();
    let mut rest = &messages[..];
    while !rest.is_empty() {
        let (part, others) = rest.split_at(at_most(fitting(rest, database.statement_bytes)));
        rest = others;
        let mut statement = MESSAGES.statement(part.len());
        for message in part {
            statement = statement
                .bind(topic)
                .bind(message.offset)
                .bind(message.producer)
                .bind(message.sequence)
                .bind(message.payload);
        }
        transaction.execute(statement).await?;
    }
    Ok(())
}

/// How many messages one statement takes; at least one.
fn fitting(messages: &[Placement<'_>], bytes: usize) -> usize {
    let mut left = bytes;
    let fits = |message: &&Placement<'_>| {
        let fits = left.checked_sub(message.payload.len() + size_of::<Placement<'_>>());
        left = fits.unwrap_or(0);
        fits.is_some()
    };
    messages.iter().take(ROWS).take_while(fits).count().max(1)
}

/// Stores the states that the group changes.
pub(super) async fn states(
    transaction: &mut Transaction<'_>,
    topic: u32,
    placed: &Placed,
) -> Result<(), Failure> {
    let Some(last) = placed.states.last_key_value() else { return Ok(()) };
    let rows = padded(placed.states.len());
    // A row that is there twice does no harm, and a number of rows that is new would.
    let repeated = std::iter::repeat_n(last, rows - placed.states.len());
    let mut statement = STATES.statement(rows);
    for (id, state) in placed.states.iter().chain(repeated) {
        statement = statement
            .bind(*id)
            .bind(topic)
            .bind(state.next)
            .bind(state.last.map(|last| last.first))
            .bind(state.last.map(|last| last.offset));
    }
    transaction.execute(statement).await?;
    Ok(())
}

/// The states of the producers that send numbered messages in the group. The log's end must be locked.
pub(super) async fn read_states(
    transaction: &mut Transaction<'_>,
    group: &[Batch],
) -> Result<BTreeMap<ProducerId, ProducerState>, Failure> {
    let numbered = group.iter().filter(|batch| batch.sequence.is_some());
    let ids: std::collections::BTreeSet<_> = numbered.map(|batch| batch.producer).collect();
    let mut states = BTreeMap::new();
    let Some(&last) = ids.last() else { return Ok(states) };
    let rows = padded(ids.len());
    let repeated = std::iter::repeat_n(last, rows - ids.len());
    let query = ids.iter().copied().chain(repeated);
    let query = query.fold(READ_STATES.statement(rows), Statement::bind);
    for row in transaction.rows(query).await? {
        let first: Option<u64> = column(&row, 2)?;
        let offset: Option<u64> = column(&row, 3)?;
        let last = first.zip(offset).map(|(first, offset)| NumberedRequest { first, offset });
        let id = column::<u64>(&row, 0)?;
        let id = ProducerId::try_from(id).expect("ids are counted from 0");
        states.insert(id, ProducerState { next: column(&row, 1)?, last });
    }
    Ok(states)
}
