//! Errors of the database, as a start says them.

use anyhow::anyhow;

use super::super::failure::Failure;

/// An error of sqlx in words that say no password.
#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
pub(super) fn said(error: sqlx::Error) -> anyhow::Error {
    anyhow!("{}", Failure::executing(&error))
}
