//! Drivers: how a broker under test is spoken to. A new broker is one file here that implements
//! [`Driver`], [`Sender`] and [`Subscriber`], and one line in [`connect_over`].

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use broker_client::transport::{self, Transport};
use broker_client::wire::{ConsumerId, Offset, ProducerId, Sequence, TopicName};
use broker_client::{Message, Messages};

use crate::history::Outcome;
use crate::scenario::{self, Acknowledge};

mod automatic;
mod http;
mod original;
mod routes;

pub use routes::{Route, Routes};

/// Reaches the brokers at these base addresses, at least one, over HTTP; a [`Route`] is a place
/// among them. Leaves nothing behind on them.
///
/// # Errors
/// An address is none, or nobody listens there.
pub async fn connect(
    addresses: &[String],
    how: scenario::Driver,
) -> Result<Arc<dyn Driver>, Failure> {
    connect_over(Arc::new(transport::http()), addresses, how).await
}

/// The same over another transport: a simulated network, say.
///
/// # Errors
/// As [`connect`].
pub async fn connect_over(
    transport: Arc<dyn Transport>,
    addresses: &[String],
    how: scenario::Driver,
) -> Result<Arc<dyn Driver>, Failure> {
    match how {
        scenario::Driver::Detect | scenario::Driver::Original => {
            Ok(Arc::new(http::Http::connect(&transport, addresses, how).await?))
        }
    }
}

/// A boxed future, so that drivers are trait objects.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A call that failed. Whether it took effect does not matter for these calls: they are repeated,
/// or the run ends without a verdict.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    /// For people.
    pub why: String,
    /// Whether the same call is refused for good, so that a repetition is of no use.
    pub is_final: bool,
    /// Whether the broker does not know the id that was sent: it was given in another life of the
    /// store. A new registration or subscription helps.
    pub is_session_over: bool,
}

impl Failure {
    /// A failure of a call that may succeed when it is repeated.
    pub fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), is_final: false, is_session_over: false }
    }
}

/// How one actor speaks to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Manner {
    /// Where to.
    pub route: Route,
    /// How long what has no answer is repeated, as far as that is safe.
    pub patience: Patience,
    /// How deliveries are acknowledged; no matter to a producer.
    pub acknowledge: Acknowledge,
}

/// How long a request that failed is repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// It is made once, as by the original's clients.
    None,
    /// A few times, for a few seconds: long enough for what passes by itself.
    #[default]
    Usual,
    /// As often as fits into this time: long enough for what is done to the broker on purpose.
    Long(Duration),
}

impl Default for Manner {
    /// A good client's, to the first address.
    fn default() -> Self {
        Self { route: Route(0), patience: Patience::Usual, acknowledge: Acknowledge::Offset }
    }
}

/// A connection to a broker under test, shared by all actors of a run.
pub trait Driver: Send + Sync {
    /// Makes sure that the topic exists; one that exists already is fine.
    fn create_topic<'a>(&'a self, topic: &'a TopicName) -> Pending<'a, Result<(), Failure>>;

    /// Registers a producer with one topic.
    fn register<'a>(
        &'a self,
        manner: Manner,
        topic: &'a TopicName,
    ) -> Pending<'a, Result<Box<dyn Sender>, Failure>>;

    /// Subscribes a consumer to one topic. A message acked after this has returned is due to it.
    fn subscribe<'a>(
        &'a self,
        manner: Manner,
        topic: &'a TopicName,
    ) -> Pending<'a, Result<Box<dyn Subscriber>, Failure>>;

    /// Goes on with a subscription of which nothing is remembered but its id and, where the broker
    /// gave one, its epoch: asks the broker for the position. [`Subscriber::start`] is that
    /// position.
    ///
    /// # Errors
    /// Final where the broker does not know the subscription any more.
    fn resume<'a>(
        &'a self,
        manner: Manner,
        topic: &'a TopicName,
        session: (ConsumerId, Option<&'a str>),
    ) -> Pending<'a, Result<Box<dyn Subscriber>, Failure>>;

    /// Reads the log of a topic itself from `offset` on, as far as one answer goes, and moves no
    /// position. None where the broker cannot be read so.
    fn read_log<'a>(
        &'a self,
        _route: Route,
        _topic: &'a TopicName,
        _offset: Offset,
    ) -> Pending<'a, Result<Option<LogPart>, Failure>> {
        Box::pin(ready(Ok(None)))
    }

    /// Whether payloads must carry a tag (`P4#17:`), because the broker hands out messages without
    /// saying who sent them. Final once a [`register`](Self::register) or
    /// [`subscribe`](Self::subscribe) has succeeded; before that, what the broker's first answer
    /// made likely.
    fn needs_tags(&self) -> bool;

    /// The most messages that one request can carry, where the broker sets a bound. Final when
    /// [`needs_tags`](Self::needs_tags) is.
    fn batch_max(&self) -> Option<u32>;
}

