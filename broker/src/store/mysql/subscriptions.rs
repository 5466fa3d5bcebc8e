//! The subscriptions that a broker has met, and where it believes them to stand; only the database
//! knows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::MysqlStore;
use super::database::column;
use super::failure::Failure;
use super::group_commit::Attempt;
use super::positions::now;
use super::topic::Topic;
use super::topics::name;
use super::transaction::Transaction;
use crate::store::locks;
use crate::store::{Error, Subscription};

/// Before a transaction that failed for a passing reason is tried again.
const AGAIN: Duration = Duration::from_millis(10);

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

/// By the consumer's id.
#[derive(Default)]
pub(super) struct Subscriptions(RwLock<BTreeMap<ConsumerId, Arc<Subscribed>>>);

impl Subscriptions {
    /// Remembers one.
    pub(super) fn add(
        &self,
        consumer: ConsumerId,
        topic: Arc<Topic>,
        known: KnownPosition,
    ) -> Arc<Subscribed> {
        let known = Mutex::new(known);
        let new = Subscribed { topic, known, is_over: AtomicBool::default() };
        let mut all = locks::write(&self.0);
        // Two polls may look up the same one: they have to agree on one to wait for each other.
        Arc::clone(all.entry(consumer).or_insert_with(|| Arc::new(new)))
    }

    fn get(&self, consumer: ConsumerId) -> Option<Arc<Subscribed>> {
        let known = locks::read(&self.0);
        known.get(&consumer).map(Arc::clone)
    }

    /// Forgets one that has ended, and wakes its polls.
    pub(super) fn forget(&self, consumer: ConsumerId) {
        let ended = locks::write(&self.0).remove(&consumer);
        if let Some(ended) = ended {
            ended.is_over.store(true, Ordering::Release);
            ended.topic.tail.changed.notify_waiters();
        }
    }
}

impl MysqlStore {
    /// The subscription that a request names, if it is one and of the request's topic.
    pub(super) async fn subscribed(
        &self,
        named: &Subscription<'_>,
        until: Instant,
    ) -> Result<Arc<Subscribed>, Error> {
        self.check_epoch(named.epoch)?;
        let Subscription { topic, consumer, .. } = *named;
        let own = match self.subscriptions.get(consumer) {
            Some(own) => own,
            None => self.look_up(consumer, until).await?,
        };
        if own.topic.name.as_str() == topic {
            return Ok(own);
        }
        match self.topics.by_name(self, topic, until).await? {
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
            let topic = self.topics.add(self, column(row, 0)?, name(row, 1)?);
            Ok(Some((topic, column(row, 2)?)))
        };
        let found: Result<_, Failure> = looking.await;
        match found.map_err(Failure::into_error)? {
            Some((topic, position)) => {
                let known = KnownPosition { position, is_durable: false };
                Ok(self.subscriptions.add(consumer, topic, known))
            }
            None => Err(Error::UnknownConsumer(consumer)),
        }
    }

    pub(super) async fn unsubscribe_now(&self, named: &Subscription<'_>) -> Result<(), Error> {
        let until = self.database.deadline();
        self.subscribed(named, until).await?;
        let ended = self.end_where(until, End::One(named.consumer)).await?;
        // Another broker may have been quicker; over it is either way.
        self.subscriptions.forget(named.consumer);
        if ended.is_empty() { Err(Error::UnknownConsumer(named.consumer)) } else { Ok(()) }
    }

    pub(super) async fn end_idle_now(&self, idle: Duration) -> Result<usize, Error> {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX / 4);
        let ended = self.end_where(self.database.deadline(), End::Idle(idle)).await?;
        for &consumer in &ended {
            self.subscriptions.forget(consumer);
        }
        Ok(ended.len())
    }

    async fn end_where(&self, until: Instant, which: End) -> Result<Vec<ConsumerId>, Error> {
        let attempt = Attempt::new(until);
        let ending = async {
            loop {
                match end(self, which, &attempt).await {
                    Err(failure) if failure.is_passing() => sleep(AGAIN).await,
                    done => return done,
                }
            }
        };
        let ended = tokio::time::timeout_at(until, ending).await;
        ended.unwrap_or_else(|_| Err(attempt.timed_out())).map_err(Failure::into_error)
    }
}

/// Which subscriptions are to end.
#[derive(Clone, Copy, Debug)]
enum End {
    One(ConsumerId),
    /// Those without a poll for so many milliseconds.
    Idle(u64),
}

async fn end(
    store: &MysqlStore,
    which: End,
    attempt: &Attempt,
) -> Result<Vec<ConsumerId>, Failure> {
    let mut transaction = Transaction::begin(&store.database.connections, attempt).await?;
    let ended = end_within(&mut transaction, which).await;
    transaction.end(ended).await
}

async fn end_within(
    transaction: &mut Transaction<'_>,
    which: End,
) -> Result<Vec<ConsumerId>, Failure> {
    let query = match which {
        End::One(consumer) => {
            sqlx::query("SELECT consumer FROM subscriptions WHERE consumer = ? FOR UPDATE")
                .bind(consumer)
        }
        // A poll is noted to a second: one that is on the edge is left alone.
        End::Idle(idle) => sqlx::query(concat!(
            "SELECT consumer FROM subscriptions WHERE polled + ? <= ",
            now!(),
            " FOR UPDATE"
        ))
        .bind(idle.saturating_add(idle.min(1000))),
    };
    let mut ended = Vec::new();
    for row in transaction.rows(query).await? {
        let consumer = column::<u64>(&row, 0)?;
        let consumer = ConsumerId::try_from(consumer).expect("ids are counted from 0");
        let delete = sqlx::query("DELETE FROM subscriptions WHERE consumer = ?").bind(consumer);
        transaction.execute(delete).await?;
        ended.push(consumer);
    }
    Ok(ended)
}
