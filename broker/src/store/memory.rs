//! The store in memory: quick, and gone with its process.
//!
//! Locks, in the order in which they are taken: the table of ids, then one topic's appender, then
//! that topic's log. The table of topics is read for a moment by every request and held with no
//! other. No lock is held across an await, and none while messages are copied out or freed.

mod budget;
mod log;
mod topic;

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset, ProducerId, TopicName};
use tokio::time::Instant;

use self::budget::Budget;
use self::topic::Topic;
use super::locks::{self, lock};
use super::{
    Answer, Append, Epoch, Error, Part, Poll, Polled, Read, Retain, Size, Store, Subscribed,
    Subscription,
};

/// The store in memory.
pub struct MemoryStore {
    epoch: Epoch,
    retain: Retain,
    budget: Budget,
    topics: RwLock<Topics>,
    /// By producer id, the topic that each is registered with.
    producers: Mutex<Vec<Arc<Topic>>>,
    /// By consumer id; `None` where the subscription was ended.
    consumers: Mutex<Vec<Option<Arc<Topic>>>>,
}

#[derive(Default)]
struct Topics {
    by_name: BTreeMap<TopicName, Arc<Topic>>,
    in_order: Vec<TopicName>,
}

impl MemoryStore {
    /// An empty store. It refuses to retain more than `max_memory` bytes over all topics, which
    /// counts messages as they are kept: the payload as JSON and 8 bytes beside it, or
    /// 48 where it does not follow another of the same producer.
    #[must_use]
    pub fn new(epoch: Epoch, retain: Retain, max_memory: Option<u64>) -> Self {
        Self {
            epoch,
            retain,
            budget: Budget::new(max_memory.unwrap_or(u64::MAX)),
            topics: RwLock::default(),
            producers: Mutex::default(),
            consumers: Mutex::default(),
        }
    }

    fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        let topics = locks::read(&self.topics);
        topics.by_name.get(name).map(Arc::clone)
    }

    /// The topic of this name, and whether it was there before.
    fn topic_or_new(&self, name: TopicName) -> (Arc<Topic>, bool) {
        let mut topics = locks::write(&self.topics);
        if let Some(topic) = topics.by_name.get(&name) {
            return (Arc::clone(topic), true);
        }
        let topic = Arc::new(Topic::new(self.retain));
        topics.in_order.push(name.clone());
        topics.by_name.insert(name, Arc::clone(&topic));
        (topic, false)
    }

    fn subscribe(&self, name: &str) -> Result<Subscribed, Error> {
        let topic = self.topic(name).ok_or_else(|| Error::UnknownTopic(name.to_owned()))?;
        let mut consumers = lock(&self.consumers);
        let consumer = ConsumerId::try_from(consumers.len()).expect("fewer ids than i64 has");
        let offset = topic.log().subscribe(consumer, Instant::now());
        consumers.push(Some(topic));
        Ok(Subscribed { consumer, offset })
    }

    fn append_now(&self, append: &Append<'_>) -> Result<Offset, Error> {
        self.epoch.check(append.epoch)?;
        let answer = self.topic(append.topic).and_then(|topic| topic.append(append, &self.budget));
        answer.unwrap_or_else(|| Err(self.refuse_producer(append)))
    }

    /// Why a producer that its topic does not know is refused.
    fn refuse_producer(&self, append: &Append<'_>) -> Error {
        let Append { producer, topic, .. } = *append;
        let exists = usize::try_from(producer).is_ok_and(|id| id < lock(&self.producers).len());
        if !exists {
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
        let exists = usize::try_from(consumer)
            .is_ok_and(|id| lock(&self.consumers).get(id).is_some_and(Option::is_some));
        if !exists {
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
        if frees {
            topic.free_passed(&self.budget);
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
            forget(&mut consumers, subscription.consumer);
        }
        topic.wake();
        topic.free_passed(&self.budget);
        Ok(())
    }

    fn end_idle_now(&self, idle: Duration) -> usize {
        let topics: Vec<_> = {
            let topics = locks::read(&self.topics);
            topics.by_name.values().map(Arc::clone).collect()
        };
        let mut count = 0;
        for topic in topics {
            let ended = {
                let mut consumers = lock(&self.consumers);
                let ended = topic.log().end_idle(idle);
                for &consumer in &ended {
                    forget(&mut consumers, consumer);
                }
                ended.len()
            };
            if ended > 0 {
                topic.wake();
                topic.free_passed(&self.budget);
            }
            count += ended;
        }
        count
    }
}

impl Store for MemoryStore {
    fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        let text = topic.as_str().to_owned();
        let (_, existed) = self.topic_or_new(topic);
        answer(if existed { Err(Error::TopicExists(text)) } else { Ok(()) })
    }

    fn topics(&self) -> Answer<'_, Vec<TopicName>> {
        let topics = locks::read(&self.topics);
        answer(Ok(topics.in_order.clone()))
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        let (topic, _) = self.topic_or_new(topic);
        let mut producers = lock(&self.producers);
        let producer = ProducerId::try_from(producers.len()).expect("fewer ids than i64 has");
        topic.register_producer(producer);
        producers.push(topic);
        answer(Ok(producer))
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
}

/// An answer that is there at once.
fn answer<'a, T: Send + 'a>(result: Result<T, Error>) -> Answer<'a, T> {
    Box::pin(ready(result))
}

fn forget(consumers: &mut [Option<Arc<Topic>>], consumer: ConsumerId) {
    let index = usize::try_from(consumer).expect("a subscription has a real id");
    consumers[index] = None;
}
