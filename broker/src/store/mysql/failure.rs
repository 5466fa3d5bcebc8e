//! What may be concluded when the database did not do as asked.

use std::fmt;

use sqlx::mysql::MySqlDatabaseError;

use crate::io_error;
use crate::store::Error;

/// MySQL's number of a deadlock, after which the transaction is rolled back.
const DEADLOCK: u16 = 1213;
/// MySQL's number of a lock that was waited for too long.
const LOCK_WAIT: u16 = 1205;
/// Too many connections; the limit is the server's or the user's.
const CONNECTIONS: [u16; 3] = [1040, 1203, 1226];
/// The database or a table is not there: it was dropped, and another may be on its way.
const VANISHED: [u16; 3] = [1046, 1049, 1146];
/// The server is starting up, ending, or was told to end this connection.
const ENDING: [u16; 6] = [1053, 1077, 1079, 1317, 1927, 4031];
/// Another connection is the remedy: the server only reads now and another one writes, or it has
/// too many prepared statements, which go with the connection.
const ELSEWHERE: [u16; 4] = [1290, 1792, 1836, 1461];

/// A step that the database did not take.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: Kind,
    why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Nothing was done; the same may work in a moment.
    Passing,
    /// Nothing was done, for the server has no room for one more connection.
    Crowded,
    /// Nothing was done, and the connection is gone.
    Lost,
    /// Nothing was done, and trying again at once is of no use.
    NotDone,
    /// It may have been committed.
    Unknown,
}

impl Failure {
    /// Nothing was done.
    pub(super) fn not_done(why: impl Into<String>) -> Self {
        Self { kind: Kind::NotDone, why: why.into() }
    }

    /// Nothing was done; the same may work in a moment.
    pub(super) fn passing(why: impl Into<String>) -> Self {
        Self { kind: Kind::Passing, why: why.into() }
    }

    /// It may have been committed.
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self { kind: Kind::Unknown, why: why.into() }
    }

    /// A connection that could not be opened.
    pub(super) fn connecting(error: &sqlx::Error) -> Self {
        let number = Self::number(error);
        let kind = match number {
            Some(number) if CONNECTIONS.contains(&number) => Kind::Crowded,
            // A user that may not log in may not a moment later either, but for a server that
            // is only just starting.
            Some(number) if !ENDING.contains(&number) => Kind::NotDone,
            _ => Kind::Passing,
        };
        Self { kind, why: text(error) }
    }

    /// A statement that failed; not a `COMMIT`.
    pub(super) fn executing(error: &sqlx::Error) -> Self {
        let kind = match Self::number(error) {
            Some(DEADLOCK | LOCK_WAIT) => Kind::Passing,
            // A new connection will see whose database it is.
            Some(number)
                if ENDING.contains(&number)
                    || VANISHED.contains(&number)
                    || ELSEWHERE.contains(&number) =>
            {
                Kind::Lost
            }
            Some(_) => Kind::NotDone,
            None => match error {
                // What came was understood and is not what was expected: no matter of the network.
                sqlx::Error::RowNotFound
                | sqlx::Error::ColumnDecode { .. }
                | sqlx::Error::Decode(_)
                | sqlx::Error::Encode(_) => Kind::NotDone,
                _ => Kind::Lost,
            },
        };
        Self { kind, why: text(error) }
    }

    /// The same failure of a `COMMIT` that was sent: whatever came back, it may have happened.
    pub(super) fn of_commit(self) -> Self {
        Self { kind: Kind::Unknown, why: self.why }
    }

    /// Whether the same may work in a moment.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.kind, Kind::Passing | Kind::Lost | Kind::Crowded)
    }

    /// Whether there is no room for one more connection.
    pub(super) fn is_crowded(&self) -> bool {
        self.kind == Kind::Crowded
    }

    /// Whether it may have happened.
    pub(super) fn is_unknown(&self) -> bool {
        self.kind == Kind::Unknown
    }

    /// Whether the connection is gone.
    pub(super) fn is_lost(&self) -> bool {
        self.kind == Kind::Lost
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
