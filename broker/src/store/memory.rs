//! The store in memory: quick, and gone with its process.
//!
//! Locks, in the order in which they are taken: the tables of ids (of producers, then of consumers),
//! then one topic's appender, then the log of that topic or of another. The table of topics, and that
//! of the pieces that retention deletes, are looked at for a moment and held with no other. No lock
//! is held across an await, and none while messages are copied out or freed.

mod budget;
mod ids;
mod keeping;
mod log;
mod observe;
mod topic;

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset, ProducerId, TopicName};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use self::ids::Ids;
use self::keeping::Keeping;
use self::topic::Topic;
use super::locks::{self, lock};
use super::segment::as_offset;
use super::traffic::AllCounts;
use super::{
    Answer, Append, Bounded, Epoch, Error, List, Listed, Observed, Part, Poll, Polled,
    ProducerStats, Read, Retain, Size, Start, Store, Subscribed, Subscription, SubscriptionStats,
    TopicStats,
};

/// The store in memory.
pub struct MemoryStore {
    epoch: Epoch,
    keeping: Keeping,
    most_topics: usize,
    /// The most producers, and the most subscriptions.
    most_registrations: usize,
    /// What went through all topics.
    counts: Arc<AllCounts>,
    topics: RwLock<Topics>,
    producers: Mutex<Ids>,
    /// Those whose subscription has not ended.
    consumers: Mutex<Ids>,
}

#[derive(Default)]
struct Topics {
    by_name: BTreeMap<TopicName, Arc<Topic>>,
    /// By the number that each was given when it was created.
    in_order: BTreeMap<u64, TopicName>,
    next: u64,
}

impl MemoryStore {
    /// An empty store. It refuses to retain more than `max_memory` bytes over all topics, which
    /// counts messages as they are kept: the payload as JSON and 8 bytes beside it, or
    /// 48 where it does not follow another of the same producer.
    #[must_use]
    pub fn new(epoch: Epoch, retain: Retain, max_memory: Option<u64>) -> Self {
        Self {
            epoch,
            keeping: Keeping::new(retain, max_memory),
            most_topics: usize::MAX,
            most_registrations: usize::MAX,
            counts: Arc::default(),
            topics: RwLock::default(),
            producers: Mutex::default(),
            consumers: Mutex::default(),
        }
    }

    fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        let topics = locks::read(&self.topics);
        topics.by_name.get(name).map(Arc::clone)
    }

    /// The same store, which refuses to have more topics than this.
    #[must_use]
    pub fn with_most_topics(mut self, most: usize) -> Self {
        self.most_topics = most;
        self
    }

    /// The same store, which refuses to have more producers, or more subscriptions, than this.
    #[must_use]
    pub fn with_most_registrations(mut self, most: usize) -> Self {
        self.most_registrations = most;
        self
    }

    /// Refuses one more than there may be.
    fn check_room(&self, what: Bounded, there: &Ids) -> Result<(), Error> {
        let limit = self.most_registrations;
        if there.count() < limit { Ok(()) } else { Err(Error::TooMany { what, limit }) }
    }

    /// The topic of this name, and whether it was there before.
    fn topic_or_new(&self, name: TopicName) -> Result<(Arc<Topic>, bool), Error> {
        let mut topics = locks::write(&self.topics);
        if let Some(topic) = topics.by_name.get(&name) {
            return Ok((Arc::clone(topic), true));
        }
        if topics.by_name.len() >= self.most_topics {
            return Err(Error::TooMany { what: Bounded::Topics, limit: self.most_topics });
        }
        let number = topics.next;
        topics.next += 1;
        let counts = &self.counts;
        let topic = Arc::new(Topic::new(number, name.clone(), self.keeping.retain, counts));
        topics.in_order.insert(number, name.clone());
        topics.by_name.insert(name, Arc::clone(&topic));
        Ok((topic, false))
    }

    fn create_topic_now(&self, topic: TopicName) -> Result<(), Error> {
        let text = topic.as_str().to_owned();
        match self.topic_or_new(topic)? {
            (_, true) => Err(Error::TopicExists(text)),
            (_, false) => Ok(()),
        }
    }

    fn list(&self, list: &List<'_>) -> Result<Listed, Error> {
        let topics = locks::read(&self.topics);
        let first = match list.start {
            Start::First => 0,
            Start::After(name) => {
                let topic = topics.by_name.get(name);
                topic.ok_or_else(|| Error::UnknownTopic(name.to_owned()))?.number + 1
            }
            Start::At(place) => place,
        };
        let topics = topics.in_order.range(first..);
        Ok(list.take(first, topics.map(|(place, name)| (*place, name.clone()))))
    }

    fn register_producer_now(&self, name: &TopicName) -> Result<ProducerId, Error> {
        loop {
            // Once before a topic is made for it, and once where no other can come in between.
            self.check_room(Bounded::Producers, &lock(&self.producers))?;
            let (topic, _) = self.topic_or_new(name.clone())?;
            let mut producers = lock(&self.producers);
            self.check_room(Bounded::Producers, &producers)?;
            if topic.register_producer(producers.next()) {
                return Ok(producers.give(&topic));
            }
            // It was deleted in between, and its name is free.
        }
    }

    /// Deletes a topic in one step: who finds no topic, or none of its ids, looks at the tables of
    /// ids to say why, and they are held until all of it is gone.
    fn delete_now(&self, name: &str) -> Result<(), Error> {
        let mut producers = lock(&self.producers);
        let mut consumers = lock(&self.consumers);
        let topic = self.topic(name).ok_or_else(|| Error::UnknownTopic(name.to_owned()))?;
        topic.end_producers().for_each(|producer| producers.end(producer));
        // Nothing is appended any more, so nothing stays behind.
        let (ended, freed) = topic.log().delete_all();
        ended.into_iter().for_each(|consumer| consumers.end(consumer));
        let mut topics = locks::write(&self.topics);
        topics.by_name.remove(name);
        topics.in_order.remove(&topic.number);
        drop((topics, consumers, producers));
        topic.wake();
        self.keeping.budget.give(freed.bytes);
        Ok(())
    }

    fn subscribe(&self, name: &str) -> Result<Subscribed, Error> {
        let unknown = || Error::UnknownTopic(name.to_owned());
        let topic = self.topic(name).ok_or_else(unknown)?;
        let mut consumers = lock(&self.consumers);
        self.check_room(Bounded::Subscriptions, &consumers)?;
        let subscribed = topic.log().subscribe(consumers.next(), Instant::now());
        let offset = subscribed.ok_or_else(unknown)?;
        Ok(Subscribed { consumer: consumers.give(&topic), offset })
    }

    fn append_now(&self, append: &Append<'_>) -> Result<Offset, Error> {
        self.epoch.check(append.epoch)?;
        let answer = self.topic(append.topic).and_then(|topic| topic.append(append, &self.keeping));
        answer.unwrap_or_else(|| Err(self.refuse_producer(append)))
    }

    /// Why a producer that its topic does not know is refused.
    fn refuse_producer(&self, append: &Append<'_>) -> Error {
        let Append { producer, topic, .. } = *append;
        if !lock(&self.producers).has(producer) {
            Error::UnknownProducer(producer)
        } else if self.topic(topic).is_none() {
            Error::UnknownTopic(topic.to_owned())
        } else {
            Error::ProducerNotRegistered { producer, topic: topic.to_owned() }
        }
    }

    /// Why a consumer that its topic does not know is refused.
    fn refuse_consumer(&self, subscription: &Subscription<'_>) -> Error {
        let Subscription { consumer, topic, .. } = *subscription;
        if !lock(&self.consumers).has(consumer) {
            Error::UnknownConsumer(consumer)
        } else if self.topic(topic).is_none() {
            Error::UnknownTopic(topic.to_owned())
        } else {
            Error::ConsumerNotRegistered { consumer, topic: topic.to_owned() }
        }
    }

    /// The subscription's topic, where there is one of the name.
    fn subscribed(&self, subscription: &Subscription<'_>) -> Result<Arc<Topic>, Error> {
        self.epoch.check(subscription.epoch)?;
        self.topic(subscription.topic).ok_or_else(|| self.refuse_consumer(subscription))
    }

    fn poll_now(&self, poll: &Poll<'_>) -> Result<Polled, Error> {
        let topic = self.subscribed(&poll.subscription)?;
        let polled = topic.log().poll(poll);
        let (polled, frees) =
            polled.unwrap_or_else(|| Err(self.refuse_consumer(&poll.subscription)))?;
        topic.counts.delivered(as_offset(polled.messages.len()));
        if frees {
            topic.free_passed(&self.keeping.budget);
        }
        Ok(polled)
    }

    fn size_now(&self, subscription: &Subscription<'_>) -> Result<Size, Error> {
        let topic = self.subscribed(subscription)?;
        let size = topic.log().size(subscription.consumer);
        size.ok_or_else(|| self.refuse_consumer(subscription))
    }

    fn read_now(&self, read: &Read<'_>) -> Result<Part, Error> {
        let topic = self.topic(read.topic);
        let topic = topic.ok_or_else(|| Error::UnknownTopic(read.topic.to_owned()))?;
        Ok(topic.log().read(read))
    }

    fn unsubscribe_now(&self, subscription: &Subscription<'_>) -> Result<(), Error> {
        let topic = self.subscribed(subscription)?;
        {
            let mut consumers = lock(&self.consumers);
            if !topic.log().unsubscribe(subscription.consumer) {
                drop(consumers);
                return Err(self.refuse_consumer(subscription));
            }
            consumers.end(subscription.consumer);
        }
        topic.wake();
        topic.free_passed(&self.keeping.budget);
        Ok(())
    }

    fn end_idle_now(&self, idle: Duration) -> usize {
        let mut count = 0;
        for topic in self.all() {
            let ended = {
                let mut consumers = lock(&self.consumers);
                let ended = topic.log().end_idle(idle);
                ended.iter().for_each(|&consumer| consumers.end(consumer));
                ended.len()
            };
            if ended > 0 {
                topic.wake();
                topic.free_passed(&self.keeping.budget);
            }
            count += ended;
        }
        count
    }

    fn end_idle_producers_now(&self, idle: Duration) -> usize {
        let mut count = 0;
        for topic in self.all() {
            let mut producers = lock(&self.producers);
            let ended = topic.end_idle_producers(idle);
            ended.iter().for_each(|&producer| producers.end(producer));
            count += ended.len();
        }
        count
    }

    fn all(&self) -> Vec<Arc<Topic>> {
        let topics = locks::read(&self.topics);
        topics.by_name.values().map(Arc::clone).collect()
    }
}

