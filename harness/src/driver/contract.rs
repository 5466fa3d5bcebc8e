//! What a driver is: three traits, and what their calls say.

use std::time::Duration;

use futures_util::future::{BoxFuture, ready};

use super::attempts::Attempts;
use super::batch::Batch;
use super::client::{Client, Route, Session};
use super::failure::Failure;
use crate::capability::Capabilities;
use crate::history::{Offset, Outcome};
use crate::plan::{MessageId, TopicIndex};

/// A connection to a broker under test, shared by all actors of a run.
///
/// Who sent a message is the driver's matter: it is handed planned messages, decides how their
/// identity travels (in a header, a field, a sequence, a tag before the payload), and says which
/// planned message a delivery is.
pub trait Driver: Send + Sync {
    /// What the broker can do. Final once a [`register`](Self::register) or
    /// [`subscribe`](Self::subscribe) has succeeded; before that, what is known so far.
    fn capabilities(&self) -> Capabilities;

    /// Makes sure that the topic exists; one that exists already is fine.
    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>>;

    /// Registers a producer with one topic.
    ///
    /// # Errors
    /// Also where the broker cannot carry the plan's messages.
    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>>;

    /// Subscribes a consumer to one topic. A message acked after this has returned is due to it.
    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>>;

    /// Goes on with a subscription of which nothing is remembered but its session: asks the broker
    /// for the position. [`Subscriber::start`] is that position.
    ///
    /// # Errors
    /// Final where the broker does not know the subscription any more.
    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>>;

    /// Reads the log of a topic itself from `offset` on, as far as one answer goes, and moves no
    /// position. None where the broker cannot be read so.
    fn read_log(
        &self,
        _route: Route,
        _topic: TopicIndex,
        _offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        Box::pin(ready(Ok(None)))
    }

    /// How many messages of earlier runs the broker handed out that were passed over, because the
    /// scenario says that it may (`new_consumers: beginning`).
    fn passed_over(&self) -> u64 {
        0
    }

    /// What it noticed of itself that belongs into the report. Asked after [`Driver::finish`].
    fn remarks(&self) -> Remarks {
        Remarks::default()
    }

    /// Ends what the driver has beside its senders and subscribers: child processes, names that it
    /// left on a broker that goes on living. Called once, after the last of them is gone and before
    /// the testbed is stopped, also in a run that failed.
    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }
}

/// What a driver noticed of itself, a sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// What keeps the run from having a verdict: the driver itself was wrong.
    pub doubts: Vec<String>,
    /// What a reader should know beside that.
    pub notes: Vec<String>,
}

/// One producer's registration with one topic.
pub trait Sender: Send {
    /// What the broker knows it by.
    fn session(&self) -> &Session;

    /// The number of the broker (from 1) that it registered with, where the driver chose that.
    fn broker(&self) -> Option<u32> {
        None
    }

    /// Sends these messages as one request, and repeats it as far as that is safe; the outcome is
    /// that of all attempts together. Dropping the future leaves the outcome unknown.
    ///
    /// Each attempt is noted as it is made, so that a fault is not taken for the reason of what
    /// failed before it or after.
    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply>;

    /// Begins a request and does not wait for its outcome, so that several are under way. Called in
    /// the order in which the broker is to have them, and again only when the call before is over;
    /// what it returns is awaited apart, and may be dropped, which leaves the outcome unknown.
    ///
    /// Nothing is repeated unless the broker then keeps the order and each message once. Only for a
    /// broker that can have it ([`Capabilities::in_flight`]).
    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        let why = "this driver has one request under way at a time".to_owned();
        let reply = Reply::whole(messages.len(), Outcome::Refused { why }, 1);
        Box::pin(ready(Box::pin(ready(reply)) as Pending))
    }

    /// Whether the producer has to register anew before it sends more: true where the broker does
    /// not know the registration any more; and after an outcome other than acked (or a dropped
    /// future) where messages are known by their sequence, because the next message's number would
    /// not be its sequence any more. A `send` may then be refused.
    fn is_over(&self) -> bool;
}

/// What comes of a request that was issued.
pub type Pending = BoxFuture<'static, Reply>;

/// A planned message that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    /// Which one.
    pub message: MessageId,
    /// What it says.
    pub payload: &'a str,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Together as many messages as were sent, in their order; one part where a request is all or
    /// nothing.
    pub parts: Vec<Part>,
    /// At least 1.
    pub attempts: u32,
}

/// So many messages of a request that ended alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// At least 1.
    pub count: u32,
    /// Of all attempts together.
    pub outcome: Outcome,
}

impl Reply {
    /// The reply to a request of several messages, where the broker takes one
    /// ([`Capabilities::batch_max`]): the run divides them.
    #[must_use]
    pub fn several(messages: usize) -> Self {
        Self::whole(messages, Outcome::Refused { why: ONE_AT_A_TIME.to_owned() }, 1)
    }

    /// The reply to a request that is all or nothing.
    #[must_use]
    pub fn whole(messages: usize, outcome: Outcome, attempts: u32) -> Self {
        let count = u32::try_from(messages).expect("a request has fewer than 2^32 messages");
        Self { parts: vec![Part { count, outcome }], attempts }
    }
}

/// The words of [`Reply::several`].
const ONE_AT_A_TIME: &str = "this broker takes one message a request: set `batch: 1`";

/// One consumer's subscription to one topic.
pub trait Subscriber: Send {
    /// What the broker knows it by.
    fn session(&self) -> &Session;

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
    ) -> BoxFuture<'a, Result<(), Failure>>;

    /// Whether a poll waits for the first message. Where it does not, it comes back at once, and
    /// the caller paces itself after an empty batch.
    fn can_wait(&self) -> bool;

    /// Whether a dropped poll loses nothing: true where positions are acknowledged by offset.
    fn cancel_safe(&self) -> bool;

    /// Acknowledges everything delivered so far, and ends the subscription where the broker can.
    fn unsubscribe(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>>;
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
