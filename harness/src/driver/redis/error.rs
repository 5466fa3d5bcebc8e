//! What became of a request to Redis, split by what may be concluded.

use ::redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::driver::failure::{Failure, FailureKind};
use crate::history::Class;

/// A request that did not succeed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub(super) struct Error {
    /// For people.
    pub(super) why: String,
    pub(super) class: Class,
    /// The first word of the server's answer, where it gave one: `OOM`.
    pub(super) code: Option<String>,
    /// Whether the same request may succeed later.
    pub(super) may_pass: bool,
}

impl Error {
    /// Whether the request may be made again: one that may have happened would happen twice.
    pub(super) fn is_safe(&self) -> bool {
        self.may_pass && !self.class.may_have_happened()
    }

    /// Of a connection that could not be made: what was to be sent on it did not leave.
    pub(super) fn not_connected(why: String) -> Self {
        Self { why, class: Class::NeverLeft, code: None, may_pass: true }
    }

    /// Of a request whose answer did not come.
    pub(super) fn unknown(why: String) -> Self {
        Self { why, class: Class::Unknown, code: None, may_pass: true }
    }

    /// Of an answer that a Redis server does not give.
    pub(super) fn not_understood(doing: &str) -> Self {
        Self::unknown(format!("{doing}: the answer is not that of a Redis server"))
    }

    /// Of a request that was sent. An error that the server answered with is definite: it did nothing.
    pub(super) fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(kind) => {
                let may_pass = matches!(
                    kind,
                    ServerErrorKind::BusyLoading
                        | ServerErrorKind::TryAgain
                        | ServerErrorKind::ClusterDown
                        | ServerErrorKind::MasterDown
                );
                Self::refused(error, may_pass)
            }
            // These are the server's too: words that the library has no name for.
            ErrorKind::Extension => {
                let passing = ["OOM", "MISCONF", "NOREPLICAS", "BUSY", "UNBLOCKED"];
                Self::refused(error, error.code().is_some_and(|code| passing.contains(&code)))
            }
            _ => Self::unknown(error.to_string()),
        }
    }

    /// Of an attempt to connect.
    pub(super) fn of_connecting(error: &RedisError, address: &str) -> Self {
        let is_login = matches!(error.kind(), ErrorKind::AuthenticationFailed)
            || error.code().is_some_and(|code| ["NOAUTH", "WRONGPASS", "NOPERM"].contains(&code));
        let cure =
            if is_login { "; name user and password: redis://USER:PASSWORD@HOST" } else { "" };
        Self {
            why: format!("cannot reach the broker at {address}: {error}{cure}"),
            class: Class::NeverLeft,
            code: error.code().map(str::to_owned),
            may_pass: !is_login,
        }
    }

    fn refused(error: &RedisError, may_pass: bool) -> Self {
        let code = error.code().map(str::to_owned);
        Self { why: error.to_string(), class: Class::Refused, code, may_pass }
    }

    /// Whether the server answered that it has no such stream, or no such group of one.
    pub(super) fn is_gone(&self) -> bool {
        self.code.as_deref().is_some_and(|code| ["NOGROUP", "UNBLOCKED"].contains(&code))
    }

    /// What it means to a call that is no message.
    pub(super) fn failed(self, doing: &str) -> Failure {
        let kind = if self.may_pass { FailureKind::MayPass } else { FailureKind::Final };
        Failure { why: format!("{doing}: {}", self.why), kind, code: self.code }
    }
}
