//! The statements of an append.
//!
//! The messages of a topic are one interval of offsets without gaps, never empty once begun. An
//! append from `k` on commits only if the message before `k` is committed and held in share mode,
//! the topic's row is there and held in share mode, and there is no message `k`. So a guess of the
//! end decides nothing about safety: one that is too low is a duplicate (1062), one that is too high
//! or of a topic that is gone finds no topic (1048), and nothing is inserted.

use std::collections::{BTreeMap, BTreeSet};

use broker_client::wire::ProducerId;

use super::known::Guess;
use super::place::Placement;
use crate::store::dedup::{NumberedRequest, ProducerState};
use crate::store::mysql::batch::Batch;
use crate::store::mysql::checkpoint::producer;
use crate::store::mysql::database::{Database, column};
use crate::store::mysql::failure::Failure;
use crate::store::mysql::group_commit::Attempt;
use crate::store::mysql::opener::Mode;
use crate::store::mysql::statements::{Tail, Template, at_most, padded};
use crate::store::mysql::transaction::{Statement, Transaction, commit_alone};

/// The most rows of one statement. Each number of rows is a statement of its own, which the server
/// keeps for each connection, and it takes some 2 KiB a row there.
const ROWS: usize = 1024;

const MESSAGES: Template = Template {
    head: "INSERT INTO messages (topic, `offset`, producer, sequence, first_sequence, payload) \
           VALUES ",
    row: "(?,?,?,?,?,?)",
    between: ",",
    tail: Tail::Text(""),
};

/// The same behind a message that is there. The number of rows is that of all but the first. Each
/// part of it matters: an `INSERT ... SELECT` at READ COMMITTED locks nothing of what it reads, the
/// words `LOCK IN SHARE MODE` leave nothing to what a server makes of `VALUES`, and with several rows
/// only a strict `sql_mode` refuses a topic that is null.
pub(in crate::store::mysql) const GUARDED: Template = Template {
    head: "INSERT INTO messages (topic, `offset`, producer, sequence, first_sequence, payload) \
           VALUES ((SELECT t.id FROM topics t JOIN messages p ON p.topic = t.id AND p.`offset` = ? \
           WHERE t.id = ? LOCK IN SHARE MODE),?,?,?,?,?)",
    row: ",(?,?,?,?,?,?)",
    between: "",
    tail: Tail::Text(""),
};

const READ_STATES: Template = Template {
    head: "SELECT id, next_sequence, last_first, last_offset FROM producers WHERE id IN (",
    row: "?",
    between: ",",
    tail: Tail::Text(")"),
};

/// Inserts the new messages of a group where it is guessed to go, and commits; says whether they
/// could go there. One statement does it by itself; several are a transaction.
pub(super) async fn guessed(
    database: &Database,
    attempt: &Attempt,
    (guarded, topic): (Template, u32),
    group: &[Batch],
    guess: &Guess,
) -> Result<bool, Failure> {
    let connections = &database.connections;
    let messages: Vec<Placement<'_>> = guess.placed.messages(group).collect();
    let (part, rest) = messages.split_at(fitting(&messages, database.statement_bytes));
    let statement = behind_another(guarded, topic, part);
    let done = if rest.is_empty() {
        let lease = connections.take(Mode::Single, attempt.until).await?;
        if connections.losses() != guess.losses {
            lease.give_back();
            return Ok(false);
        }
        commit_alone(lease, attempt, statement).await.map(drop)
    } else {
        let mut transaction = Transaction::begin(connections, attempt).await?;
        if connections.losses() != guess.losses {
            transaction.roll_back().await;
            return Ok(false);
        }
        let done = match transaction.execute(statement).await {
            // Nobody can come in between: what they go behind is not committed.
            Ok(_) => insert(&mut transaction, database, topic, rest).await,
            Err(failure) => Err(failure),
        };
        transaction.end(done).await
    };
    match done {
        Ok(()) => Ok(true),
        Err(failure) if failure.is_misplaced() || failure.is_locked_out() => Ok(false),
        Err(failure) if failure.is_of_form() => {
            database.refuses_guesses();
            Ok(false)
        }
        Err(failure) => Err(failure),
    }
}

/// Inserts the new messages of a group behind the end of a log that is locked.
pub(super) async fn insert(
    transaction: &mut Transaction<'_>,
    database: &Database,
    topic: u32,
    messages: &[Placement<'_>],
) -> Result<(), Failure> {
    let mut rest = messages;
    while !rest.is_empty() {
        let (part, others) = rest.split_at(fitting(rest, database.statement_bytes));
        rest = others;
        transaction.execute(rows(MESSAGES.statement(part.len()), topic, part)).await?;
    }
    Ok(())
}

fn behind_another<'m>(guarded: Template, topic: u32, messages: &[Placement<'m>]) -> Statement<'m> {
    let (first, others) = messages.split_first().expect("a guess is made for messages");
    let statement = guarded.statement(others.len()).bind(first.offset - 1).bind(topic);
    rows(row(statement, first), topic, others)
}

fn rows<'m>(statement: Statement<'m>, topic: u32, messages: &[Placement<'m>]) -> Statement<'m> {
    messages.iter().fold(statement, |statement, message| row(statement.bind(topic), message))
}

/// Binds all of a row but its topic.
fn row<'m>(statement: Statement<'m>, message: &Placement<'m>) -> Statement<'m> {
    statement
        .bind(message.offset)
        .bind(message.producer)
        .bind(message.sequence)
        .bind(message.first_sequence)
        .bind(message.payload)
}

/// How many messages one statement takes; at least one.
fn fitting(messages: &[Placement<'_>], bytes: usize) -> usize {
    let mut left = bytes;
    let fits = |message: &&Placement<'_>| {
        let fits = left.checked_sub(message.payload.len() + size_of::<Placement<'_>>());
        left = fits.unwrap_or(0);
        fits.is_some()
    };
    at_most(messages.iter().take(ROWS).take_while(fits).count().max(1))
}

/// The states of these producers at the checkpoint; the log must be locked.
pub(super) async fn read_states(
    transaction: &mut Transaction<'_>,
    producers: BTreeSet<ProducerId>,
) -> Result<BTreeMap<ProducerId, ProducerState>, Failure> {
    let mut states = BTreeMap::new();
    let Some(&last) = producers.last() else { return Ok(states) };
    let rows = padded(producers.len());
    let repeated = std::iter::repeat_n(last, rows - producers.len());
    let ids = producers.into_iter().chain(repeated);
    for row in transaction.rows(ids.fold(READ_STATES.statement(rows), Statement::bind)).await? {
        let first: Option<u64> = column(&row, 2)?;
        let offset: Option<u64> = column(&row, 3)?;
        let last = first.zip(offset).map(|(first, offset)| NumberedRequest { first, offset });
        states.insert(producer(column(&row, 0)?), ProducerState { next: column(&row, 1)?, last });
    }
    Ok(states)
}
