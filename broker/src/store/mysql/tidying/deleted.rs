//! What is left of topics that were deleted: messages, producers, and subscriptions where there were
//! many. Their ids are in `deleted_topics` until nothing can come any more.
//!
//! On a cluster an append on another node may be committed a moment after the deletion, for the lock
//! that it holds on the topic's row is known on its node alone. So a topic is looked at once more some
//! time after it was cleared.

use std::sync::Arc;

use broker_client::wire::Offset;
use futures_util::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, MySqlConnection};

use super::step::{Deletion, Done, ROWS, Step, ended, steps};
use crate::store::mysql::connections::Lease;
use crate::store::mysql::database::{Database, column};
use crate::store::mysql::failure::Failure;

/// After so many seconds nothing can come any more: no transaction is open for a third of that.
macro_rules! settled {
    () => {
        "deleted < NOW() - INTERVAL 60 SECOND"
    };
}

/// What is cleared, and by which column it is in order.
const TABLES: [(&str, &str); 3] =
    [("subscriptions", "consumer"), ("producers", "id"), ("messages", "`offset`")];

/// A topic that was deleted.
pub(super) struct Deleted {
    pub(super) id: u32,
    is_settled: bool,
}

/// Those that are known to the database.
pub(super) async fn find(database: &Database) -> Result<Vec<Deleted>, Failure> {
    let query = || {
        sqlx::query(concat!("SELECT topic, CAST(", settled!(), " AS SIGNED) FROM deleted_topics"))
    };
    let rows = database.rows(database.deadline(), query).await?;
    let deleted =
        |row| Ok(Deleted { id: column(row, 0)?, is_settled: column::<i64>(row, 1)? == 1 });
    rows.iter().map(deleted).collect()
}

/// Clears them; false where another broker is at it.
pub(super) async fn clear(
    database: &Arc<Database>,
    topics: &[Deleted],
    done: &mut Done,
) -> Result<bool, Failure> {
    for &Deleted { id, is_settled } in topics {
        if !is_settled && done.up_to.get(&id) == Some(&Offset::MAX) {
            continue;
        }
        match steps(database, Clearing(id)).await? {
            Step::Busy => return Ok(false),
            Step::More => {}
            Step::UpTo(_) if is_settled => drop(done.up_to.remove(&id)),
            Step::UpTo(up_to) => drop(done.up_to.insert(id, up_to)),
        }
    }
    Ok(true)
}

/// Of this topic.
struct Clearing(u32);

impl Deletion for Clearing {
    fn some<'l>(
        &'l self,
        _: &'l Database,
        lease: &'l mut Lease<'_>,
    ) -> BoxFuture<'l, Result<Step, Failure>> {
        Box::pin(async move {
            let step = clear_in_transaction(lease.raw(), self.0).await;
            ended(lease, step).await
        })
    }
}

async fn clear_in_transaction(on: &mut MySqlConnection, topic: u32) -> Result<Step, sqlx::Error> {
    on.execute("START TRANSACTION").await?;
    // A crash of the server may have undone a deletion that was seen before it was on disk.
    let query = concat!(
        "SELECT CAST(",
        settled!(),
        " AS SIGNED) FROM deleted_topics WHERE topic = ? FOR UPDATE"
    );
    let is_settled: Option<i64> =
        sqlx::query_scalar(query).bind(topic).fetch_optional(&mut *on).await?;
    let mut left = ROWS;
    for (table, key) in TABLES.iter().filter(|_| is_settled.is_some()) {
        let rows = format!("DELETE FROM {table} WHERE topic = ? ORDER BY {key} LIMIT ?");
        let rows = sqlx::query(AssertSqlSafe(rows)).bind(topic).bind(left);
        left -= rows.execute(&mut *on).await?.rows_affected();
        if left == 0 {
            break;
        }
    }
    if left > 0 && is_settled == Some(1) {
        let row = sqlx::query("DELETE FROM deleted_topics WHERE topic = ?").bind(topic);
        row.execute(&mut *on).await?;
    }
    on.execute("COMMIT").await?;
    Ok(if left > 0 { Step::UpTo(Offset::MAX) } else { Step::More })
}
