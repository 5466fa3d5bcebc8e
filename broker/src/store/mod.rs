//! Stores: where topics, registrations and messages live. A new one is one file here that
//! implements [`Store`], and one line in [`crate::Arguments`].

mod dedup;
mod error;
mod largest;
mod list;
mod locks;
pub mod memory;
pub(crate) mod messages;
pub mod mysql;
mod observed;
mod retain;
mod segment;
mod traffic;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher, Hasher};
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::time::Duration;

use broker_client::wire::{ConsumerId, Offset, ProducerId, Sequence, TopicName};
use futures_util::future::BoxFuture;

pub use error::{Bounded, Error};
pub use list::{List, Listed, Start};
pub use messages::{Message, Messages};
pub use observed::{
    Budget, DatabaseObserved, LARGEST, Lag, Observed, ProducerStats, SubscriptionLag,
    SubscriptionStats, TopicStats, Traffic, WorkObserved,
};
pub use retain::Retain;

/// What a method of [`Store`] gives back: a future, boxed so that a store can be a trait object.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Named append-only logs, the producers that append to them and the subscriptions that read them.
///
/// Every method is one atomic step: all callers see it whole or not at all, and once its answer is
/// `Ok` every later call sees it. Its error is a definite refusal that changed nothing, but for
/// [`Error::OutcomeUnknown`]. A method that is dropped before it answered may have happened or not.
///
/// No method waits for another client, but for [`Store::arrival`]. Calls on different topics do
/// not wait for each other, and reading does not hold up appending. A store may wait for its own
/// storage, and may carry out several concurrent calls as one transaction.
///
/// Where a request names a producer or consumer and a topic, it is refused in this order:
/// [`Error::WrongEpoch`], then the id that does not exist, then the topic that does not, then the
/// id that is not registered with the topic, then what is particular to the method.
pub trait Store: Send + Sync + 'static {
    /// This life of the store. It does not change while the store lives; ids, offsets and
    /// sequences mean nothing in another.
    fn epoch(&self) -> &Epoch;

    /// Creates a topic with an empty log, or refuses with [`Error::TopicExists`], or with
    /// [`Error::TooMany`] where there may be no more.
    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()>;

    /// Deletes a topic with its messages, producers and subscriptions, or refuses with
    /// [`Error::UnknownTopic`]. Its ids are unknown from then on, polls that wait are woken, and the
    /// name is free: a topic of that name is another one, whose offsets begin at 0.
    fn delete_topic<'a>(&'a self, topic: &'a str) -> Answer<'a, ()>;

    /// Topics in order of creation, as many as are asked for.
    fn topics<'a>(&'a self, list: List<'a>) -> Answer<'a, Listed>;

    /// Registers a new producer with a topic, which is created if it is missing and may be. Ids
    /// count from 0 over all topics, without gaps. [`Error::TooMany`] where there may be no more.
    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId>;

    /// Registers a new consumer with a topic: its subscription starts at the log's end. Ids count
    /// from 0 over all topics, without gaps. An unknown topic is refused, and with
    /// [`Error::TooMany`] where there may be no more.
    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed>;

    /// Appends a batch, all or nothing, at consecutive offsets, and answers the first offset. Once
    /// it answers, the messages are readable: no acknowledgement comes before.
    ///
    /// Appends of one topic take effect first come, first served: one that begins after another
    /// was answered gets greater offsets.
    ///
    /// With a sequence, the store keeps per producer the next sequence and the last numbered
    /// request. A repeat wholly inside that request answers the original offset and appends
    /// nothing; it waits for a twin still in progress. Older or overlapping is
    /// [`Error::SequenceOld`], beyond is [`Error::SequenceGap`]. Without one, the count stays.
    ///
    /// [`Error::Full`] where the payload may not be retained now.
    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset>;

    /// Acknowledges and takes, in one step, and never waits for messages.
    ///
    /// Without an offset it answers from the position on and moves the position past what it
    /// answers, so that two polls never answer the same message. With an offset, everything
    /// before it is acknowledged, the position becomes the offset and not further, and the answer
    /// starts there; below the position is [`Error::OffsetPassed`], past the end of the log
    /// [`Error::OffsetBeyond`].
    ///
    /// Where retention by age or size has deleted what comes there, a poll without an offset goes on
    /// at the first message that is left. With one it is refused with [`Error::OffsetDeleted`], so that
    /// nobody misses messages unknowingly; `max` 0 asks for none and is not.
    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled>;

    /// How far a subscription is behind, not counting what retention has deleted, and its position.
    fn size<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, Size>;

    /// Ends a subscription; its id is never given again, and is unknown from then on.
    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()>;

    /// Ends the subscriptions that were neither made nor polled within `idle`, and answers how
    /// many. The server calls it every now and then if it was asked to.
    fn end_idle(&self, idle: Duration) -> Answer<'_, usize>;

    /// Forgets the producers that neither registered nor sent within `idle`, and answers how many. Their
    /// ids are never given again, and are unknown from then on; what they sent stays. The server
    /// calls it every now and then if it was asked to.
    fn end_idle_producers(&self, idle: Duration) -> Answer<'_, usize>;

    /// Deletes what is not to be kept any longer: by the rule of retention, where that is not done
    /// as messages come and are read, and what is left of topics that were deleted. The server calls
    /// it about once a second; of several brokers on one database one does it.
    fn tidy(&self) -> Answer<'_, ()>;

    /// Waits until the end of the topic's log is past `offset`, or the subscription is over. It
    /// looks at the end, not for an event: a message that was appended before the call, or
    /// between a poll and the call, is never slept through. It may complete early; the caller
    /// polls again, and is told then what is wrong.
    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()>;

    /// Reads the log itself, apart from all subscriptions, and moves no position. Past the end there
    /// is nothing. What retention has dropped is left out, or refused with [`Error::Unavailable`];
    /// the log's end is told in either case where it can be.
    fn read<'a>(&'a self, read: Read<'a>) -> Answer<'a, Part>;

    /// Whether the store can serve now; otherwise [`Error::Unavailable`] says why.
    fn ready(&self) -> Answer<'_, ()>;

    /// Figures for `GET /metrics`. It does not fail: what cannot be found out now is as it was last.
    /// A store that counts nothing tells nothing.
    fn observe(&self) -> BoxFuture<'_, Observed> {
        Box::pin(std::future::ready(Observed::default()))
    }

    /// At most `most` topics by name, those after a name. This and the next two are for
    /// `GET /stats`; each is a step by itself, so what comes of several is not of one moment. A store
    /// that keeps no account of what it holds refuses.
    fn topic_stats<'a>(
        &'a self,
        _after: Option<&'a str>,
        _most: usize,
    ) -> Answer<'a, Vec<TopicStats>> {
        Box::pin(std::future::ready(Err(no_account())))
    }

    /// At most `most` subscriptions by id, those after an id.
    fn subscription_stats(
        &self,
        _after: Option<ConsumerId>,
        _most: usize,
    ) -> Answer<'_, Vec<SubscriptionStats>> {
        Box::pin(std::future::ready(Err(no_account())))
    }

    /// At most `most` producers by id, those after an id.
    fn producer_stats(
        &self,
        _after: Option<ProducerId>,
        _most: usize,
    ) -> Answer<'_, Vec<ProducerStats>> {
        Box::pin(std::future::ready(Err(no_account())))
    }
}

