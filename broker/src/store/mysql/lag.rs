//! How far consumers are behind, for a scrape: one query, at most once a second, with a time limit.

use std::sync::Arc;

use broker_client::wire::{ConsumerId, TopicName};
use sqlx::mysql::MySqlRow;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::checkpoint::log_end;
use super::database::{Database, column};
use super::failure::Failure;
use super::topics::name;
use crate::store::{LARGEST, Lag, SubscriptionLag};

/// Between the end of a query and the next one.
const EVERY: Duration = Duration::from_secs(1);

/// After so long a query is given up, by the server too: so none is left at work there while the next
/// ones come.
const MOST: Duration = Duration::from_secs(3);

/// Ends are looked up once a topic, in a table of their own; the sums are over all rows, which are
/// cut to the largest afterwards. MariaDB and MySQL each read their own form of the time limit, and
/// take that of the other for a comment.
const QUERY: &str = concat!(
    "/*M! SET STATEMENT max_statement_time = 3 FOR */ \
     SELECT /*+ MAX_EXECUTION_TIME(3000) */ b.consumer, b.name, b.behind, CAST(SUM(b.behind) OVER () AS UNSIGNED), COUNT(*) OVER () \
     FROM (SELECT s.consumer, e.name, \
           CAST(GREATEST(e.log_end, s.`position`) - GREATEST(e.kept_from, s.`position`) AS UNSIGNED) AS behind \
           FROM subscriptions s JOIN (SELECT DISTINCT t.id, t.name, t.kept_from, ",
    log_end!(),
    " AS log_end FROM topics t) e ON e.id = s.topic) b \
     ORDER BY b.behind DESC, b.consumer LIMIT ?"
);

/// What was found out last.
#[derive(Debug, Default)]
pub(super) struct LagWatch(Arc<Mutex<Found>>);

#[derive(Debug, Default)]
struct Found {
    /// When the last query ended.
    asked: Option<Instant>,
    lag: Option<Lag>,
}

impl LagWatch {
    /// How far consumers are behind: as it is, or where that cannot be found out, as it was last. A
    /// scrape that is broken off leaves the query to the others, who would ask again otherwise.
    pub(super) async fn now(&self, database: &Arc<Database>) -> Option<Lag> {
        let (found, database) = (Arc::clone(&self.0), Arc::clone(database));
        let looking = tokio::spawn(async move { found.lock().await.renewed(&database).await });
        // It ends otherwise where the whole program does.
        looking.await.unwrap_or(None)
    }
}

impl Found {
    /// Asks, unless that was done a moment ago.
    async fn renewed(&mut self, database: &Database) -> Option<Lag> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= EVERY) {
            match ask(database).await {
                Ok(lag) => self.lag = Some(lag),
                Err(failure) => {
                    tracing::debug!(why = %failure, "how far consumers are behind is not known");
                    if let Some(lag) = &mut self.lag {
                        lag.is_current = false;
                    }
                }
            }
            self.asked = Some(Instant::now());
        }
        self.lag.clone()
    }
}

async fn ask(database: &Database) -> Result<Lag, Failure> {
    let until = Instant::now() + MOST.min(database.timeout);
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    let rows = database.rows(until, || sqlx::query(QUERY).bind(most)).await?;
    let mut lag = Lag { is_current: true, ..Lag::default() };
    if let Some(first) = rows.first() {
        lag.messages = column(first, 3)?;
        lag.subscriptions = u64::try_from(column::<i64>(first, 4)?).unwrap_or(0);
    }
    lag.largest = rows.iter().map(one).collect::<Result<_, _>>()?;
    Ok(lag)
}

fn one(row: &MySqlRow) -> Result<SubscriptionLag, Failure> {
    let consumer = column::<u64>(row, 0)?;
    let consumer = ConsumerId::try_from(consumer).expect("ids are counted from 0");
    let topic: TopicName = name(row, 1)?;
    Ok(SubscriptionLag { messages: column(row, 2)?, consumer, topic })
}
