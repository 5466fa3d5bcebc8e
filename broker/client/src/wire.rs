//! What goes over the wire: names, ids, failure codes, and one type per request and response body.
//!
//! The six original routes keep their fields, types and texts; every addition is an optional field
//! beside them, so that the original Python client and ours speak to the same broker.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place in a topic's log, counted from 0.
pub type Offset = u64;

/// A producer's own count of its messages on one topic, from 0.
pub type Sequence = u64;

/// The id that a registration of a producer answered. Real ids count from 0; a request may carry
/// any signed number, so that `Producer:-1 does not exist` can be said.
pub type ProducerId = i64;

/// The id that a registration of a consumer answered; signed for the same reason as [`ProducerId`].
pub type ConsumerId = i64;

/// The most bytes that a topic name may have.
pub const TOPIC_NAME_MAX: usize = 255;

/// Names that the original's database mode used for tables of its own.
const RESERVED: [&str; 2] = ["subl", "publ"];

/// A topic name that follows the rules: 1 to 255 ASCII letters, digits, `_` and `.`, and neither
/// `subl` nor `publ`. Case counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Box<str>);

/// Why a text is no topic name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTopicName {
    /// It has no characters.
    Empty,
    /// It has more than [`TOPIC_NAME_MAX`] bytes.
    TooLong(usize),
    /// This character is not allowed.
    Character(char),
    /// The original kept this name for itself.
    Reserved,
}

impl fmt::Display for BadTopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty"),
            Self::TooLong(len) => write!(f, "it has {len} bytes, at most {TOPIC_NAME_MAX} fit"),
            Self::Character(c) => {
                write!(f, "{c:?} is not allowed, only letters, digits, '_' and '.'")
            }
            Self::Reserved => write!(f, "the name is reserved"),
        }
    }
}

impl std::error::Error for BadTopicName {}

impl TopicName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TopicName {
    type Err = BadTopicName;

    fn from_str(name: &str) -> Result<Self, BadTopicName> {
        if name.is_empty() {
            return Err(BadTopicName::Empty);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if let Some(c) = name.chars().find(|&c| !allowed(c)) {
            return Err(BadTopicName::Character(c));
        }
        if name.len() > TOPIC_NAME_MAX {
            return Err(BadTopicName::TooLong(name.len()));
        }
        if RESERVED.contains(&name) {
            return Err(BadTopicName::Reserved);
        }
        Ok(Self(name.into()))
    }
}

/// So that a map by name can be asked with a text that need not be a name.
impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a request failed, as a word that programs can match; `message` says it to people.
///
/// Only [`Code::Unavailable`] and [`Code::OutcomeUnknown`] come with status 500, and only the
/// latter leaves open whether the request took effect. Everything else, where there is a code, is
/// a definite refusal: it did not happen and will not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// The topic does not exist.
    UnknownTopic,
    /// The topic exists already.
    TopicExists,
    /// No topic exists yet (the listing of topics).
    NoTopics,
    /// Not a topic name.
    BadTopicName,
    /// No producer has this id.
    UnknownProducer,
    /// No consumer has this id.
    UnknownConsumer,
    /// The id is not registered with this topic.
    NotRegistered,
    /// Nothing to deliver.
    Empty,
    /// The request cannot be understood; `message` names the field.
    BadRequest,
    /// The message, the batch or the body is over its limit.
    TooLarge,
    /// The store may not retain more payload now; later it may.
    Full,
    /// The id was given in another life of the store.
    WrongEpoch,
    /// The sequence is beyond the next one; `expected` says which that is.
    SequenceGap,
    /// The sequence is before the last request's, or overlaps it.
    SequenceOld,
    /// The offset is below the position; `position` says what that is.
    OffsetPassed,
    /// The offset is past the end of the log; `end` says where that is.
    OffsetBeyond,
    /// No such route.
    NotFound,
    /// The route exists, not for this method.
    MethodNotAllowed,
    /// The request did not arrive in time; nothing was done.
    RequestTimeout,
    /// The store cannot be reached; nothing was done.
    Unavailable,
    /// It may have happened or not.
    OutcomeUnknown,
    /// A code that this version of the library does not know.
    Other(String),
}

/// Every code but `Other`, with its text on the wire.
const CODES: &[(Code, &str)] = &[
    (Code::UnknownTopic, "unknown_topic"),
    (Code::TopicExists, "topic_exists"),
    (Code::NoTopics, "no_topics"),
    (Code::BadTopicName, "bad_topic_name"),
    (Code::UnknownProducer, "unknown_producer"),
    (Code::UnknownConsumer, "unknown_consumer"),
    (Code::NotRegistered, "not_registered"),
    (Code::Empty, "empty"),
    (Code::BadRequest, "bad_request"),
    (Code::TooLarge, "too_large"),
    (Code::Full, "full"),
    (Code::WrongEpoch, "wrong_epoch"),
    (Code::SequenceGap, "sequence_gap"),
    (Code::SequenceOld, "sequence_old"),
    (Code::OffsetPassed, "offset_passed"),
    (Code::OffsetBeyond, "offset_beyond"),
    (Code::NotFound, "not_found"),
    (Code::MethodNotAllowed, "method_not_allowed"),
    (Code::RequestTimeout, "request_timeout"),
    (Code::Unavailable, "unavailable"),
    (Code::OutcomeUnknown, "outcome_unknown"),
];

