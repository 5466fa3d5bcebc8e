//! The store in MySQL or MariaDB: durable, and shared by any number of brokers.
//!
//! What decides is in the database alone; a broker remembers only what cannot change. From the
//! request inwards:
//! - [`group_commit`]: requests that come while a transaction is in flight gather for the next one;
//!   [`append`], [`positions`], [`registration`] and [`log_end`] are what it carries out.
//! - [`polling`]: messages for a consumer, out of [`tail_cache`] as far as they are in memory;
//!   [`topic`] reads the others.
//! - [`transaction`], [`statements`], [`connections`]: sqlx as it is used here; [`failure`]: what
//!   may be concluded from its errors.
//! - [`setup`]: the database at the start of a broker; [`retention`]: deleting in the background.
//!
//! Acknowledged is what a commit has returned for. A failure before a commit was sent is definite,
//! one after it is an unknown outcome. What this broker has read and not written is handed out
//! only once a later commit of its own proves that it is on disk.

mod address;
mod append;
mod batch;
mod connections;
mod database;
mod failure;
mod group_commit;
mod log_end;
mod polling;
mod positions;
mod registration;
mod retention;
mod setup;
mod statements;
mod subscriptions;
mod tail_cache;
mod topic;
mod topics;
mod transaction;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker_client::wire::{Offset, ProducerId, TopicName};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::address::Address;
pub use self::setup::drop_database;

use self::batch::Batch;
use self::connections::Connections;
use self::database::{Database, column};
use self::failure::Failure;
use self::group_commit::GroupCommit;
use self::log_end::LogEnds;
use self::positions::Positions;
use self::registration::{RegisterRequest, Registrar};
use self::subscriptions::{KnownPosition, Subscriptions};
use self::tail_cache::CacheLimit;
use self::topic::Topic;
use self::topics::Topics;
use super::segment::Taking;
use super::{
    Answer, Append, Epoch, Error, Messages, Part, Poll, Polled, Read, Retain, Size, Store,
    Subscribed, Subscription,
};

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
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            connections: 16,
            cache: 64 << 20,
            message: 1 << 20,
            retain: Retain::All,
        }
    }
}

/// The store in a database.
pub struct MysqlStore {
    database: Arc<Database>,
    cache: Arc<CacheLimit>,
    topics: Topics,
    subscriptions: Subscriptions,
    registrar: GroupCommit<Registrar>,
    positions: GroupCommit<Positions>,
    ends: GroupCommit<LogEnds>,
    /// How many connections had been lost when the memory was last emptied.
    losses: AtomicU64,
    /// Its own tasks, which end with it.
    _tasks: JoinSet<()>,
}

impl MysqlStore {
    /// Opens the store in the database, which is created and migrated if need be.
    ///
    /// # Errors
    /// When the database cannot be reached or used; the text says what to do, and no password.
    pub async fn open(address: &Address, options: &Options) -> anyhow::Result<Arc<Self>> {
        let preparing = setup::prepare(address, options.message);
        let found = tokio::time::timeout(setup::PREPARED_WITHIN, preparing).await;
        let found = found.map_err(|_| anyhow::anyhow!("{address} does not answer"))??;
        let timeout = options.timeout;
        let connections = Connections::new(address.clone(), options.connections, timeout);
        let connections = connections.bind(found.epoch.clone());
        let database = Database::new(connections, found.epoch, timeout, found.packet);
        let database = Arc::new(database);
        Ok(Arc::new_cyclic(|store| {
            let mut tasks = JoinSet::new();
            tasks.spawn(log_end::watch(store.clone()));
            if options.retain == Retain::Lag {
                tasks.spawn(retention::keep(store.clone()));
            }
            Self {
                cache: Arc::new(CacheLimit::new(options.cache)),
                topics: Topics::default(),
                subscriptions: Subscriptions::default(),
                registrar: GroupCommit::new(Registrar(Arc::clone(&database)), timeout),
                positions: GroupCommit::new(Positions(Arc::clone(&database)), timeout),
                ends: GroupCommit::new(LogEnds(Arc::clone(&database)), timeout),
                losses: AtomicU64::new(0),
                database,
                _tasks: tasks,
            }
        }))
    }

    fn check_epoch(&self, given: Option<&str>) -> Result<(), Error> {
        let current = self.database.epoch.as_str();
        match given {
            Some(given) if given != current => {
                Err(Error::WrongEpoch { given: given.to_owned(), current: current.to_owned() })
            }
            _ => Ok(()),
        }
    }

    /// Forgets what is in memory if a connection was lost since it last did.
    fn forget_if_lost(&self) {
        let losses = self.database.connections.losses();
        if self.losses.swap(losses, Ordering::AcqRel) != losses {
            for topic in self.topics.all() {
                topic.tail.forget();
            }
        }
    }

