//! What the store in a database tells of itself: what this broker counts, and what the database holds.

use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset, ProducerId};
use sqlx::mysql::MySqlRow;

use super::MysqlStore;
use super::checkpoint::{log_end, producer};
use super::database::{Database, column};
use super::failure::Failure;
use super::positions::now;
use super::topics::name;
use super::transaction::Statement;
use crate::store::{
    Budget, DatabaseObserved, Error, Observed, ProducerStats, SubscriptionStats, TopicStats,
};

const TOPICS: &str = concat!(
    "SELECT t.name, ",
    log_end!(),
    ", (SELECT m.`offset` FROM messages m WHERE m.topic = t.id ORDER BY m.`offset` LIMIT 1) \
     FROM topics t WHERE t.name > ? ORDER BY t.name LIMIT ?"
);

const SUBSCRIPTIONS: &str = concat!(
    "SELECT s.consumer, t.name, s.`position`, CAST(GREATEST(s.`position`, ",
    log_end!(),
    ") - GREATEST(s.`position`, t.kept_from) AS UNSIGNED), s.polled, ",
    now!(),
    " FROM subscriptions s JOIN topics t ON t.id = s.topic \
     WHERE s.consumer >= ? ORDER BY s.consumer LIMIT ?"
);

const PRODUCERS: &str = concat!(
    "SELECT p.id, t.name, p.sent, ",
    now!(),
    " FROM producers p JOIN topics t ON t.id = p.topic WHERE p.id >= ? ORDER BY p.id LIMIT ?"
);

impl MysqlStore {
    pub(super) async fn observe_now(&self) -> Observed {
        let lag = self.lag.now(&self.database).await;
        let (topics, busiest) = self.topics.busiest();
        let (used, limit) = self.topics.cached();
        let connections = &self.database.connections;
        Observed {
            topics,
            producers: self.topics.known_producers(),
            subscriptions: self.subscriptions.known(),
            traffic: self.database.counts.traffic.now(),
            busiest,
            lag,
            budgets: vec![Budget { name: "cache", used, limit: Some(limit) }],
            database: Some(DatabaseObserved {
                is_up: connections.health.is_up(),
                work: self.database.counts.now(),
                connections: connections.used(),
                most_connections: connections.most(),
                lost_connections: connections.losses(),
            }),
        }
    }

    pub(super) async fn topic_stats_now(
        &self,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<TopicStats>, Error> {
        let (after, most) = (after.unwrap_or_default().to_owned(), limit(most));
        let query = || sqlx::query(TOPICS).bind(after.clone()).bind(most);
        listed(&self.database, query, topic_stats).await
    }

    pub(super) async fn subscription_stats_now(
        &self,
        after: Option<ConsumerId>,
        most: usize,
    ) -> Result<Vec<SubscriptionStats>, Error> {
        let (from, most) = (behind(after), limit(most));
        let query = || sqlx::query(SUBSCRIPTIONS).bind(from).bind(most);
        listed(&self.database, query, subscription_stats).await
    }

    /// When each last sent is known of those that sent to this broker, and where idle ones are ended,
    /// of the others to some rounds.
    pub(super) async fn producer_stats_now(
        &self,
        after: Option<ProducerId>,
        most: usize,
    ) -> Result<Vec<ProducerStats>, Error> {
        let (from, most) = (behind(after), limit(most));
        let query = || sqlx::query(PRODUCERS).bind(from).bind(most);
        let stats = |row: &MySqlRow| {
            let producer = producer(column(row, 0)?);
            let (sent, now): (u64, u64) = (column(row, 2)?, column(row, 3)?);
            let written = (sent > 0).then(|| Duration::from_millis(now.saturating_sub(sent)));
            let last_send = self.topics.last_send(producer).into_iter().chain(written).min();
            Ok(ProducerStats { producer, topic: name(row, 1)?, last_send })
        };
        listed(&self.database, query, stats).await
    }
}

async fn listed<T>(
    database: &Database,
    query: impl Fn() -> Statement<'static> + Send + Sync,
    one: impl Fn(&MySqlRow) -> Result<T, Failure>,
) -> Result<Vec<T>, Error> {
    let rows = database.rows(database.deadline(), query).await;
    let listed = rows.and_then(|rows| rows.iter().map(one).collect());
    listed.map_err(Failure::into_error)
}

fn topic_stats(row: &MySqlRow) -> Result<TopicStats, Failure> {
    let (end, first): (Offset, Option<Offset>) = (column(row, 1)?, column(row, 2)?);
    let messages = first.map_or(0, |first| end.saturating_sub(first));
    Ok(TopicStats { topic: name(row, 0)?, end, messages, bytes: None })
}

fn subscription_stats(row: &MySqlRow) -> Result<SubscriptionStats, Failure> {
    let consumer = column::<u64>(row, 0)?;
    let consumer = ConsumerId::try_from(consumer).expect("ids are counted from 0");
    let (position, lag): (Offset, u64) = (column(row, 2)?, column(row, 3)?);
    // Both are the database's clock, which may have been set back.
    let (polled, now): (u64, u64) = (column(row, 4)?, column(row, 5)?);
    let last_poll = Duration::from_millis(now.saturating_sub(polled));
    let topic = name(row, 1)?;
    Ok(SubscriptionStats { consumer, topic, position, lag, last_poll })
}

/// The least id after this one.
fn behind(after: Option<i64>) -> u64 {
    after.map_or(0, |id| u64::try_from(id.saturating_add(1)).unwrap_or(0))
}

fn limit(most: usize) -> u64 {
    u64::try_from(most).unwrap_or(u64::MAX)
}
