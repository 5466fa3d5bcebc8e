//! A step: some rows that one transaction deletes, of one topic, by one broker at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_client::wire::Offset;
use futures_util::future::BoxFuture;
use sqlx::Executor;
use tokio::time::Instant;

use crate::store::mysql::connections::Lease;
use crate::store::mysql::database::Database;
use crate::store::mysql::failure::Failure;

/// The most rows that one transaction deletes.
pub(super) const ROWS: u64 = 1000;

/// The most steps of one topic before the next one has its turn.
const STEPS: u32 = 20;

/// What this broker has found out so far; another one's work is found out by trying.
#[derive(Default)]
pub(crate) struct Done {
    /// By topic, up to where nothing is left.
    pub(super) up_to: BTreeMap<u32, Offset>,
    /// Before then nothing is looked for that is old.
    pub(super) old_again: Option<Instant>,
}

/// What came of a step.
pub(super) enum Step {
    /// Another broker is deleting.
    Busy,
    /// There is more to delete.
    More,
    /// Nothing before this is left.
    UpTo(Offset),
}

/// What steps delete some of.
pub(super) trait Deletion: Send + Sync + 'static {
    /// Deletes some of it.
    fn some<'l>(
        &'l self,
        database: &'l Database,
        lease: &'l mut Lease<'_>,
    ) -> BoxFuture<'l, Result<Step, Failure>>;
}

/// Takes steps until nothing is left, or so many that others have to have their turn.
pub(super) async fn steps(database: &Arc<Database>, what: impl Deletion) -> Result<Step, Failure> {
    let what: Arc<dyn Deletion> = Arc::new(what);
    for _ in 0..STEPS {
        match step(database, &what).await? {
            Step::More => {}
            done => return Ok(done),
        }
    }
    Ok(Step::More)
}

/// Deletes some. Everything is asked for on the connection that deletes: after a crash of the server
/// in between, it is gone, and with it what may have been undone.
async fn step(database: &Arc<Database>, what: &Arc<dyn Deletion>) -> Result<Step, Failure> {
    database
        .read(database.deadline(), |lease| {
            let (database, what) = (Arc::clone(database), Arc::clone(what));
            Box::pin(async move { locked(&database, lease, &*what).await })
        })
        .await
}

async fn locked(
    database: &Database,
    lease: &mut Lease<'_>,
    what: &dyn Deletion,
) -> Result<Step, Failure> {
    let lock = "SELECT GET_LOCK(CONCAT('broker retain ', MD5(DATABASE())), 0)";
    let locked: Result<Option<i64>, _> = sqlx::query_scalar(lock).fetch_one(lease.raw()).await;
    if locked.map_err(|error| lease.failed(&error))? != Some(1) {
        return Ok(Step::Busy);
    }
    let step = what.some(database, lease).await;
    if lease.is_there() {
        let unlock = "DO RELEASE_LOCK(CONCAT('broker retain ', MD5(DATABASE())))";
        sqlx::query(unlock).execute(lease.raw()).await.map_err(|error| lease.failed(&error))?;
    }
    step
}

/// What a transaction came to, which is still open where it failed; of a connection that is lost,
/// nothing is.
pub(super) async fn ended(
    lease: &mut Lease<'_>,
    step: Result<Step, sqlx::Error>,
) -> Result<Step, Failure> {
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
pub(super) use last;