fn no_account() -> Error {
    Error::Refused("this store keeps no account of what it holds".to_owned())
}

/// One life of a store, as an opaque text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch(String);

impl Epoch {
    /// An epoch of this text; a simulation takes it from its seed. It should be short, and the
    /// text goes into URLs, so letters and digits serve best.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// An epoch that no other process has: 64 bits of chance that the operating system gave.
    #[must_use]
    #[expect(clippy::disallowed_types, reason = "the one source of chance without a further crate")]
    pub fn random() -> Self {
        let keys = std::hash::RandomState::new();
        Self(format!("{:016x}", keys.build_hasher().finish()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Refuses a request that was made for another life.
    ///
    /// # Errors
    /// [`Error::WrongEpoch`] where it names another epoch than this one.
    pub fn check(&self, given: Option<&str>) -> Result<(), Error> {
        match given {
            Some(given) if given != self.0 => {
                Err(Error::WrongEpoch { given: given.to_owned(), current: self.0.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The answer to [`Store::register_consumer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The new consumer's id.
    pub consumer: ConsumerId,
    /// The position its subscription starts at.
    pub offset: Offset,
}

/// The request of [`Store::append`].
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// The topic to append to.
    pub topic: &'a str,
    /// The producer that sends.
    pub producer: ProducerId,
    /// The epoch that the id is of, where the client says it.
    pub epoch: Option<&'a str>,
    /// The number of the first message, where the client counts.
    pub sequence: Option<Sequence>,
    /// The payloads, at least one.
    pub payloads: &'a [Cow<'a, str>],
}

/// The request of [`Store::poll`].
#[derive(Clone, Copy, Debug)]
pub struct Poll<'a> {
    /// Whose poll it is.
    pub subscription: Subscription<'a>,
    /// Everything before it is acknowledged.
    pub offset: Option<Offset>,
    /// At most so many messages; 0 only acknowledges.
    pub max: usize,
    /// Stops before the message with which the answer would be larger, but for the first one.
    pub max_bytes: NonZeroUsize,
    /// How large the first one may be, not less than that. Where it is larger nothing is taken or
    /// acknowledged, and the poll is refused with [`Error::NoRoom`], which says how large it is.
    pub room: NonZeroUsize,
    /// Whether the caller waits, by [`Store::arrival`], where there is nothing. An empty answer
    /// may then be out of date by a moment, which spares a store that is elsewhere a question.
    pub waits: bool,
}

/// The answer to [`Store::poll`].
#[derive(Clone, Debug, Default)]
pub struct Polled {
    /// What was asked for, in order.
    pub messages: Messages,
    /// The position now, where the next poll without an offset begins.
    pub position: Offset,
}

/// A consumer's claim on one topic, as a request names it.
#[derive(Clone, Copy, Debug)]
pub struct Subscription<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Whose it is.
    pub consumer: ConsumerId,
    /// The epoch that the id is of, where the client says it.
    pub epoch: Option<&'a str>,
}

/// The request of [`Store::read`].
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// The topic.
    pub topic: &'a str,
    /// The first message that is wanted.
    pub offset: Offset,
    /// At most so many messages.
    pub max: usize,
    /// Stops before the message with which the answer would be larger, but for the first one.
    pub max_bytes: NonZeroUsize,
}

/// The answer to [`Store::read`].
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What was asked for, in order.
    pub messages: Messages,
    /// The offset that the next message of the log gets.
    pub end: Offset,
}

/// The answer to [`Store::size`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Messages not yet delivered: the end of the log less the position, or less the first message
    /// that is left where that is further.
    pub lag: u64,
    /// The next offset that the consumer gets.
    pub position: Offset,
}