/// A part of a topic's log.
#[derive(Debug)]
pub struct LogPart {
    /// The life of the store that it is of.
    pub epoch: String,
    /// The offset that the log's next message gets.
    pub end: Offset,
    /// In order; nothing where the log has nothing more.
    pub messages: Batch,
}

/// One producer's registration with one topic.
pub trait Sender: Send {
    /// The broker's id and the life of its store, where it gives them.
    fn session(&self) -> (Option<ProducerId>, Option<&str>);

    /// Sends the payloads as one request, all or nothing, and repeats it as far as that is safe.
    /// The outcome is that of all attempts together. Sequences count from 0 over the messages of
    /// all calls. Dropping the future leaves the outcome unknown.
    fn send<'a>(&'a mut self, payloads: &'a [&'a str]) -> Pending<'a, Reply>;

    /// Whether the producer has to register anew before it sends more: true after an outcome other
    /// than acked (or a dropped future) where messages are known by their sequence, because the
    /// next message's number would not be its sequence any more. A `send` is then refused.
    fn is_over(&self) -> bool;
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Of all attempts together.
    pub outcome: Outcome,
    /// At least 1.
    pub attempts: u32,
}

/// One consumer's subscription to one topic.
pub trait Subscriber: Send {
    /// The broker's id and the life of its store, where it gives them.
    fn session(&self) -> (Option<ConsumerId>, Option<&str>);

    /// The position that the subscription started at, where the broker tells.
    fn start(&self) -> Option<Offset>;

    /// Polls once for at most `max` messages, waiting up to `wait` for the first where the broker
    /// can, and puts what came into `batch` (cleared first); nothing is an empty batch.
    ///
    /// Calling it again acknowledges what the call before brought, so the caller records first.
    /// The future may be dropped without losing a message only if [`Subscriber::cancel_safe`].
    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> Pending<'a, Result<(), Failure>>;

    /// Whether a poll waits for the first message. Where it does not, it comes back at once, and
    /// the caller paces itself after an empty batch.
    fn can_wait(&self) -> bool;

    /// Whether a dropped poll loses nothing: true where positions are acknowledged by offset.
    fn cancel_safe(&self) -> bool;

    /// Acknowledges everything delivered so far, and ends the subscription where the broker can.
    fn unsubscribe(self: Box<Self>) -> Pending<'static, Result<(), Failure>>;
}

/// The messages of one answer.
#[derive(Debug, Default)]
pub struct Batch(Messages);

/// One message of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered<'a> {
    /// Where the broker tells.
    pub offset: Option<Offset>,
    /// Who sent it, where the broker tells.
    pub producer: Option<ProducerId>,
    /// Its number, where the broker tells.
    pub sequence: Option<Sequence>,
    /// As it came, with its tag where there is one.
    pub payload: &'a str,
}

impl Batch {
    /// Forgets the messages and keeps the space.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds the next message.
    pub fn push(&mut self, message: Delivered<'_>) {
        self.0.push(Message {
            offset: message.offset,
            producer_id: message.producer,
            sequence: message.sequence,
            payload: message.payload,
        });
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The messages in the order of the answer.
    pub fn iter(&self) -> impl Iterator<Item = Delivered<'_>> {
        self.0.iter().map(|message| Delivered {
            offset: message.offset,
            producer: message.producer_id,
            sequence: message.sequence,
            payload: message.payload,
        })
    }
}

impl From<Messages> for Batch {
    fn from(messages: Messages) -> Self {
        Self(messages)
    }
}
