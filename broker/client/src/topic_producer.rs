//! One registration of a producer with one topic: the building block of
//! [`Producer`](crate::Producer).
//!
//! Every request carries the sequence of its first message, and an attempt that is repeated
//! carries the same one, so the broker can tell a repeat from a new message. That holds as long as
//! a sequence is never used for anything else: once an outcome stays unknown, the registration is
//! over, and the next message needs another.

use crate::backoff::{self, Attempts, Chance, Progress, Retry, Watch};
use crate::client::Client;
use crate::error::{Error, Refusal};
use crate::wire::{self, Offset, ProducerId, Sequence, TopicName};

/// A producer's registration with one topic.
#[derive(Debug)]
pub struct TopicProducer {
    client: Client,
    topic: TopicName,
    id: ProducerId,
    epoch: String,
    next: Sequence,
    over: bool,
    retry: Retry,
    chance: Chance,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a message may have been refused"]
pub struct Sent {
    /// Of all attempts together: the offset of the first message if any attempt was acknowledged;
    /// [`Error::Unknown`] if any other may have taken effect; else the last attempt's failure.
    pub outcome: Result<Offset, Error>,
    /// How many there were; 0 if nothing was tried.
    pub attempts: u32,
}

impl TopicProducer {
    /// Registers with a topic, which is created if it is missing.
    ///
    /// # Errors
    /// When the bounds of `retry` are reached, or the broker refuses or knows only the original
    /// routes.
    pub async fn register(
        client: &Client,
        topic: &TopicName,
        retry: &Retry,
    ) -> Result<Self, Error> {
        let stream = backoff::stream(&[client.address(), topic.as_str(), REGISTERING], 0);
        let registered = retry.repeat(stream, || client.register_producer(topic.as_str())).await?;
        Self::registered(client, topic, retry, registered).ok_or_else(|| no_additions(client))
    }

    /// Goes on from a registration that was just made. `None` if the answer has no epoch: the
    /// broker knows only the original routes, on which nothing can be repeated safely.
    #[must_use]
    pub fn registered(
        client: &Client,
        topic: &TopicName,
        retry: &Retry,
        answer: wire::ProducerRegistered,
    ) -> Option<Self> {
        let id = answer.producer_id;
        let stream =
            backoff::stream(&[client.address(), topic.as_str(), SENDING], id.cast_unsigned());
        Some(Self {
            client: client.clone(),
            topic: topic.clone(),
            id,
            epoch: answer.epoch?,
            next: 0,
            over: false,
            retry: retry.clone(),
            chance: Chance::new(retry.seed, stream),
        })
    }

    /// The topic.
    #[must_use]
    pub fn topic(&self) -> &TopicName {
        &self.topic
    }

    /// The id that the broker gave.
    #[must_use]
    pub fn id(&self) -> ProducerId {
        self.id
    }

    /// The life of the broker's store that the id is of.
    #[must_use]
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The sequence of the next message.
    #[must_use]
    pub fn next_sequence(&self) -> Sequence {
        self.next
    }

    /// Whether nothing more can be sent under this registration: an outcome stayed unknown, a
    /// [`send`](Self::send) was dropped, or the broker does not know the id any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Sends messages as one request, all or nothing, and repeats it while that may help.
    ///
    /// Refused messages use up no sequence. Dropping the future leaves the outcome unknown and
    /// ends the registration.
    pub async fn send(&mut self, payloads: &[&str]) -> Sent {
        self.send_watched(payloads, &mut |_| ()).await
    }

    /// The same as [`send`](Self::send), and tells of each attempt.
    pub async fn send_watched(&mut self, payloads: &[&str], watch: Watch<'_>) -> Sent {
        if let Some(error) = self.objection(payloads) {
            return Sent { outcome: Err(error), attempts: 0 };
        }
        // Until the outcome is known: a caller that drops this future must not use the sequence again.
        self.over = true;
        let sent = self.attempt(payloads, watch).await;
        self.over = match &sent.outcome {
            Ok(_) => {
                self.next += payloads.len() as Sequence;
                false
            }
            Err(error) => !error.is_definite() || error.is_session_over(),
        };
        sent
    }

    /// Why nothing is sent at all.
    fn objection(&self, payloads: &[&str]) -> Option<Error> {
        if payloads.is_empty() {
            let message = "a batch has at least one message".to_owned();
            return Some(Error::Refused(Refusal { message, ..Refusal::default() }));
        }
        let over = "the registration is over, register anew";
        self.over.then(|| Error::NotSent(over.to_owned()))
    }

    async fn attempt(&mut self, payloads: &[&str], watch: Watch<'_>) -> Sent {
        let (message, messages) = match payloads {
            [payload] => (Some(*payload), None),
            batch => (None, Some(batch)),
        };
        let request = wire::Produce {
            topic: self.topic.as_str(),
            producer_id: self.id,
            message,
            messages,
            sequence: Some(self.next),
            epoch: Some(&self.epoch),
        };
        let mut unknown = None;
        let mut attempts = Attempts::begin(&self.retry, &mut self.chance);
        loop {
            watch(Progress::Began);
            let error = match self.client.produce(&request).await.and_then(|answer| offset(&answer))
            {
                Ok(offset) => return Sent { outcome: Ok(offset), attempts: attempts.made() },
                Err(error) => error,
            };
            watch(Progress::Failed(&error));
            if !error.is_definite() {
                unknown = Some(error.clone());
            }
            if !(error.may_pass() && attempts.again().await) {
                let outcome = Err(unknown.unwrap_or(error));
                return Sent { outcome, attempts: attempts.made() };
            }
        }
    }
}

/// What tells the streams of chance of a producer and a consumer apart, and those of one's life.
const REGISTERING: &str = "producer registers";
const SENDING: &str = "producer sends";

fn offset(answer: &wire::Produced) -> Result<Offset, Error> {
    answer
        .offset
        .ok_or_else(|| Error::Unknown("the answer cannot be understood: no offset".to_owned()))
}

/// The failure of a registration whose answer has no epoch.
pub(crate) fn no_additions(client: &Client) -> Error {
    let message = format!(
        "the broker at {} knows only the original routes: no epoch in its answer",
        client.address()
    );
    Error::Refused(Refusal { message, ..Refusal::default() })
}
