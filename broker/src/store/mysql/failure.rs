//! What may be concluded when the database did not do as asked.

mod numbers;
#[cfg(test)]
mod tests;

use std::fmt;

use sqlx::mysql::MySqlDatabaseError;

use self::numbers::{DUPLICATE, FORM, Kind, LOCK_WAIT, NULL, READ_ONLY, TOO_LARGE, meaning};
use crate::io_error;
use crate::store::Error;

/// Too many connections; the limit is the server's or the user's.
const CONNECTIONS: [u16; 3] = [1040, 1203, 1226];

/// The user may not do that in this database, to this table, to a column of it, or at all.
const DENIED: [u16; 4] = [1044, 1142, 1143, 1227];

/// A step that the database did not take.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: Kind,
    /// The server's number, where it sent one.
    number: Option<u16>,
    why: String,
}

impl Failure {
    /// Nothing was done.
    pub(super) fn not_done(why: impl Into<String>) -> Self {
        Self { kind: Kind::NotDone, number: None, why: why.into() }
    }

    /// Nothing was done; the same may work in a moment.
    pub(super) fn passing(why: impl Into<String>) -> Self {
        Self { kind: Kind::Passing, number: None, why: why.into() }
    }

    /// It may have been committed.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { kind: Kind::Unknown, number: None, why: why.into() }
    }

    /// A connection that could not be opened.
    pub(super) fn connecting(error: &sqlx::Error) -> Self {
        let number = Self::number(error);
        let kind = match number {
            Some(number) if CONNECTIONS.contains(&number) => Kind::Crowded,
            Some(number) if meaning(number).passes() => Kind::Passing,
            // A user that may not log in may not a moment later either.
            Some(_) => Kind::NotDone,
            None => Kind::Passing,
        };
        Self { kind, number, why: text(error) }
    }

    /// A statement that failed and is not its own commit.
    pub(super) fn executing(error: &sqlx::Error) -> Self {
        let number = Self::number(error);
        let kind = match number {
            Some(number) => meaning(number).kind,
            None => match error {
                // What came was understood and is not what was expected: no matter of the network.
                sqlx::Error::RowNotFound
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_) => Kind::NotDone,
                _ => Kind::Lost,
            },
        };
        Self { kind, number, why: text(error) }
    }

    /// The same failure of a `COMMIT` that was sent, or of a statement that is its own: it may have
    /// happened, unless the server's number says that it did not.
    pub(super) fn of_commit(self) -> Self {
        let is_definite = self.number.is_some_and(|number| meaning(number).is_definite);
        if is_definite { self } else { Self { kind: Kind::Unknown, ..self } }
    }

    /// Whether a row was there already, or what it needs was not, so that nothing was inserted.
    pub(super) fn is_misplaced(&self) -> bool {
        matches!(self.number, Some(DUPLICATE | NULL))
    }

    /// The same of a transaction that holds a lock against just that: on a cluster a lock is known on
    /// its own node alone, and another node's row may come after the look. It may work in a moment.
    pub(super) fn under_lock(self) -> Self {
        if self.is_misplaced() { Self { kind: Kind::Passing, ..self } } else { self }
    }

    /// Whether it is about what was to be written, so that other requests are none the worse.
    pub(super) fn is_of_its_rows(&self) -> bool {
        matches!(self.number, Some(DUPLICATE | NULL | FORM | TOO_LARGE))
    }

    /// The server's number, where it answered.
    pub(super) fn server_number(&self) -> Option<u16> {
        self.number
    }

    /// Whether another connection may not meet it in a moment.
    pub(super) fn passes(&self) -> bool {
        self.number.is_none_or(|number| meaning(number).passes())
    }

    /// Whether a lock was waited for in vain.
    pub(super) fn is_locked_out(&self) -> bool {
        self.number == Some(LOCK_WAIT)
    }

    /// Whether this server takes no statement of the form.
    pub(super) fn is_of_form(&self) -> bool {
        self.number == Some(FORM)
    }

    /// Whether the same may work in a moment.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Passing | Kind::Lost | Kind::Crowded)
    }

    /// Whether there is no room for one more connection.
    pub(super) fn is_crowded(&self) -> bool {
        self.kind == Kind::Crowded
    }

    /// Whether the user has no right to it.
    pub(super) fn is_denied(&self) -> bool {
        self.number.is_some_and(|number| DENIED.contains(&number))
    }

    /// The same, where it is not plain from the server's words what was tried.
    pub(super) fn of_trying(self, what: &str) -> Self {
        Self { why: format!("{what}: {}", self.why), ..self }
    }

    /// Whether it may have happened.
    pub(super) fn is_unknown(&self) -> bool {
        self.kind == Kind::Unknown
    }

    /// Whether the connection is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.kind == Kind::Lost
    }

    /// Whether the server only reads.
    pub(super) fn is_read_only(&self) -> bool {
        self.number.is_some_and(|number| READ_ONLY.contains(&number))
    }

    /// Whether the server closes the connection, though there is nothing wrong with the others.
    pub(super) fn ends_connection(&self) -> bool {
        self.number == Some(TOO_LARGE)
    }

    /// The server's number of an error that it sent.
    pub(super) fn number(error: &sqlx::Error) -> Option<u16> {
        let error = error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>();
        error.map(MySqlDatabaseError::number)
    }

    /// What the store answers.
    pub(super) fn into_error(self) -> Error {
        match self.kind {
            Kind::Unknown => Error::OutcomeUnknown(self.why),
            _ => Error::Unavailable(self.why),
        }
    }
}

impl std::error::Error for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// One line for people. Neither the server nor sqlx ever says a password.
fn text(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the database closed the connection".to_owned()
        }
        sqlx::Error::Io(error) => {
            format!("the connection to the database failed: {}", io_error::text(error))
        }
        sqlx::Error::Database(error) => {
            format!("the database says: {}", error.message())
        }
        other => format!("the database cannot be used: {other}"),
    }
}
