//! What a small store has written down: topics, ids, messages, positions and sequences. Every
//! method is one step that nobody else gets into; what a store does between two of them may be
//! its bug.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::store::{
    Append, Epoch, Error, Message, Part, Poll, Polled, Read, Size, Subscribed, Subscription,
};
use broker_client::wire::{ConsumerId, Offset, ProducerId, Sequence, TopicName};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::chance;

/// Most pauses are at most this long, in milliseconds.
const SHORT: u64 = 3;

/// One pause in so many is long: a lock that is waited for, a page that is read.
const LONG_ONE_IN: u64 = 6;

/// The longest pause, in milliseconds.
const LONG: u64 = 60;

/// It survives a broker.
pub(super) struct DurableState {
    epoch: Epoch,
    inside: Mutex<Inside>,
    chance: Mutex<Pcg64Mcg>,
    /// Told after every change.
    pub(super) changed: Notify,
}

#[derive(Default)]
struct Inside {
    topics: Vec<TopicName>,
    logs: BTreeMap<TopicName, Log>,
    /// By producer id, the topic that each is registered with.
    producers: Vec<TopicName>,
    /// How many consumers there were; ids are not given again.
    consumers: ConsumerId,
}

/// One topic.
#[derive(Default)]
pub(super) struct Log {
    pub(super) messages: BTreeMap<Offset, Message>,
    pub(super) positions: BTreeMap<ConsumerId, Offset>,
    pub(super) counts: BTreeMap<ProducerId, Count>,
}

/// The last request of a producer that had a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) first: Sequence,
    pub(super) next: Sequence,
    pub(super) offset: Offset,
}

impl DurableState {
    pub(super) fn new(epoch: Epoch, chance: Pcg64Mcg) -> Self {
        Self { epoch, inside: Mutex::default(), chance: Mutex::new(chance), changed: Notify::new() }
    }

    pub(super) fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// A while, as a store that works on a disk takes between two steps.
    pub(super) async fn pause(&self) {
        let millis = {
            let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
            let longest =
                if chance::below(chance.next_u64(), LONG_ONE_IN) == 0 { LONG } else { SHORT };
            chance::below(chance.next_u64(), longest + 1)
        };
        sleep(Duration::from_millis(millis)).await;
    }

    pub(super) fn create_topic(&self, topic: TopicName) -> Result<(), Error> {
        let mut inside = self.inside();
        if inside.logs.contains_key(&topic) {
            return Err(Error::TopicExists(topic.to_string()));
        }
        inside.add(topic);
        Ok(())
    }

    pub(super) fn topics(&self) -> Vec<TopicName> {
        self.inside().topics.clone()
    }

    pub(super) fn register_producer(&self, topic: TopicName) -> ProducerId {
        let mut inside = self.inside();
        if !inside.logs.contains_key(&topic) {
            inside.add(topic.clone());
        }
        inside.producers.push(topic);
        ProducerId::try_from(inside.producers.len() - 1).expect("a simulation has few producers")
    }

    pub(super) fn register_consumer(&self, topic: &str) -> Result<Subscribed, Error> {
        let mut inside = self.inside();
        let consumer = inside.consumers;
        let log =
            inside.logs.get_mut(topic).ok_or_else(|| Error::UnknownTopic(topic.to_owned()))?;
        let offset = log.end();
        log.positions.insert(consumer, offset);
        inside.consumers += 1;
        Ok(Subscribed { consumer, offset })
    }

    /// One step on the log that an append is for.
    pub(super) fn appending<T>(
        &self,
        append: &Append<'_>,
        step: impl FnOnce(&mut Log) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.check_epoch(append.epoch)?;
        let mut inside = self.inside();
        let Append { producer, topic, .. } = *append;
        let registered = usize::try_from(producer).ok().and_then(|id| inside.producers.get(id));
        let registered = registered.ok_or(Error::UnknownProducer(producer))?;
        let is_of = registered.as_str() == topic;
        let log =
            inside.logs.get_mut(topic).ok_or_else(|| Error::UnknownTopic(topic.to_owned()))?;
        if !is_of {
            return Err(Error::ProducerNotRegistered { producer, topic: topic.to_owned() });
        }
        step(log)
    }

