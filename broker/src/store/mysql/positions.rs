//! Positions of subscriptions: those that many consumers' polls move share a transaction. A poll
//! that does not move its position takes part all the same, for only the database knows whether
//! another broker has moved it.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_client::wire::{ConsumerId, Offset};
use sqlx::mysql::MySqlRow;

use super::counts::WorkCounts;
use super::database::{Database, column};
use super::failure::Failure;
use super::group_commit::{Attempt, Work};
use super::health::Health;
use super::opener::Mode;
use super::statements::{Tail, Template, padded};
use super::transaction::{Statement, Transaction, commit_alone};
use crate::store::Error;

/// The most that share a transaction; the time of the statement grows with the square of it.
const MOST: usize = 64;

/// Milliseconds since 1970 by the database's clock.
macro_rules! now {
    () => {
        "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)"
    };
}
pub(super) use now;

/// Each `WHEN` part is bound in its turn, then the ids. A position that is not where it is believed to
/// be would become null, which undoes the whole statement (1048), so it is its own commit. When a
/// consumer polled is kept to a second, so that most polls that move nothing write nothing.
const MOVE: Template = Template {
    head: concat!(
        "UPDATE subscriptions SET polled = IF(polled + 1000 < ",
        now!(),
        ", ",
        now!(),
        ", polled), `position` = CASE consumer "
    ),
    row: "WHEN ? THEN IF(`position` = ?, ?, NULL)",
    between: " ",
    tail: Tail::Rows(&Template {
        head: " END WHERE consumer IN (",
        row: "?",
        between: ",",
        tail: Tail::Text(")"),
    }),
};

const LOCK: Template = Template {
    head: "SELECT consumer, `position` FROM subscriptions WHERE consumer IN (",
    row: "?",
    between: ",",
    tail: Tail::Text(") FOR UPDATE"),
};

/// Moves positions.
#[derive(Debug)]
pub(super) struct Positions(pub(super) Arc<Database>);

/// A request to move a position from where it is believed to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Move {
    pub(super) consumer: ConsumerId,
    pub(super) from: Offset,
    pub(super) to: Offset,
    /// Whether the answer is to prove that the position is on disk, also where it does not move.
    pub(super) barrier: bool,
}

impl Move {
    fn writes(&self) -> bool {
        self.from != self.to
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// It was there, and now it is where it was to be.
    Done,
    /// It was somewhere else, and is there still.
    Stands(Offset),
    /// There is no such subscription any more.
    Gone,
}

impl Work for Positions {
    type Request = Move;
    type Reply = Moved;

    fn counts(&self) -> &WorkCounts {
        &self.0.counts.positions
    }

    fn health(&self) -> &Health {
        &self.0.connections.health
    }

    fn joins(&self, group: &[Move], next: &Move) -> bool {
        // Two of one consumer follow each other: the second has to see what the first did.
        group.len() < MOST && group.iter().all(|earlier| earlier.consumer != next.consumer)
    }

    async fn carry_out(
        &self,
        group: &[Move],
        attempt: &Attempt,
    ) -> Result<Vec<Result<Moved, Error>>, Failure> {
        if attempt.outlasts_a_lock()
            && let Some(moved) = self.at_once(group, attempt).await?
        {
            return Ok(moved.into_iter().map(Ok).collect());
        }
        let mut transaction = Transaction::begin(&self.0.connections, attempt).await?;
        let mut moved = one_by_one(&mut transaction, group).await;
        if moved.is_ok()
            && group.iter().any(|one| one.barrier)
            && let Err(failure) = transaction.execute(self.0.durability_barrier()).await
        {
            moved = Err(failure);
        }
        let moved = transaction.end(moved).await?;
        Ok(moved.into_iter().map(Ok).collect())
    }
}

impl Positions {
    /// Moves them by one statement; none where some are not where they were believed to be, or what was
    /// read is to be proved to be on disk, and then nothing has happened.
    async fn at_once(
        &self,
        group: &[Move],
        attempt: &Attempt,
    ) -> Result<Option<Vec<Moved>>, Failure> {
        let lease = self.0.connections.take(Mode::Single, attempt.until).await?;
        match commit_alone(lease, attempt, moving(group)).await {
            Ok(found) if found < group.len() as u64 => {
                self.without_gone(group, attempt).await.map(Some)
            }
            // What is written is on disk behind all that was read.
            Ok(_) if group.iter().any(Move::writes) || !group.iter().any(|one| one.barrier) => {
                Ok(Some(vec![Moved::Done; group.len()]))
            }
            Ok(_) => {
                attempt.is_undone();
                Ok(None)
            }
            Err(failure) if failure.is_misplaced() || failure.is_locked_out() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Some of these subscriptions are gone; the others were moved, wherever they stand by now.
    async fn without_gone(&self, group: &[Move], attempt: &Attempt) -> Result<Vec<Moved>, Failure> {
        let until = attempt.until;
        let looking = async {
            let found = positions(&self.0.rows(until, || looking(group)).await?)?;
            // Those that were moved may be all gone, so that nothing was written.
            if group.iter().any(|one| one.barrier) {
                self.0.prove(until).await?;
            }
            Ok::<_, Failure>(found)
        };
        let found = looking.await.map_err(|failure| Failure::unknown(failure.to_string()))?;
        let is_there = |one: &Move| position(&found, one).is_some();
        let moved = group.iter().map(|one| if is_there(one) { Moved::Done } else { Moved::Gone });
        Ok(moved.collect())
    }
}

/// Some are not where they were believed to be: looks where they all are, and moves the others.
async fn one_by_one(
    transaction: &mut Transaction<'_>,
    group: &[Move],
) -> Result<Vec<Moved>, Failure> {
    let found = positions(&transaction.rows(looking(group)).await?)?;
    let moved = group.iter().map(|one| match position(&found, one) {
        None => Moved::Gone,
        Some(position) if position == one.from => Moved::Done,
        Some(position) => Moved::Stands(position),
    });
    let moved: Vec<_> = moved.collect();
    let good = group.iter().zip(&moved).filter(|(_, moved)| **moved == Moved::Done);
    let good: Vec<_> = good.map(|(one, _)| *one).collect();
    if !good.is_empty() {
        transaction.execute(moving(&good)).await?;
    }
    Ok(moved)
}

/// Where these subscriptions stand, and are to stand until the transaction ends.
fn looking(group: &[Move]) -> Statement<'static> {
    let rows = padded(group.len());
    let repeated = std::iter::repeat_n(&group[0], rows - group.len());
    let all = group.iter().chain(repeated).map(|one| one.consumer);
    all.fold(LOCK.statement(rows), Statement::bind)
}

fn positions(rows: &[MySqlRow]) -> Result<BTreeMap<u64, Offset>, Failure> {
    rows.iter().map(|row| Ok((column(row, 0)?, column(row, 1)?))).collect()
}

fn position(found: &BTreeMap<u64, Offset>, of: &Move) -> Option<Offset> {
    found.get(&u64::try_from(of.consumer).ok()?).copied()
}

fn moving(group: &[Move]) -> Statement<'static> {
    let rows = padded(group.len());
    // The first `WHEN` of a consumer counts; the others are there for the number's sake.
    let repeated = std::iter::repeat_n(&group[0], rows - group.len());
    let all: Vec<&Move> = group.iter().chain(repeated).collect();
    let mut statement = MOVE.statement(rows);
    for one in &all {
        statement = statement.bind(one.consumer).bind(one.from).bind(one.to);
    }
    all.iter().fold(statement, |statement, one| statement.bind(one.consumer))
}
