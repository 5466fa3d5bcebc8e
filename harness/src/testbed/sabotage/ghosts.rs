//! Messages that do not belong into a log: what nobody sent, and what went to another topic.
//!
//! Each stands in the log for real, appended by a ghost: a producer that the wrapper registers. So
//! it has an offset of its own, every consumer of the topic gets it, and nothing else is touched.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;

use broker::store::{Answer, Append, Error, Message, Poll, Polled};
use broker_client::wire::{Offset, ProducerId, Sequence};

use super::store::Trick;
use super::truth::{Truth, lock};

/// The ghosts, one a topic.
#[derive(Default)]
struct Ghosts {
    /// Held over the registration, so that no topic gets two; with the next sequence.
    by_topic: tokio::sync::Mutex<BTreeMap<String, (ProducerId, Sequence)>>,
}

impl Ghosts {
    /// Appends a payload; `announce` is called with its identity before anybody can get it.
    async fn append(
        &self,
        truth: &Truth,
        topic: &str,
        payload: &str,
        announce: impl FnOnce((ProducerId, Sequence)),
    ) -> Result<(), Error> {
        let mut by_topic = self.by_topic.lock().await;
        let (producer, next) = match by_topic.get_mut(topic) {
            Some((producer, next)) => (*producer, next),
            None => {
                let name = topic.parse().map_err(|_| Error::UnknownTopic(topic.to_owned()))?;
                let producer = truth.store.register_producer(name).await?;
                let (_, next) = by_topic.entry(topic.to_owned()).or_insert((producer, 0));
                (producer, next)
            }
        };
        announce((producer, *next));
        let payloads = [Cow::Borrowed(payload)];
        let sequence = Some(*next);
        truth
            .append(Append { topic, producer, epoch: None, sequence, payloads: &payloads })
            .await?;
        *next += 1;
        Ok(())
    }
}

/// What a ghost's message is handed out as, by its own identity.
type Guises = BTreeMap<(ProducerId, Sequence), Option<(ProducerId, Sequence)>>;

/// Hands out an answer with the ghosts' messages in their guise, each recorded.
async fn poll(truth: &Truth, guises: &Mutex<Guises>, poll: Poll<'_>) -> Result<Polled, Error> {
    let Polled { messages: honest, position } = truth.store.poll(poll).await?;
    let guises = lock(guises);
    let disguise = |mut message: Message| {
        let guise = message.sequence.and_then(|own| guises.get(&(message.producer, own)));
        if let Some(guise) = guise {
            if let Some((producer, sequence)) = *guise {
                message.producer = producer;
                message.sequence = Some(sequence);
            }
            let subscription = poll.subscription;
            truth.record.delivery(subscription.topic, subscription.consumer, &message);
        }
        message
    };
    Ok(Polled { messages: honest.iter().map(disguise).collect(), position })
}

/// Appends a message of nobody's before one that is appended.
#[derive(Default)]
pub(super) struct Phantom {
    ghosts: Ghosts,
    guises: Mutex<Guises>,
}

impl Phantom {
    async fn append(&self, truth: &Truth, append: Append<'_>) -> Result<Offset, Error> {
        if truth.due(append.topic).is_some() {
            truth.use_place(append.topic);
            let announce = |own| {
                lock(&self.guises).insert(own, None);
            };
            let payload = &append.payloads[0];
            self.ghosts.append(truth, append.topic, payload, announce).await?;
        }
        truth.append(append).await
    }
}

impl Trick for Phantom {
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.append(truth, append))
    }

    fn poll<'a>(&'a self, truth: &'a Truth, honest: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(poll(truth, &self.guises, honest))
    }
}

/// Appends a message to its own topic and to another one.
#[derive(Default)]
pub(super) struct Misroute {
    ghosts: Ghosts,
    guises: Mutex<Guises>,
}

impl Misroute {
    async fn append(&self, truth: &Truth, append: Append<'_>) -> Result<Offset, Error> {
        let place = truth.due(append.topic);
        let offset = truth.append(append).await?;
        if let (Some(place), Some(sequence)) = (place, append.sequence) {
            let mut others = truth.consumed_topics();
            others.retain(|topic| topic != append.topic);
            if !others.is_empty() {
                truth.use_place(append.topic);
                let other = &others[place.consumer % others.len()];
                let guise = Some((append.producer, sequence));
                let announce = |own| {
                    lock(&self.guises).insert(own, guise);
                };
                // The sender's own request is done, whatever becomes of this one.
                let _ = self.ghosts.append(truth, other, &append.payloads[0], announce).await;
            }
        }
        Ok(offset)
    }
}

impl Trick for Misroute {
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.append(truth, append))
    }

    fn poll<'a>(&'a self, truth: &'a Truth, honest: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(poll(truth, &self.guises, honest))
    }
}
