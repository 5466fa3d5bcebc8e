//! What a store tells of itself: figures for `GET /metrics`, and all that it holds, part by part, for
//! `GET /stats`.

use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset, ProducerId, TopicName};

use crate::metrics::Counted;

/// The most topics, and the most subscriptions, that [`Observed`] names. So a scrape stays small, however
/// many there are.
pub const LARGEST: usize = 100;

/// What a store tells of itself at a moment.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// How many topics it knows.
    pub topics: usize,
    /// How many producers it has in memory.
    pub producers: usize,
    /// How many subscriptions it has in memory.
    pub subscriptions: usize,
    /// What went through all of them since it was opened, those that are gone included.
    pub traffic: Traffic,
    /// The topics to which most messages were appended, at most [`LARGEST`].
    pub busiest: Vec<(TopicName, Traffic)>,
    /// How far consumers are behind; none where that is not known yet.
    pub lag: Option<Lag>,
    /// The memory that it uses, and may use.
    pub budgets: Vec<Budget>,
    /// The database, where it has one.
    pub database: Option<DatabaseObserved>,
}

/// What went through a topic, or through several, by this store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traffic {
    /// Messages that were appended.
    pub messages: u64,
    /// The bytes of their payloads.
    pub bytes: u64,
    /// Messages that were handed out, each time that they were.
    pub delivered: u64,
}

/// How far consumers are behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How many subscriptions there are.
    pub subscriptions: u64,
    /// The messages that they have yet to get, of all together.
    pub messages: u64,
    /// The subscriptions that are furthest behind, at most [`LARGEST`].
    pub largest: Vec<SubscriptionLag>,
    /// Whether it is of now; otherwise it is of the last time that it could be found out.
    pub is_current: bool,
}

/// How far one consumer is behind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriptionLag {
    /// The messages that it has yet to get.
    pub messages: u64,
    /// The consumer.
    pub consumer: ConsumerId,
    /// Its topic.
    pub topic: TopicName,
}

/// Memory of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What it is for, as a word.
    pub name: &'static str,
    /// The bytes that are used.
    pub used: u64,
    /// The most bytes that may be; none where there is no limit.
    pub limit: Option<u64>,
}

/// What a store's database had to do.
#[derive(Clone, Debug, Default)]
pub struct DatabaseObserved {
    /// Whether it can be read and written, as far as is known.
    pub is_up: bool,
    /// What was done, by its name.
    pub work: Vec<(&'static str, WorkObserved)>,
    /// Connections in use.
    pub connections: usize,
    /// The most connections that may be.
    pub most_connections: usize,
    /// Connections that were lost.
    pub lost_connections: u64,
}

/// Requests of one kind that share transactions.
#[derive(Clone, Debug, Default)]
pub struct WorkObserved {
    /// Transactions that were carried out.
    pub commits: u64,
    /// Transactions that failed for a passing reason and were tried again.
    pub retries: u64,
    /// How many requests shared a transaction.
    pub(crate) groups: Counted,
}

/// A topic, for `GET /stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicStats {
    /// Its name.
    pub topic: TopicName,
    /// The offset that its next message gets.
    pub end: Offset,
    /// How many messages are kept.
    pub messages: u64,
    /// The memory that they take; none where they are elsewhere.
    pub bytes: Option<u64>,
}

/// A subscription, for `GET /stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionStats {
    /// Whose it is.
    pub consumer: ConsumerId,
    /// Its topic.
    pub topic: TopicName,
    /// The next offset that the consumer gets.
    pub position: Offset,
    /// The messages that it has yet to get.
    pub lag: u64,
    /// How long ago it was made or last polled.
    pub last_poll: Duration,
}

/// A producer, for `GET /stats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerStats {
    /// Its id.
    pub producer: ProducerId,
    /// Its topic.
    pub topic: TopicName,
    /// How long ago it was registered or last sent; none where this broker has not heard of it.
    pub last_send: Option<Duration>,
}
