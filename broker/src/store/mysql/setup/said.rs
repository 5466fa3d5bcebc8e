//! Errors of the database, as a start says them.

use super::super::failure::Failure;

/// An error of sqlx in words that say no password; what it means can be asked of it.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
pub(super) fn said(error: sqlx::Error) -> anyhow::Error {
    Failure::executing(&error).into()
}
