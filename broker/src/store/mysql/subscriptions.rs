//! The subscriptions that this broker knows, and its guess of where each of them stands: the
//! database has the truth.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::checkpoint::log_end;
use super::database::{Database, column};
use super::ending::{end, end_some_idle};
use super::failure::Failure;
use super::topic::Topic;
use super::topics::{Topics, beyond, name};
use crate::store::{Error, Size, Subscription, locks};

/// Where a subscription stands, as far as a broker knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownPosition {
    pub(super) position: Offset,
    /// Whether a commit of this broker has come back since the position was there, so that it is
    /// on disk.
    pub(super) is_durable: bool,
}

/// A subscription.
pub(super) struct Subscribed {
    pub(super) topic: Arc<Topic>,
    /// Where it stood when this broker last saw it. Held during a poll.
    pub(super) known: Mutex<KnownPosition>,
    is_over: AtomicBool,
}

impl Subscribed {
    /// Whether it was ended, as far as this broker knows.
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}

/// The subscriptions that are known.
pub(super) struct Subscriptions {
    database: Arc<Database>,
    topics: Arc<Topics>,
    by_consumer: RwLock<BTreeMap<ConsumerId, Arc<Subscribed>>>,
}

impl Subscriptions {
    /// None are known yet.
    pub(super) fn new(database: Arc<Database>, topics: Arc<Topics>) -> Self {
        Self { database, topics, by_consumer: RwLock::default() }
    }

    /// Remembers one.
    pub(super) fn add(
        &self,
        consumer: ConsumerId,
        topic: Arc<Topic>,
        known: KnownPosition,
    ) -> Arc<Subscribed> {
        let known = Mutex::new(known);
        let new = Subscribed { topic, known, is_over: AtomicBool::default() };
        let mut all = locks::write(&self.by_consumer);
        if all.get(&consumer).is_some_and(|known| known.topic.tail.is_deleted()) {
            all.remove(&consumer);
        }
        // Two polls may look up the same one: they have to agree on one to wait for each other.
        Arc::clone(all.entry(consumer).or_insert_with(|| Arc::new(new)))
    }

    fn get(&self, consumer: ConsumerId) -> Option<Arc<Subscribed>> {
        let known = locks::read(&self.by_consumer);
        known.get(&consumer).filter(|known| !known.topic.tail.is_deleted()).map(Arc::clone)
    }

    /// Forgets those of topics that are known to be deleted.
    pub(super) fn forget_deleted(&self) {
        let mut known = locks::write(&self.by_consumer);
        known.retain(|_, subscribed| !subscribed.topic.tail.is_deleted());
    }

    /// How many are known.
    pub(super) fn known(&self) -> usize {
        locks::read(&self.by_consumer).len()
    }

    /// Forgets some that no request is about, those registered first, where more than so many are known.
    /// They are looked up again if need be.
    pub(super) fn forget_beyond(&self, most: usize) {
        let mut beyond = beyond(self.known(), most);
        if beyond == 0 {
            return;
        }
        let mut known = locks::write(&self.by_consumer);
        known.retain(|_, subscribed| {
            let is_kept = beyond == 0 || Arc::strong_count(subscribed) > 1;
            beyond -= usize::from(!is_kept);
            is_kept
        });
    }

    /// Forgets one that has ended, and wakes its polls.
    pub(super) fn forget(&self, consumer: ConsumerId) {
        let ended = locks::write(&self.by_consumer).remove(&consumer);
        if let Some(ended) = ended {
            ended.is_over.store(true, Ordering::Release);
            ended.topic.tail.changed.notify_waiters();
        }
    }

    /// The subscription that a request names, if it is one and of the request's topic.
    pub(super) async fn find(
        &self,
        named: &Subscription<'_>,
        until: Instant,
    ) -> Result<Arc<Subscribed>, Error> {
        self.database.epoch.check(named.epoch)?;
        let Subscription { topic, consumer, .. } = *named;
        let own = match self.get(consumer) {
            Some(own) => own,
            None => self.look_up(consumer, until).await?,
        };
        if own.topic.name.as_str() == topic {
            return Ok(own);
        }
        match self.topics.by_name(topic, until).await? {
            None => Err(Error::UnknownTopic(topic.to_owned())),
            Some(_) => Err(Error::ConsumerNotRegistered { consumer, topic: topic.to_owned() }),
        }
    }

    async fn look_up(
        &self,
        consumer: ConsumerId,
        until: Instant,
    ) -> Result<Arc<Subscribed>, Error> {
        if consumer < 0 {
            return Err(Error::UnknownConsumer(consumer));
        }
        let query = || {
            sqlx::query(
                "SELECT t.id, t.name, s.`position` FROM subscriptions s
                 JOIN topics t ON t.id = s.topic WHERE s.consumer = ?",
            )
            .bind(consumer)
        };
        let looking = async {
            let rows = self.database.rows(until, query).await?;
            let Some(row) = rows.first() else { return Ok(None) };
            let topic = self.topics.add(column(row, 0)?, name(row, 1)?);
            Ok(Some((topic, column(row, 2)?)))
        };
        let found: Result<_, Failure> = looking.await;
        match found.map_err(Failure::into_error)? {
            Some((topic, position)) => {
                let known = KnownPosition { position, is_durable: false };
                Ok(self.add(consumer, topic, known))
            }
            None => Err(Error::UnknownConsumer(consumer)),
        }
    }

    /// How much a subscription lags, and where it stands.
    pub(super) async fn size(&self, of: &Subscription<'_>, until: Instant) -> Result<Size, Error> {
        let topic = Arc::clone(&self.find(of, until).await?.topic);
        let consumer = of.consumer;
        let query = move || {
            sqlx::query(concat!(
                "SELECT s.`position`, t.kept_from, ",
                log_end!(),
                " FROM subscriptions s JOIN topics t ON t.id = s.topic WHERE s.consumer = ?"
            ))
            .bind(consumer)
        };
        let read = async {
            let rows = self.database.rows(until, query).await?;
            let size = rows.first().map(|row| {
                let (position, kept_from): (Offset, Offset) = (column(row, 0)?, column(row, 1)?);
                let end: Offset = column(row, 2)?;
                // What is not counted here must not be handed out afterwards.
                topic.tail.delete_before(kept_from);
                Ok(Size { lag: end.saturating_sub(position.max(kept_from)), position })
            });
            size.transpose()
        };
        let size: Result<Option<Size>, Failure> = read.await;
        size.map_err(Failure::into_error)?.ok_or_else(|| {
            self.forget(consumer);
            Error::UnknownConsumer(consumer)
        })
    }

    /// Ends the subscription that a request names.
    pub(super) async fn unsubscribe(&self, named: &Subscription<'_>) -> Result<(), Error> {
        let until = self.database.deadline();
        self.find(named, until).await?;
        let is_ended = end(&self.database, named.consumer, until).await?;
        // Another broker may have been quicker; over it is either way.
        self.forget(named.consumer);
        if is_ended { Ok(()) } else { Err(Error::UnknownConsumer(named.consumer)) }
    }

    /// Ends the subscriptions without a poll for so long, and answers how many.
    pub(super) async fn end_idle(&self, idle: Duration) -> Result<usize, Error> {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX / 4);
        let mut count = 0;
        loop {
            let ended = end_some_idle(&self.database, idle).await.map_err(Failure::into_error)?;
            if ended.is_empty() {
                return Ok(count);
            }
            ended.iter().for_each(|&consumer| self.forget(consumer));
            count += ended.len();
        }
    }
}