impl Store for MemoryStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        answer(self.create_topic_now(topic))
    }

    fn delete_topic<'a>(&'a self, topic: &'a str) -> Answer<'a, ()> {
        answer(self.delete_now(topic))
    }

    fn topics<'a>(&'a self, list: List<'a>) -> Answer<'a, Listed> {
        answer(self.list(&list))
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        answer(self.register_producer_now(&topic))
    }

    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed> {
        answer(self.subscribe(topic))
    }

    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset> {
        answer(self.append_now(&append))
    }

    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled> {
        answer(self.poll_now(&poll))
    }

    fn size<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, Size> {
        answer(self.size_now(&subscription))
    }

    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()> {
        answer(self.unsubscribe_now(&subscription))
    }

    fn end_idle(&self, idle: Duration) -> Answer<'_, usize> {
        answer(Ok(self.end_idle_now(idle)))
    }

    fn end_idle_producers(&self, idle: Duration) -> Answer<'_, usize> {
        answer(Ok(self.end_idle_producers_now(idle)))
    }

    fn tidy(&self) -> Answer<'_, ()> {
        self.keeping.delete_old();
        answer(Ok(()))
    }

    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()> {
        Box::pin(async move {
            let topic = self.subscribed(&subscription)?;
            topic.arrival(subscription.consumer, offset).await;
            Ok(())
        })
    }

    fn read<'a>(&'a self, read: Read<'a>) -> Answer<'a, Part> {
        answer(self.read_now(&read))
    }

    fn ready(&self) -> Answer<'_, ()> {
        answer(Ok(()))
    }

    fn observe(&self) -> BoxFuture<'_, Observed> {
        Box::pin(self.observe_now())
    }

    fn topic_stats<'a>(
        &'a self,
        after: Option<&'a str>,
        most: usize,
    ) -> Answer<'a, Vec<TopicStats>> {
        answer(Ok(self.topic_stats_now(after, most)))
    }

    fn subscription_stats(
        &self,
        after: Option<ConsumerId>,
        most: usize,
    ) -> Answer<'_, Vec<SubscriptionStats>> {
        answer(Ok(self.subscription_stats_now(after, most)))
    }

    fn producer_stats(
        &self,
        after: Option<ProducerId>,
        most: usize,
    ) -> Answer<'_, Vec<ProducerStats>> {
        answer(Ok(self.producer_stats_now(after, most)))
    }
}

/// An answer that is there at once.
fn answer<'a, T: Send + 'a>(result: Result<T, Error>) -> Answer<'a, T> {
    Box::pin(ready(result))
}
