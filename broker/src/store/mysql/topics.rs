//! The topics and producers that this broker knows. What is known of them never changes until the topic
//! is deleted, so it is remembered. What is not known yet is looked up in the database, because
//! another broker may have registered it; and so is which topic a name means, because another broker
//! may have deleted one and made it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use broker_client::wire::{Offset, ProducerId, TopicName};
use tokio::time::Instant;

use super::database::{Database, column};
use super::failure::Failure;
use super::tail_cache::CacheLimit;
use super::topic::Topic;
use super::transaction::Statement;
use crate::store::largest::Largest;
use crate::store::segment::as_offset;
use crate::store::{Append, Error, LARGEST, List, Listed, Start, Traffic, locks};

/// The topics and producers that are known.
pub(super) struct Topics {
    database: Arc<Database>,
    cache: Arc<CacheLimit>,
    by_id: RwLock<BTreeMap<u32, Arc<Topic>>>,
    producers: RwLock<BTreeMap<ProducerId, KnownProducer>>,
    /// The times of producers are counted from here.
    opened: Instant,
    /// Whether it is written down every now and then which of them have sent.
    are_noted: AtomicBool,
    /// How many connections had been lost when the memory was last emptied.
    losses: AtomicU64,
}

/// A producer.
struct KnownProducer {
    topic: Arc<Topic>,
    /// How many rounds it has sent nothing.
    quiet: AtomicU32,
    /// When it was registered or last sent, in milliseconds from the opening of the store.
    last_send: AtomicU64,
}

/// A producer that sent nothing for so many rounds is forgotten. It is looked up again if need be.
const QUIET_ROUNDS: u32 = 6;

impl Topics {
    /// None are known yet; their messages share the memory of `cache`.
    pub(super) fn new(database: Arc<Database>, cache: CacheLimit) -> Self {
        Self {
            database,
            cache: Arc::new(cache),
            by_id: RwLock::default(),
            producers: RwLock::default(),
            opened: Instant::now(),
            are_noted: AtomicBool::new(false),
            losses: AtomicU64::new(0),
        }
    }

    /// The topic of this name, if there is one.
    pub(super) async fn by_name(
        &self,
        name: &str,
        until: Instant,
    ) -> Result<Option<Arc<Topic>>, Error> {
        // What is no name of a topic is the name of none.
        let Ok(name) = name.parse::<TopicName>() else { return Ok(None) };
        let text = name.as_str().to_owned();
        let query = || sqlx::query("SELECT id FROM topics WHERE name = ?").bind(text.clone());
        let rows = self.database.rows(until, query).await.map_err(Failure::into_error)?;
        let Some(row) = rows.first() else { return Ok(None) };
        let id = column(row, 0).map_err(Failure::into_error)?;
        Ok(Some(self.add(id, name)))
    }

    /// The topic that a producer is registered with, if there is such a producer.
    async fn of_producer(
        &self,
        producer: ProducerId,
        until: Instant,
    ) -> Result<Option<Arc<Topic>>, Error> {
        let known = self.known_producer(producer, until);
        if known.is_some() || producer < 0 {
            return Ok(known);
        }
        let query = || {
            sqlx::query(
                "SELECT t.id, t.name FROM producers p JOIN topics t ON t.id = p.topic WHERE p.id = ?",
            )
            .bind(producer)
        };
        let found = self.find(until, query).await.map_err(Failure::into_error)?;
        if let Some(topic) = &found {
            self.add_producer(producer, Arc::clone(topic));
        }
        Ok(found)
    }

    /// The topic of a request to append, which its producer must be registered with.
    pub(super) async fn of_append(
        &self,
        append: &Append<'_>,
        until: Instant,
    ) -> Result<Arc<Topic>, Error> {
        let Append { producer, topic, .. } = *append;
        let own = self.of_producer(producer, until).await?;
        let own = own.ok_or(Error::UnknownProducer(producer))?;
        if own.name.as_str() == topic {
            return Ok(own);
        }
        match self.by_name(topic, until).await? {
            None => Err(Error::UnknownTopic(topic.to_owned())),
            Some(_) => Err(Error::ProducerNotRegistered { producer, topic: topic.to_owned() }),
        }
    }