impl Code {
    /// The text on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => CODES
                .iter()
                .find(|(code, _)| code == known)
                .map(|(_, text)| *text)
                .expect("every code but Other is in the table"),
        }
    }

    /// Whether a failure with this code leaves open if the request took effect. A code that is not
    /// known here is judged by its status, see the module's docs.
    #[must_use]
    pub fn is_unknown_outcome(&self) -> bool {
        matches!(self, Self::OutcomeUnknown)
    }
}

impl From<&str> for Code {
    fn from(text: &str) -> Self {
        CODES
            .iter()
            .find(|(_, known)| *known == text)
            .map_or_else(|| Self::Other(text.to_owned()), |(code, _)| code.clone())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Ok(Self::from(text.as_ref()))
    }
}

/// `status` of every response body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It happened.
    Success,
    /// It did not, or may not have; see [`Failure::code`].
    Failure,
}

/// The body of every failure, whatever its status code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Always [`Status::Failure`].
    pub status: Status,
    /// For people; the original's text where it had one.
    pub message: String,
    /// For programs; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// With [`Code::SequenceGap`]: the sequence that would have been taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Sequence>,
    /// With [`Code::OffsetPassed`]: the subscription's position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Offset>,
    /// With [`Code::OffsetBeyond`]: the end of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Offset>,
}

/// `POST /topics`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateTopic<'a> {
    /// The name of the topic to create. Some versions of the original client call it `topic`.
    #[serde(borrow, alias = "topic")]
    pub topic_name: Cow<'a, str>,
}

/// `GET /topics` answers this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topics {
    /// Always [`Status::Success`].
    pub status: Status,
    /// The names in order of creation.
    pub message: Vec<String>,
}

/// `POST /producer/register` and `POST /consumer/register`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Register<'a> {
    /// The topic to register with.
    #[serde(borrow)]
    pub topic: Cow<'a, str>,
}

/// `POST /producer/register` answers this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProducerRegistered {
    /// Always [`Status::Success`].
    pub status: Status,
    /// The new producer's id.
    pub producer_id: ProducerId,
    /// The life of the store that gave the id; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
}

/// `POST /consumer/register` answers this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsumerRegistered {
    /// Always [`Status::Success`].
    pub status: Status,
    /// The new consumer's id.
    pub consumer_id: ConsumerId,
    /// The life of the store that gave the id; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// The position that the subscription starts at; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
}

/// `POST /producer/produce`, as a client writes it. Exactly one of `message` and `messages`.
#[derive(Clone, Debug, Serialize)]
pub struct Produce<'a> {
    /// The topic to append to.
    pub topic: &'a str,
    /// As registered.
    pub producer_id: ProducerId,
    /// The one payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    /// The payloads of a batch, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<&'a [&'a str]>,
    /// The number of the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// As registration answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<&'a str>,
}

/// `POST /producer/produce` answers this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Produced {
    /// Always [`Status::Success`].
    pub status: Status,
    /// The offset of the (first) message; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// How many messages were appended; only in the answer to a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// One delivered message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivered<'a> {
    /// Its offset; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// Who sent it; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub producer_id: Option<ProducerId>,
    /// Its number, where it was sent with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<Sequence>,
    /// Its payload.
    #[serde(borrow)]
    pub message: Cow<'a, str>,
}

/// `GET /consumer/consume` with `max` answers this; without, `status` and one [`Delivered`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch<'a> {
    /// Always [`Status::Success`].
    pub status: Status,
    /// In order of their offsets; empty when there is nothing.
    #[serde(borrow)]
    pub messages: Vec<Delivered<'a>>,
}

/// `GET /size` answers this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Always [`Status::Success`].
    pub status: Status,
    /// Messages not yet delivered: the end of the log less the position.
    pub size: u64,
    /// The position; absent from the original broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
}

/// The query of `GET /consumer/consume`, as a client writes it.
#[derive(Clone, Debug, Serialize)]
pub struct Consume<'a> {
    /// The topic to poll.
    pub topic: &'a str,
    /// As registered.
    pub consumer_id: ConsumerId,
    /// As registration answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<&'a str>,
    /// Everything before it is the consumer's for good; hand out from here on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// At most so many messages; 0 only acknowledges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u64>,
    /// Milliseconds to wait for the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
}

/// The query of `GET /size` and of `DELETE /consumer`, as a client writes it.
#[derive(Clone, Debug, Serialize)]
pub struct Subscription<'a> {
    /// The topic.
    pub topic: &'a str,
    /// As registered.
    pub consumer_id: ConsumerId,
    /// As registration answered it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<&'a str>,
}
