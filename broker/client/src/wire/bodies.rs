//! One type per request and response body.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Code, ConsumerId, Offset, ProducerId, Sequence};

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
    /// With [`Code::OffsetDeleted`]: the offset from which on messages are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<Offset>,
}

/// `POST /topics`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateTopic<'a> {
    /// The name of the topic to create. Some versions of the original client call it `topic` or
    /// `name`.
    #[serde(borrow, alias = "topic", alias = "name")]
    pub topic_name: Cow<'a, str>,
}

/// `GET /topics` answers this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topics {
    /// Always [`Status::Success`].
    pub status: Status,
    /// The names in order of creation.
    pub message: Vec<String>,
    /// Where the list goes on, if some at a time were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
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
    /// The producer that sent it; absent from the original broker.
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

/// `GET /audit` answers this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPart<'a> {
    /// Always [`Status::Success`].
    pub status: Status,
    /// The life of the store that the log is of.
    pub epoch: String,
    /// The offset that the log's next message gets.
    pub end: Offset,
    /// In order of their offsets; empty past the end.
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
