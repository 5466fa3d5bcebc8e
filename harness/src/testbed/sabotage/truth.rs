//! What every trick stands on: the store that is right, what is known of it, and the record.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use broker::store::{Append, Error, Store};
use broker_client::wire::{ConsumerId, Offset};

use super::places::{Place, Places};
use super::record::Record;

/// The store that is right, and what is known of it.
pub(super) struct Truth {
    pub(super) store: Arc<dyn Store>,
    pub(super) record: Record,
    pub(super) places: Places,
    topics: Mutex<BTreeMap<String, Topic>>,
    /// Held while it matters who is subscribed.
    pub(super) subscribing: tokio::sync::Mutex<()>,
}

/// What is known of a topic.
#[derive(Debug, Default)]
struct Topic {
    /// The log's end, as far as answers said.
    end: Offset,
    /// How many of its places were used.
    used: usize,
    /// Every subscription in the order of registration, and whether it still is one.
    subscriptions: Vec<(ConsumerId, bool)>,
}

impl Truth {
    pub(super) fn new(store: Arc<dyn Store>, record: Record, places: Places) -> Self {
        Self {
            store,
            record,
            places,
            topics: Mutex::default(),
            subscribing: tokio::sync::Mutex::default(),
        }
    }

    /// Appends for real.
    pub(super) async fn append(&self, append: Append<'_>) -> Result<Offset, Error> {
        let offset = self.store.append(append).await?;
        let end = offset + append.payloads.len() as Offset;
        let mut topics = self.topics();
        let topic = topics.entry(append.topic.to_owned()).or_default();
        topic.end = topic.end.max(end);
        Ok(offset)
    }

    /// The log's end: exact while nobody else can append.
    pub(super) fn end(&self, topic: &str) -> Offset {
        self.topics().get(topic).map_or(0, |topic| topic.end)
    }

    /// The next place of the topic that is to be sabotaged, if its log has grown to it.
    pub(super) fn due(&self, topic: &str) -> Option<Place> {
        let topics = self.topics();
        let known = topics.get(topic)?;
        self.places.reached(topic, known.used, known.end).copied()
    }

    /// The place that was due was used.
    pub(super) fn use_place(&self, topic: &str) {
        self.topics().entry(topic.to_owned()).or_default().used += 1;
    }

    pub(super) fn subscribed(&self, topic: &str, consumer: ConsumerId) {
        let mut topics = self.topics();
        topics.entry(topic.to_owned()).or_default().subscriptions.push((consumer, true));
    }

    pub(super) fn unsubscribed(&self, topic: &str, consumer: ConsumerId) {
        if let Some(topic) = self.topics().get_mut(topic) {
            for (known, lasts) in &mut topic.subscriptions {
                *lasts &= *known != consumer;
            }
        }
    }

    /// Who is subscribed now.
    pub(super) fn subscribers(&self, topic: &str) -> Vec<ConsumerId> {
        let topics = self.topics();
        let all = topics.get(topic).map_or(&[][..], |topic| &topic.subscriptions);
        all.iter().filter(|(_, lasts)| *lasts).map(|(consumer, _)| *consumer).collect()
    }

    /// The subscription that registered as the `nth`, from 0.
    pub(super) fn nth_subscriber(&self, topic: &str, nth: usize) -> Option<ConsumerId> {
        let topics = self.topics();
        topics.get(topic)?.subscriptions.get(nth).map(|(consumer, _)| *consumer)
    }

    /// Topics that somebody is subscribed to.
    pub(super) fn consumed_topics(&self) -> Vec<String> {
        let topics = self.topics();
        let consumed = |topic: &Topic| topic.subscriptions.iter().any(|(_, lasts)| *lasts);
        topics.iter().filter(|(_, topic)| consumed(topic)).map(|(name, _)| name.clone()).collect()
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<String, Topic>> {
        lock(&self.topics)
    }
}

/// Takes a lock; nothing in a trick panics half way through a change.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