    /// What a log holds.
    pub(super) fn read(&self, read: &Read<'_>) -> Result<Part, Error> {
        let inside = self.inside();
        let log = inside.logs.get(read.topic);
        let log = log.ok_or_else(|| Error::UnknownTopic(read.topic.to_owned()))?;
        let messages = log.from(read.offset, read.max).into_iter().collect();
        Ok(Part { messages, end: log.end() })
    }

    /// One step on the log that a subscription is to.
    pub(super) fn consuming<T>(
        &self,
        subscription: &Subscription<'_>,
        step: impl FnOnce(&mut Log) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.check_epoch(subscription.epoch)?;
        let mut inside = self.inside();
        let Subscription { consumer, topic, .. } = *subscription;
        if !inside.logs.values().any(|log| log.positions.contains_key(&consumer)) {
            return Err(Error::UnknownConsumer(consumer));
        }
        let log =
            inside.logs.get_mut(topic).ok_or_else(|| Error::UnknownTopic(topic.to_owned()))?;
        if !log.positions.contains_key(&consumer) {
            return Err(Error::ConsumerNotRegistered { consumer, topic: topic.to_owned() });
        }
        step(log)
    }

    fn check_epoch(&self, given: Option<&str>) -> Result<(), Error> {
        let current = self.epoch.as_str();
        match given {
            Some(given) if given != current => {
                Err(Error::WrongEpoch { given: given.to_owned(), current: current.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn add(&mut self, topic: TopicName) {
        self.topics.push(topic.clone());
        self.logs.insert(topic, Log::default());
    }
}

impl Log {
    /// The offset that the next message gets.
    pub(super) fn end(&self) -> Offset {
        self.messages.last_key_value().map_or(0, |(last, _)| last + 1)
    }

    /// Answers the offset of a request that repeats, `None` for one that is due, or refuses.
    pub(super) fn repeated(&self, append: &Append<'_>) -> Result<Option<Offset>, Error> {
        repeated(self.counts.get(&append.producer), append)
    }

    /// Writes the messages from `offset` on, over what may be there, and counts them.
    pub(super) fn write(&mut self, append: &Append<'_>, offset: Offset) {
        for (place, payload) in (0..).zip(append.payloads) {
            let message = Message {
                offset: offset + place,
                producer: append.producer,
                sequence: append.sequence.map(|first| first + place),
                payload: payload.to_string(),
            };
            self.messages.insert(offset + place, message);
        }
        if let Some(count) = Count::of(append, offset) {
            self.counts.insert(append.producer, count);
        }
    }

    /// Acknowledges and takes, as a store should.
    pub(super) fn poll(&mut self, poll: &Poll<'_>) -> Result<Polled, Error> {
        let consumer = poll.subscription.consumer;
        let position = self.positions[&consumer];
        let start = poll.offset.unwrap_or(position);
        if start < position {
            return Err(Error::OffsetPassed { given: start, position });
        }
        if start > self.end() {
            return Err(Error::OffsetBeyond { given: start, end: self.end() });
        }
        let messages = self.from(start, poll.max);
        let taken = if poll.offset.is_some() { 0 } else { messages.len() as Offset };
        self.positions.insert(consumer, start + taken);
        Ok(Polled { messages: messages.into_iter().collect(), position: start + taken })
    }

    /// At most so many messages from `start` on.
    pub(super) fn from(&self, start: Offset, max: usize) -> Vec<Message> {
        self.messages.range(start..).take(max).map(|(_, message)| message.clone()).collect()
    }

    pub(super) fn size(&self, consumer: ConsumerId) -> Size {
        let position = self.positions[&consumer];
        Size { lag: self.end().saturating_sub(position), position }
    }
}

impl Count {
    /// What a request leaves behind, where it is numbered.
    pub(super) fn of(append: &Append<'_>, offset: Offset) -> Option<Self> {
        let first = append.sequence?;
        Some(Self { first, next: first + append.payloads.len() as Sequence, offset })
    }
}

/// Whether a request repeats the one that was counted last.
pub(super) fn repeated(
    count: Option<&Count>,
    append: &Append<'_>,
) -> Result<Option<Offset>, Error> {
    let (Some(count), Some(first)) = (count, append.sequence) else { return Ok(None) };
    if first >= count.next {
        return Ok(None);
    }
    if first < count.first {
        let last = first + append.payloads.len() as Sequence - 1;
        return Err(Error::SequenceOld {
            first,
            last,
            request: Some((count.first, count.next - 1)),
        });
    }
    Ok(Some(count.offset + (first - count.first)))
}
