//! Statements over rows that are named by their ids, some at a time. Each is a transaction by itself,
//! and may be repeated.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlx::mysql::MySqlRow;

use super::database::{Database, column};
use super::failure::Failure;
use super::statements::{Template, padded};
use super::transaction::Statement;

/// The most rows of one statement.
pub(super) const ROWS: usize = 1024;

/// The same as a parameter.
pub(super) const LIMIT: u64 = ROWS as u64;

/// The statement for these ids, one at least. A row that is there twice does no harm, and a number of
/// rows that is new would.
pub(super) fn bound(template: Template, ids: &[i64]) -> Statement<'static> {
    let rows = padded(ids.len());
    let last = *ids.last().expect("there is one at least");
    let repeated = std::iter::repeat_n(last, rows - ids.len());
    let ids = ids.iter().copied().chain(repeated);
    ids.fold(template.statement(rows), sqlx::query::Query::bind)
}

/// The ids that a query answers in its first column.
pub(super) async fn find(
    database: &Arc<Database>,
    query: impl Fn() -> Statement<'static> + Send + Sync,
) -> Result<BTreeSet<i64>, Failure> {
    let rows: Vec<MySqlRow> = database.rows(database.deadline(), query).await?;
    let id = |row| Ok(i64::try_from(column::<u64>(row, 0)?).expect("ids are counted from 0"));
    rows.iter().map(id).collect()
}

/// Executes a statement, and answers how many rows it changed.
pub(super) async fn write(
    database: &Arc<Database>,
    statement: impl Fn() -> Statement<'static> + Send + Sync,
) -> Result<u64, Failure> {
    database
        .read(database.deadline(), |lease| {
            let statement = statement();
            Box::pin(async move {
                let done = statement.execute(lease.raw()).await;
                done.map(|done| done.rows_affected()).map_err(|error| lease.failed(&error))
            })
        })
        .await
}
