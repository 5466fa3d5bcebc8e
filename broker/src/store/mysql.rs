//! The store in MySQL or MariaDB: durable, and shared by any number of brokers.
//!
//! The database alone decides; a broker remembers only what cannot change while its topic is there. From the request inwards:
//! - [`group_commit`]: requests that come while a transaction is in flight gather for the next one;
//!   [`append`], [`positions`], [`registration`] and [`log_end`] are what it carries out.
//! - [`polling`]: messages for a consumer, out of [`tail_cache`] as far as they are in memory;
//!   [`topic`] reads the others.
//! - [`topics`], [`subscriptions`]: which ones this broker knows; [`ending`], [`producers`]: those that
//!   end.
//! - [`checkpoint`]: where logs end, and how much of them is summed up in `producers`.
//! - [`transaction`], [`statements`], [`connections`], [`opener`]: sqlx as it is used here;
//!   [`failure`]: what may be concluded from its errors; [`measured`]: what benches look at.
//! - [`setup`]: the database at the start of a broker; [`readiness`] tries whether it can be used now,
//!   and [`health`] remembers it; [`tidying`]: deleting in the background.
//! - [`observe`]: what the store tells of itself, with [`counts`] and [`lag`].
//!
//! A message is acknowledged when its commit has returned. A failure before the commit was sent is
//! definite, and so is one that the server's number says was rolled back; any other after it is an
//! unknown outcome. What this broker has read and not written is handed
//! out only once a later commit of its own proves that it is on disk.

mod address;
mod append;
mod batch;
mod by_id;
mod checkpoint;
mod connections;
mod counts;
mod database;
mod ending;
mod failure;
mod group_commit;
mod health;
mod lag;
mod log_end;
#[doc(hidden)]
pub mod measured;
mod observe;
mod opener;
mod polling;
mod positions;
mod producers;
mod readiness;
mod registration;
mod setup;
mod statements;
mod subscriptions;
mod tail_cache;
mod tidying;
mod topic;
mod topics;
mod transaction;

use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset, ProducerId, TopicName};
use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::address::Address;
pub use self::setup::{Migrated, drop_database, migrate};

use self::batch::Batch;
use self::connections::Connections;
use self::database::Database;
use self::failure::Failure;
use self::group_commit::GroupCommit;
use self::lag::LagWatch;
use self::log_end::LogEnds;
use self::opener::Opener;
use self::positions::Positions;
use self::readiness::Readiness;
use self::registration::{RegisterRequest, Registrar};
use self::subscriptions::{KnownPosition, Subscriptions};
use self::tail_cache::CacheLimit;
use self::tidying::{Done, tidy};
use self::topics::Topics;
use super::segment::Taking;
use super::{
    Answer, Append, Epoch, Error, List, Listed, Messages, Observed, Part, Poll, Polled,
    ProducerStats, Read, Retain, Size, Store, Subscribed, Subscription, SubscriptionStats,
    TopicStats,
};

/// Between two tries of a database of which it is not certain that it can be used.
const TRIED_EVERY: Duration = Duration::from_secs(1);

/// How a store uses its database.
#[derive(Clone, Debug)]
pub struct Options {
    /// Within this every request ends.
    pub timeout: Duration,
    /// The most connections.
    pub connections: usize,
    /// The most bytes of messages in memory.
    pub cache: usize,
    /// The most bytes of one message.
    pub message: usize,
    /// What is kept.
    pub retain: Retain,
    /// The most topics.
    pub topics: usize,
    /// The most producers, and the most subscriptions, that are in memory.
    pub registrations: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            connections: 16,
            cache: 64 << 20,
            message: 1 << 20,
            retain: Retain::All,
            topics: usize::MAX,
            registrations: usize::MAX,
        }
    }
}

/// The store in a database.
pub struct MysqlStore {
    database: Arc<Database>,
    topics: Arc<Topics>,
    subscriptions: Subscriptions,
    registrar: GroupCommit<Registrar>,
    positions: GroupCommit<Positions>,
    ends: Arc<GroupCommit<LogEnds>>,
    lag: LagWatch,
    readiness: Readiness,
    retain: Retain,
    most_registrations: usize,
    /// Held while it tidies.
    tidied: Mutex<Done>,
    /// Its own tasks, which end with it.
    _tasks: JoinSet<()>,
}

