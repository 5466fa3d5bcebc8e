//! One transaction on one connection, and its end; a statement that is a transaction by itself.

use sqlx::mysql::{MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{Executor, MySql};

use super::connections::{Connections, Lease};
use super::failure::Failure;
use super::group_commit::Attempt;
use super::opener::Mode;

/// A statement with its parameters.
pub(super) type Statement<'q> = Query<'q, MySql, MySqlArguments>;

/// A transaction that is open. Dropped, its connection is closed, and with it the transaction.
pub(super) struct Transaction<'a> {
    lease: Lease<'a>,
    attempt: &'a Attempt,
}

impl<'a> Transaction<'a> {
    /// Takes a connection; the first statement begins the transaction.
    pub(super) async fn begin(
        connections: &'a Connections,
        attempt: &'a Attempt,
    ) -> Result<Self, Failure> {
        let lease = connections.take(Mode::Transaction, attempt.until).await?;
        Ok(Self { lease, attempt })
    }

    /// Executes a statement, and answers how many rows it found, changed or not.
    pub(super) async fn execute(&mut self, statement: Statement<'_>) -> Result<u64, Failure> {
        let done = statement.execute(self.lease.raw()).await;
        done.map(|done| done.rows_affected()).map_err(|error| self.lease.failed(&error))
    }

    /// All rows of a query.
    pub(super) async fn rows(&mut self, query: Statement<'_>) -> Result<Vec<MySqlRow>, Failure> {
        query.fetch_all(self.lease.raw()).await.map_err(|error| self.lease.failed(&error))
    }

    /// The one row of a query.
    pub(super) async fn row(&mut self, query: Statement<'_>) -> Result<MySqlRow, Failure> {
        query.fetch_one(self.lease.raw()).await.map_err(|error| self.lease.failed(&error))
    }

    /// Commits. From here on only success is definite, and what the server says it rolled back.
    pub(super) async fn commit(mut self) -> Result<(), Failure> {
        self.attempt.commits();
        let committed = self.lease.raw().execute("COMMIT").await;
        match committed {
            Ok(_) => {
                self.lease.give_back();
                Ok(())
            }
            Err(error) => {
                let failure = self.lease.failed(&error).of_commit();
                if !failure.is_unknown() {
                    self.attempt.is_undone();
                    self.roll_back().await;
                }
                Err(failure)
            }
        }
    }

    /// Ends it without a trace.
    pub(super) async fn roll_back(self) {
        self.lease.roll_back().await;
    }

    /// Commits after success, rolls back after failure.
    pub(super) async fn end<T>(self, done: Result<T, Failure>) -> Result<T, Failure> {
        match done {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(failure) => {
                self.roll_back().await;
                Err(failure)
            }
        }
    }
}

/// Executes a statement that is a transaction by itself, on a connection of [`Mode::Single`], and
/// answers how many rows it found. From the moment it is sent only success is definite, and what the
/// server says it did not do: after that the attempt may go on with something else.
pub(super) async fn commit_alone(
    mut lease: Lease<'_>,
    attempt: &Attempt,
    statement: Statement<'_>,
) -> Result<u64, Failure> {
    attempt.commits();
    match statement.execute(lease.raw()).await {
        Ok(done) => {
            lease.give_back();
            Ok(done.rows_affected())
        }
        Err(error) => {
            let failure = lease.failed(&error).of_commit();
            if !failure.is_unknown() {
                attempt.is_undone();
                if lease.is_there() {
                    lease.give_back();
                }
            }
            Err(failure)
        }
    }
}
