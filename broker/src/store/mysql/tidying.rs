//! Deleting in the background what is not to be kept any longer: in small transactions, so that
//! appends are not held up, and by one broker at a time. What is left of deleted topics goes first,
//! then what every subscription is past, for `--retain lag`, or what is old.

mod deleted;
mod old;
mod passed;

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_client::wire::Offset;
use sqlx::Executor;

use super::MysqlStore;
use super::connections::Lease;
use super::database::Database;
use super::failure::Failure;
use crate::store::Retain;

/// The most rows that one transaction deletes.
const ROWS: u64 = 1000;

/// By topic, up to where nothing is left, as far as this broker has found out; another one's work is
/// found out by trying.
pub(super) type Done = BTreeMap<u32, Offset>;

/// What came of a step.
enum Step {
    /// Another broker is deleting.
    Busy,
    /// There is more to delete.
    More,
    /// Nothing before this is left.
    UpTo(Offset),
}

/// What a step deletes some of.
#[derive(Clone, Copy)]
enum What {
    /// What every subscription of this topic is past.
    Passed(u32),
    /// What of this topic was appended more than so many seconds ago.
    Old(u32, u64),
    /// What is left of this topic, which was deleted.
    Deleted(u32),
}

impl MysqlStore {
    /// As [`crate::store::Store::tidy`].
    pub(super) async fn tidy_now(&self) -> Result<(), Failure> {
        let mut done = self.tidied.lock().await;
        let gone = deleted::find(&self.database).await?;
        if self.topics.forget(gone.iter().map(|topic| topic.id)) {
            self.subscriptions.forget_deleted();
        }
        let goes_on = deleted::clear(&self.database, &gone, &mut done).await?;
        match self.retain {
            _ if !goes_on => Ok(()),
            Retain::Lag => passed::delete(&self.database, &mut done).await,
            Retain::Age(age) => old::delete(&self.database, &self.topics, age).await,
            Retain::All | Retain::Size(_) => Ok(()),
        }
    }
}

/// Takes steps until nothing is left; answers up to where, or none where another broker is at it.
async fn all(database: &Arc<Database>, what: What) -> Result<Option<Offset>, Failure> {
    loop {
        match step(database, what).await? {
            Step::Busy => return Ok(None),
            Step::More => {}
            Step::UpTo(up_to) => return Ok(Some(up_to)),
        }
    }
}

/// Deletes some. Everything is asked for on the connection that deletes: after a crash of the server
/// in between, it is gone, and with it what may have been undone.
async fn step(database: &Arc<Database>, what: What) -> Result<Step, Failure> {
    database
        .read(database.deadline(), |lease| {
            let database = Arc::clone(database);
            Box::pin(async move { locked(&database, lease, what).await })
        })
        .await
}

async fn locked(database: &Database, lease: &mut Lease<'_>, what: What) -> Result<Step, Failure> {
    let lock = "SELECT GET_LOCK(CONCAT('broker retain ', MD5(DATABASE())), 0)";
    let locked: Result<Option<i64>, _> = sqlx::query_scalar(lock).fetch_one(lease.raw()).await;
    if locked.map_err(|error| lease.failed(&error))? != Some(1) {
        return Ok(Step::Busy);
    }
    let step = match what {
        What::Passed(topic) => passed::delete_some(database, lease, topic).await,
        What::Old(topic, seconds) => old::delete_some(database, lease, topic, seconds).await,
        What::Deleted(topic) => deleted::clear_some(lease, topic).await,
    };
    if lease.is_there() {
        let unlock = "DO RELEASE_LOCK(CONCAT('broker retain ', MD5(DATABASE())))";
        sqlx::query(unlock).execute(lease.raw()).await.map_err(|error| lease.failed(&error))?;
    }
    step
}

/// What a transaction came to, which is still open where it failed; of a connection that is lost,
/// nothing is.
async fn ended(lease: &mut Lease<'_>, step: Result<Step, sqlx::Error>) -> Result<Step, Failure> {
    if step.is_err() {
        let _ = lease.raw().execute("ROLLBACK").await;
    }
    step.map_err(|error| lease.failed(&error))
}

/// The offset of the last message of the topic `t`.
macro_rules! last {
    () => {
        "(SELECT m.`offset` FROM messages m WHERE m.topic = t.id ORDER BY m.`offset` DESC LIMIT 1)"
    };
}
use last;