impl MysqlStore {
    /// Opens the store in the database, which is created and migrated if need be.
    ///
    /// # Errors
    /// When the database cannot be reached or used; the text says what to do, and no password.
    pub async fn open(address: &Address, options: &Options) -> anyhow::Result<Self> {
        let preparing = setup::prepare(address, options.message);
        let found = tokio::time::timeout(setup::PREPARED_WITHIN, preparing).await;
        let found = found.map_err(|_| anyhow::anyhow!("{address} does not answer"))??;
        let timeout = options.timeout;
        let opener = Opener {
            address: address.clone(),
            epoch: found.epoch.clone(),
            timeout,
            is_node: found.is_node,
            sql_mode: opener::SQL_MODE,
        };
        let connections = Connections::new(opener, options.connections);
        let database = Database::new(connections, found.epoch, timeout, found.packet);
        let database = Arc::new(database);
        let cache = CacheLimit::new(options.cache);
        let topics = Arc::new(Topics::new(Arc::clone(&database), cache));
        let ends = Arc::new(GroupCommit::new(LogEnds(Arc::clone(&database)), timeout));
        let mut tasks = JoinSet::new();
        tasks.spawn(log_end::watch(Arc::clone(&database), Arc::clone(&topics), Arc::clone(&ends)));
        let registrar = Registrar { database: Arc::clone(&database), most_topics: options.topics };
        Ok(Self {
            subscriptions: Subscriptions::new(Arc::clone(&database), Arc::clone(&topics)),
            topics,
            registrar: GroupCommit::new(registrar, timeout),
            positions: GroupCommit::new(Positions(Arc::clone(&database)), timeout),
            ends,
            lag: LagWatch::default(),
            readiness: Readiness::default(),
            retain: options.retain,
            most_registrations: options.registrations,
            tidied: Mutex::default(),
            database,
            _tasks: tasks,
        })
    }

    async fn append_now(&self, append: &Append<'_>, until: Instant) -> Result<Offset, Error> {
        self.database.epoch.check(append.epoch)?;
        let topic = self.topics.of_append(append, until).await?;
        let appended = topic.appender.ask(Batch::new(append), until).await;
        if let Err(Error::UnknownProducer(producer)) = appended {
            self.topics.forget_producers(&[producer].into());
        }
        appended
    }

    async fn delete_now(&self, topic: &str, until: Instant) -> Result<(), Error> {
        // Otherwise the name need not be one, and no topic has it.
        if topic.parse::<TopicName>().is_err() {
            return Err(Error::UnknownTopic(topic.to_owned()));
        }
        let request = RegisterRequest::Deletion(topic.to_owned());
        let deleted = self.registrar.ask(request, until).await?.topic;
        if self.topics.forget([deleted].into_iter()) {
            self.subscriptions.forget_deleted();
        }
        Ok(())
    }

    /// Forgets registrations where more are in memory than may be.
    fn forget_beyond(&self) {
        self.subscriptions.forget_beyond(self.most_registrations);
        self.topics.forget_producers_beyond(self.most_registrations);
    }

    /// Tries the database for as long as it is not certain that it can be used, and keeps what is
    /// remembered within its bounds while tidying takes long.
    async fn watch(&self) -> ! {
        loop {
            if !self.database.connections.health.is_certain() {
                // What comes of it is noted.
                let _ = self.readiness.check(&self.database).await;
            }
            tokio::time::sleep(TRIED_EVERY).await;
            self.forget_beyond();
        }
    }

    async fn read_now(&self, read: &Read<'_>, until: Instant) -> Result<Part, Error> {
        let topic = self.topics.by_name(read.topic, until).await?;
        let topic = topic.ok_or_else(|| Error::UnknownTopic(read.topic.to_owned()))?;
        self.topics.forget_if_lost();
        let end = self.end(&topic, until).await?;
        let mut start = read.offset;
        loop {
            if start >= end {
                return Ok(Part { messages: Messages::default(), end });
            }
            let taking = Taking::new(start, read.max, read.max_bytes.get());
            match self.take(&topic, taking, true, until).await {
                Ok(taken) => return Ok(Part { messages: taken.messages, end }),
                Err(Error::OffsetDeleted { first, .. }) => start = first,
                Err(error) => return Err(error),
            }
        }
    }
}

impl Store for MysqlStore {
    fn epoch(&self) -> &Epoch {
        &self.database.epoch
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        Box::pin(async move {
            let until = self.database.deadline();
            let allotted = self.registrar.ask(RegisterRequest::Topic(topic.clone()), until).await?;
            self.topics.add(allotted.topic, topic);
            Ok(())
        })
    }

