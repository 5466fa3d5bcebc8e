//! Where logs end: one query for all requests that ask at the same time, and one every few
//! milliseconds for the polls that wait for what other brokers append.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::Offset;
use tokio::time::{MissedTickBehavior, interval};

use super::checkpoint::log_end;
use super::counts::WorkCounts;
use super::database::{Database, column};
use super::failure::Failure;
use super::group_commit::{Attempt, GroupCommit, Work};
use super::health::Health;
use super::statements::{Tail, Template, padded};
use super::topics::Topics;
use super::transaction::Statement;
use crate::store::Error;

/// Between two looks for appends of other brokers. Together with the query well below the 50 ms
/// within which they are promised to be seen.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The most topics of one query.
const TOPICS: usize = 1024;

const LOG_ENDS: Template = Template {
    head: concat!("SELECT t.id, ", log_end!(), " FROM topics t WHERE t.id IN ("),
    row: "?",
    between: ",",
    tail: Tail::Text(")"),
};

/// Asks where logs end. A request is the ids of topics; ends come in the same order, and none where
/// a topic is deleted.
#[derive(Debug)]
pub(super) struct LogEnds(pub(super) Arc<Database>);

impl Work for LogEnds {
    type Request = Vec<u32>;
    type Reply = Vec<Option<Offset>>;

    fn counts(&self) -> &WorkCounts {
        &self.0.counts.ends
    }

    fn health(&self) -> &Health {
        &self.0.connections.health
    }

    fn joins(&self, group: &[Vec<u32>], next: &Vec<u32>) -> bool {
        group.iter().map(Vec::len).sum::<usize>() + next.len() <= TOPICS
    }

    async fn carry_out(
        &self,
        group: &[Vec<u32>],
        attempt: &Attempt,
    ) -> Result<Vec<Result<Vec<Option<Offset>>, Error>>, Failure> {
        let topics: BTreeSet<u32> = group.iter().flatten().copied().collect();
        let topics: Vec<u32> = topics.into_iter().collect();
        let mut ends = BTreeMap::new();
        for part in topics.chunks(TOPICS) {
            let last = *part.last().expect("no chunk is empty");
            let query = || {
                let rows = padded(part.len());
                let repeated = std::iter::repeat_n(last, rows - part.len());
                let ids = part.iter().copied().chain(repeated);
                ids.fold(LOG_ENDS.statement(rows), Statement::bind)
            };
            for row in self.0.rows(attempt.until, query).await? {
                ends.insert(column::<u32>(&row, 0)?, column::<u64>(&row, 1)?);
            }
        }
        let of = |ids: &Vec<u32>| ids.iter().map(|id| ends.get(id).copied()).collect();
        Ok(group.iter().map(|ids| Ok(of(ids))).collect())
    }
}

/// Looks for what other brokers append, and for the topics that they delete, for as long as the store lives. One query does for all
/// topics, and there is none while no poll waits.
pub(super) async fn watch(
    database: Arc<Database>,
    topics: Arc<Topics>,
    ends: Arc<GroupCommit<LogEnds>>,
) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let awaited = topics.awaited();
        if awaited.is_empty() {
            continue;
        }
        let ids = awaited.iter().map(|topic| topic.id).collect();
        // Without an answer they go on waiting; their polls are told what is wrong.
        if let Ok(ends) = ends.ask(ids, database.deadline()).await {
            for (topic, end) in awaited.iter().zip(ends) {
                match end {
                    Some(end) => topic.tail.see(end),
                    None => topic.tail.delete(),
                }
            }
        }
    }
}