    /// The topic of a producer that sends, whose request is to be answered by `until`.
    fn known_producer(&self, producer: ProducerId, until: Instant) -> Option<Arc<Topic>> {
        let producers = locks::read(&self.producers);
        let KnownProducer { topic, quiet, last_send } = producers.get(&producer)?;
        // Mostly it is so already, and then nothing is written that others read.
        if quiet.load(Ordering::Relaxed) > 0 {
            quiet.store(0, Ordering::Relaxed);
        }
        // It spares a look at the clock: all requests have the same time.
        let sent = until.duration_since(self.opened).saturating_sub(self.database.timeout);
        last_send.store(milliseconds(sent), Ordering::Relaxed);
        Some(Arc::clone(topic))
    }

    /// How long ago a producer was registered with or last sent to this broker; none where it has not.
    pub(super) fn last_send(&self, producer: ProducerId) -> Option<Duration> {
        let producers = locks::read(&self.producers);
        let sent = producers.get(&producer)?.last_send.load(Ordering::Relaxed);
        Some(self.opened.elapsed().saturating_sub(Duration::from_millis(sent)))
    }

    /// How many are known, and those to which most messages were appended.
    pub(super) fn busiest(&self) -> (usize, Vec<(TopicName, Traffic)>) {
        let topics = self.all();
        let mut busiest = Largest::new(LARGEST);
        for topic in &topics {
            busiest.offer((topic.counts.now(), topic.name.clone()));
        }
        let busiest = busiest.into_vec().into_iter().map(|(traffic, topic)| (topic, traffic));
        (topics.len(), busiest.collect())
    }

    /// The bytes of messages in memory, and the most that may be.
    pub(super) fn cached(&self) -> (u64, u64) {
        let (used, limit) = self.cache.now();
        (as_offset(used), as_offset(limit))
    }

    /// The topic whose id and name a query selects.
    async fn find(
        &self,
        until: Instant,
        query: impl Fn() -> Statement<'static> + Send + Sync,
    ) -> Result<Option<Arc<Topic>>, Failure> {
        let rows = self.database.rows(until, query).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        Ok(Some(self.add(column(row, 0)?, name(row, 1)?)))
    }

    /// Remembers a topic, and answers what is known of it.
    pub(super) fn add(&self, id: u32, name: TopicName) -> Arc<Topic> {
        let mut by_id = locks::write(&self.by_id);
        // A crash may have undone a topic that was seen before it was on disk, and its id be
        // another's now; or a deletion, and it is there still.
        let is_undone = |known: &Arc<Topic>| known.name != name || known.tail.is_deleted();
        if by_id.get(&id).is_some_and(is_undone) {
            by_id.remove(&id);
        }
        let new = || Arc::new(Topic::new(&self.database, &self.cache, id, name));
        Arc::clone(by_id.entry(id).or_insert_with(new))
    }

    /// Forgets topics that are deleted, with their producers, and wakes the polls that wait for them;
    /// answers whether any was known.
    pub(super) fn forget(&self, ids: impl Iterator<Item = u32>) -> bool {
        let mut by_id = locks::write(&self.by_id);
        let known: Vec<_> = ids.filter_map(|id| by_id.remove(&id)).collect();
        drop(by_id);
        known.iter().for_each(|topic| topic.tail.delete());
        if !known.is_empty() {
            let mut producers = locks::write(&self.producers);
            producers.retain(|_, known| !known.topic.tail.is_deleted());
        }
        !known.is_empty()
    }

    /// Forgets the messages of a topic before an offset, which are deleted.
    pub(super) fn delete_before(&self, id: u32, first: Offset) {
        let by_id = locks::read(&self.by_id);
        if let Some(topic) = by_id.get(&id) {
            topic.tail.delete_before(first);
        }
    }

    /// Remembers a producer.
    pub(super) fn add_producer(&self, producer: ProducerId, topic: Arc<Topic>) {
        let mut producers = locks::write(&self.producers);
        let (quiet, last_send) = (AtomicU32::new(0), milliseconds(self.opened.elapsed()));
        let last_send = AtomicU64::new(last_send);
        producers.insert(producer, KnownProducer { topic, quiet, last_send });
    }

    /// The producers that have sent by this broker since the last round. Those that did not for long
    /// are forgotten.
    pub(super) fn producers_that_sent(&self) -> BTreeSet<ProducerId> {
        self.are_noted.store(true, Ordering::Release);
        let (mut sent, mut quiet) = (BTreeSet::new(), BTreeSet::new());
        for (&id, producer) in locks::read(&self.producers).iter() {
            match producer.quiet.fetch_add(1, Ordering::Relaxed) {
                0 => _ = sent.insert(id),
                QUIET_ROUNDS.. => _ = quiet.insert(id),
                _ => {}
            }
        }
        self.forget_producers(&quiet);
        sent
    }