    /// The topics on which a poll waits for messages.
    fn topics_awaited(&self) -> Vec<Arc<Topic>> {
        self.forget_if_lost();
        self.topics.all().into_iter().filter(|topic| topic.tail.is_awaited()).collect()
    }

    async fn append_now(&self, append: &Append<'_>, until: Instant) -> Result<Offset, Error> {
        self.check_epoch(append.epoch)?;
        let topic = self.producers_topic(append, until).await?;
        topic.appender.ask(Batch::new(append), until).await
    }

    /// The topic that the producer is registered with, if it is the request's.
    async fn producers_topic(
        &self,
        append: &Append<'_>,
        until: Instant,
    ) -> Result<Arc<Topic>, Error> {
        let Append { producer, topic, .. } = *append;
        let own = self.topics.of_producer(self, producer, until).await?;
        let own = own.ok_or(Error::UnknownProducer(producer))?;
        if own.name.as_str() == topic {
            return Ok(own);
        }
        match self.topics.by_name(self, topic, until).await? {
            None => Err(Error::UnknownTopic(topic.to_owned())),
            Some(_) => Err(Error::ProducerNotRegistered { producer, topic: topic.to_owned() }),
        }
    }

    async fn size_now(&self, of: &Subscription<'_>, until: Instant) -> Result<Size, Error> {
        self.subscribed(of, until).await?;
        let consumer = of.consumer;
        let query = move || {
            sqlx::query(
                "SELECT s.`position`, t.next_offset FROM subscriptions s
                 JOIN topics t ON t.id = s.topic WHERE s.consumer = ?",
            )
            .bind(consumer)
        };
        let read = async {
            let rows = self.database.rows(until, query).await?;
            let size = rows.first().map(|row| {
                let (position, end): (Offset, Offset) = (column(row, 0)?, column(row, 1)?);
                Ok(Size { lag: end.saturating_sub(position), position })
            });
            size.transpose()
        };
        let size: Result<Option<Size>, Failure> = read.await;
        size.map_err(Failure::into_error)?.ok_or_else(|| {
            self.subscriptions.forget(consumer);
            Error::UnknownConsumer(consumer)
        })
    }

    async fn read_now(&self, read: &Read<'_>, until: Instant) -> Result<Part, Error> {
        let topic = self.topics.by_name(self, read.topic, until).await?;
        let topic = topic.ok_or_else(|| Error::UnknownTopic(read.topic.to_owned()))?;
        self.forget_if_lost();
        let end = self.end(&topic, until).await?;
        if read.offset >= end {
            return Ok(Part { messages: Messages::default(), end });
        }
        let taking = Taking::new(read.offset, read.max, read.max_bytes.get());
        let messages = self.take(&topic, taking, true, until).await?.messages;
        Ok(Part { messages, end })
    }

    async fn ready_now(&self) -> Result<(), Error> {
        // It writes: a server that only reads, or has no table of ours, is of no use.
        let written = self.database.read(self.database.deadline(), |lease| {
            let barrier = self.database.durability_barrier();
            Box::pin(async move {
                let written = barrier.execute(lease.raw()).await;
                written.map(drop).map_err(|error| lease.failed(&error))
            })
        });
        written.await.map_err(Failure::into_error)
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
            self.topics.add(self, allotted.topic, topic);
            Ok(())
        })
    }

    fn topics(&self) -> Answer<'_, Vec<TopicName>> {
        Box::pin(async move { self.topics.names(self).await.map_err(Failure::into_error) })
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        Box::pin(async move {
            let until = self.database.deadline();
            let allotted =
                self.registrar.ask(RegisterRequest::Producer(topic.clone()), until).await?;
            let topic = self.topics.add(self, allotted.topic, topic);
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
            let topic = self.topics.add(self, allotted.topic, name);
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
        Box::pin(async move { self.size_now(&subscription, self.database.deadline()).await })
    }

    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()> {
        Box::pin(async move { self.unsubscribe_now(&subscription).await })
    }

    fn end_idle(&self, idle: Duration) -> Answer<'_, usize> {
        Box::pin(async move { self.end_idle_now(idle).await })
    }

    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()> {
        Box::pin(async move {
            let until = self.database.deadline();
            let subscribed = self.subscribed(&subscription, until).await?;
            let tail = &subscribed.topic.tail;
            let _waiting = tail.wait();
            loop {
                // It listens from here on, so that nothing after the look is missed.
                let changed = tail.changed.notified();
                if subscribed.is_over() || tail.reaches(offset) {
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
        Box::pin(self.ready_now())
    }
}