    fn delete_topic<'a>(&'a self, topic: &'a str) -> Answer<'a, ()> {
        Box::pin(async move { self.delete_now(topic, self.database.deadline()).await })
    }

    fn topics<'a>(&'a self, list: List<'a>) -> Answer<'a, Listed> {
        Box::pin(async move { self.topics.list(&list).await })
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        Box::pin(async move {
            let until = self.database.deadline();
            let allotted =
                self.registrar.ask(RegisterRequest::Producer(topic.clone()), until).await?;
            let topic = self.topics.add(allotted.topic, topic);
            self.topics.add_producer(allotted.producer(), topic);
            Ok(allotted.producer())
        })
    }

    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed> {
        Box::pin(async move {
            let until = self.database.deadline();
            // Otherwise the name need not be one, and no topic has it.
            let Ok(name) = topic.parse::<TopicName>() else {
                return Err(Error::UnknownTopic(topic.to_owned()));
            };
            let allotted =
                self.registrar.ask(RegisterRequest::Consumer(topic.to_owned()), until).await?;
            let topic = self.topics.add(allotted.topic, name);
            // The end was read and then written down in one transaction, so it is on disk.
            topic.tail.mark_durable(allotted.end);
            let known = KnownPosition { position: allotted.end, is_durable: true };
            self.subscriptions.add(allotted.consumer(), topic, known);
            Ok(Subscribed { consumer: allotted.consumer(), offset: allotted.end })
        })
    }

    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move { self.append_now(&append, self.database.deadline()).await })
    }

    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(async move { self.poll_now(&poll, self.database.deadline()).await })
    }

    fn size<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, Size> {
        Box::pin(
            async move { self.subscriptions.size(&subscription, self.database.deadline()).await },
        )
    }

    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()> {
        Box::pin(async move { self.subscriptions.unsubscribe(&subscription).await })
    }

    fn end_idle(&self, idle: Duration) -> Answer<'_, usize> {
        Box::pin(async move { self.subscriptions.end_idle(idle).await })
    }

    fn end_idle_producers(&self, idle: Duration) -> Answer<'_, usize> {
        Box::pin(async move {
            let ended = producers::end_idle(&self.database, &self.topics, idle).await;
            ended.map_err(Failure::into_error)
        })
    }

    fn tidy(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.forget_beyond();
            let tidying = async {
                let mut done = self.tidied.lock().await;
                let known = (&*self.topics, &self.subscriptions);
                tidy(&self.database, known, self.retain, &mut done).await
            };
            // Beside it: what is to be tidied may work where the database cannot be used, and
            // takes long where there is much of it, or no answer.
            tokio::select! {
                biased;
                never = self.watch() => never,
                tidied = tidying => tidied.map_err(Failure::into_error),
            }
        })
    }

    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()> {
        Box::pin(async move {
            let until = self.database.deadline();
            let subscribed = self.subscriptions.find(&subscription, until).await?;
            let tail = &subscribed.topic.tail;
            let _waiting = tail.wait();
            loop {
                // It listens from here on, so that nothing after the look is missed.
                let changed = tail.changed.notified();
                if subscribed.is_over() || tail.is_deleted() || tail.reaches(offset) {
                    return Ok(());
                }
                changed.await;
            }
        })
    }

    fn read<'a>(&'a self, read: Read<'a>) -> Answer<'a, Part> {
        Box::pin(async move { self.read_now(&read, self.database.deadline()).await })
    }

    fn ready(&self) -> Answer<'_, ()> {
        Box::pin(async { self.readiness.check(&self.database).await.map_err(Failure::into_error) })
    }

    fn observe(&self) -> BoxFuture<'_, Observed> {
        Box::pin(self.observe_now())
    }

    fn topic_stats<'a>(
        &'a self,
        after: Option<&'a str>,
        most: usize,
    ) -> Answer<'a, Vec<TopicStats>> {
        Box::pin(self.topic_stats_now(after, most))
    }

    fn subscription_stats(
        &self,
        after: Option<ConsumerId>,
        most: usize,
    ) -> Answer<'_, Vec<SubscriptionStats>> {
        Box::pin(self.subscription_stats_now(after, most))
    }

    fn producer_stats(
        &self,
        after: Option<ProducerId>,
        most: usize,
    ) -> Answer<'_, Vec<ProducerStats>> {
        Box::pin(self.producer_stats_now(after, most))
    }
}