    /// How many producers are known.
    pub(super) fn known_producers(&self) -> usize {
        locks::read(&self.producers).len()
    }

    /// Forgets some of the producers that have been quiet longest, where more than so many are known. They
    /// are looked up again if need be.
    pub(super) fn forget_producers_beyond(&self, most: usize) {
        let beyond = beyond(self.known_producers(), most);
        if beyond == 0 {
            return;
        }
        // Where idle ones are ended, nobody else knows of those that have sent since the last round.
        let is_noted = self.are_noted.load(Ordering::Acquire);
        let may_go = |known: &KnownProducer| !is_noted || known.quiet.load(Ordering::Relaxed) > 0;
        let producers = locks::read(&self.producers);
        let quiet = producers.iter().filter(|(_, known)| may_go(known));
        let sent =
            |(&id, known): (&_, &KnownProducer)| (known.last_send.load(Ordering::Relaxed), id);
        let mut quiet: Vec<_> = quiet.map(sent).collect();
        drop(producers);
        if beyond < quiet.len() {
            quiet.select_nth_unstable(beyond);
        }
        let ids = quiet.into_iter().take(beyond).map(|(_, id)| id).collect();
        self.forget_producers_if(&ids, may_go);
    }

    /// Forgets producers, and so do the appenders of their topics.
    pub(super) fn forget_producers(&self, ids: &BTreeSet<ProducerId>) {
        self.forget_producers_if(ids, |_| true);
    }

    fn forget_producers_if(
        &self,
        ids: &BTreeSet<ProducerId>,
        is_over: impl Fn(&KnownProducer) -> bool,
    ) {
        let mut producers = locks::write(&self.producers);
        let is_over = |id: &&_| producers.get(*id).is_some_and(&is_over);
        let over: Vec<_> = ids.iter().filter(is_over).copied().collect();
        let forgotten: Vec<_> =
            over.into_iter().filter_map(|id| Some((id, producers.remove(&id)?.topic))).collect();
        drop(producers);
        for (id, topic) in forgotten {
            topic.appender.work().forget_producer(id);
        }
    }

    /// The topics on which a poll waits for messages.
    pub(super) fn awaited(&self) -> Vec<Arc<Topic>> {
        self.forget_if_lost();
        self.all().into_iter().filter(|topic| topic.tail.is_awaited()).collect()
    }

    /// Forgets the messages in memory if a connection was lost since it last did.
    pub(super) fn forget_if_lost(&self) {
        let losses = self.database.connections.losses();
        if self.losses.swap(losses, Ordering::AcqRel) != losses {
            for topic in self.all() {
                topic.tail.forget();
            }
        }
    }

    /// All that are known.
    fn all(&self) -> Vec<Arc<Topic>> {
        locks::read(&self.by_id).values().map(Arc::clone).collect()
    }

    /// The names of those that are asked for, in order of creation.
    pub(super) async fn list(&self, list: &List<'_>) -> Result<Listed, Error> {
        let until = self.database.deadline();
        let first = match list.start {
            Start::First => 0,
            Start::After(name) => match self.by_name(name, until).await? {
                Some(topic) => u64::from(topic.id) + 1,
                None => return Err(Error::UnknownTopic(name.to_owned())),
            },
            Start::At(place) => place,
        };
        let rows = u64::try_from(list.enough()).unwrap_or(u64::MAX);
        let query = || {
            sqlx::query("SELECT name, id FROM topics WHERE id >= ? ORDER BY id LIMIT ?")
                .bind(first)
                .bind(rows)
        };
        let topics = async {
            let rows = self.database.rows(until, query).await?;
            let one = |row| Ok((column::<u32>(row, 1)?.into(), name(row, 0)?));
            rows.iter().map(one).collect::<Result<Vec<_>, Failure>>()
        };
        Ok(list.take(first, topics.await.map_err(Failure::into_error)?))
    }
}

/// How many of those that are known are too many, and some more so that it is not looked at for each.
pub(super) fn beyond(known: usize, most: usize) -> usize {
    if known > most { known - most + most / 16 } else { 0 }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The name of a topic out of a row.
pub(super) fn name(row: &sqlx::mysql::MySqlRow, index: usize) -> Result<TopicName, Failure> {
    let text: String = column(row, index)?;
    text.parse().map_err(|why| Failure::not_done(format!("a topic is called {text:?}: {why}")))
}
