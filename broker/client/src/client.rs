//! One method per endpoint of the broker, over any [`Transport`].
//!
//! Each call is one request: nothing is tried again here. Time-outs are the client's own and cover
//! the whole answer, because a transport need not have any.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::messages::Messages;
use crate::transport::{self, Failure, Transport};
use crate::wire;

pub use routes::BadAddress;

use routes::{Query, Routes};

mod routes;

/// How long an answer may take, unless [`Client::with_timeout`] says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// A part of a topic's log, as [`Client::audit`] read it.
#[derive(Clone, Debug)]
pub struct LogPart {
    /// The life of the store that the log is of.
    pub epoch: String,
    /// The offset that the log's next message gets.
    pub end: wire::Offset,
    /// In order of their offsets.
    pub messages: Messages,
}

/// A way to one broker. Clones share their connections.
#[derive(Clone)]
pub struct Client {
    transport: Arc<dyn Transport>,
    routes: Arc<Routes>,
    timeout: Duration,
}

impl Client {
    /// A client of the broker at this base address, over HTTP with a pool of connections of its
    /// own. Nothing is sent yet. Must be called, as all of this library, in a tokio runtime.
    ///
    /// # Errors
    /// The address is not of the form `http://HOST:PORT`.
    pub fn new(address: &str) -> Result<Self, BadAddress> {
        Self::over(Arc::new(transport::http()), address)
    }

    /// The same over another transport, or over one that several clients share.
    ///
    /// # Errors
    /// The address is not of the form `http://HOST:PORT`.
    pub fn over(transport: Arc<dyn Transport>, address: &str) -> Result<Self, BadAddress> {
        let routes = Arc::new(Routes::at(address)?);
        Ok(Self { transport, routes, timeout: TIMEOUT })
    }

    /// Sets how long an answer may take; a poll that waits gets its wait on top.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The base address, without a slash at its end.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.routes.base
    }

    /// `POST /topics`: creates a topic.
    ///
    /// # Errors
    /// [`wire::Code::TopicExists`] among the refusals.
    pub async fn create_topic(&self, topic: &str) -> Result<(), Error> {
        let body = wire::CreateTopic { topic_name: topic.into() };
        let answer = self.post(&self.routes.topics, &body).await?;
        parse::<Succeeded>(&answer).map(|_| ())
    }

    /// `GET /topics`: the names in order of creation; none is an empty list here.
    ///
    /// # Errors
    /// As for any request.
    pub async fn topics(&self) -> Result<Vec<String>, Error> {
        match self.call(Method::GET, self.routes.topics.clone(), self.timeout).await {
            Ok(answer) => parse::<wire::Topics>(&answer).map(|topics| topics.message),
            Err(Error::Refused(refusal)) if refusal.message == NO_TOPICS => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// `POST /producer/register`: a new producer of this topic, which is created if it is missing.
    ///
    /// # Errors
    /// As for any request. Registering again is harmless: it leaves an id that is not used.
    pub async fn register_producer(&self, topic: &str) -> Result<wire::ProducerRegistered, Error> {
        let body = wire::Register { topic: topic.into() };
        parse(&self.post(&self.routes.register_producer, &body).await?)
    }

    /// `POST /consumer/register`: a new consumer, which gets what is appended from now on.
    ///
    /// # Errors
    /// [`wire::Code::UnknownTopic`] among the refusals.
    pub async fn register_consumer(&self, topic: &str) -> Result<wire::ConsumerRegistered, Error> {
        let body = wire::Register { topic: topic.into() };
        parse(&self.post(&self.routes.register_consumer, &body).await?)
    }

    /// `POST /producer/produce`: appends one message or a batch, all or nothing.
    ///
    /// # Errors
    /// As for any request; to repeat it safely give it a sequence.
    pub async fn produce(&self, request: &wire::Produce<'_>) -> Result<wire::Produced, Error> {
        parse(&self.post(&self.routes.produce, request).await?)
    }

    /// `GET /consumer/consume`: with `max` at most so many messages, perhaps none; without it
    /// exactly one, or the refusal [`wire::Code::Empty`].
    ///
    /// # Errors
    /// As for any request. Without `offset` a message whose answer was lost is lost.
    pub async fn consume(&self, request: &wire::Consume<'_>) -> Result<Messages, Error> {
        let &wire::Consume { topic, consumer_id, epoch, .. } = request;
        let subscription = wire::Subscription { topic, consumer_id, epoch };
        let to = identified(self.routes.query("/consumer/consume"), &subscription)
            .number("offset", request.offset)
            .number("max", request.max)
            .number("wait_ms", request.wait_ms);
        let wait = Duration::from_millis(request.wait_ms.unwrap_or(0));
        let answer =
            self.call(Method::GET, to.address(), self.timeout.saturating_add(wait)).await?;
        let messages = match request.max {
            Some(_) => Messages::read_batch(Vec::from(answer)),
            None => {
                parse::<Succeeded>(&answer)?;
                Messages::read_one(&answer)
            }
        };
        messages.map_err(|error| unreadable(&error))
    }

    /// `GET /size`: how many messages this consumer has not got yet.
    ///
    /// # Errors
    /// As for any request.
    pub async fn size(&self, request: &wire::Subscription<'_>) -> Result<wire::Size, Error> {
        let to = identified(self.routes.query("/size"), request).address();
        parse(&self.call(Method::GET, to, self.timeout).await?)
    }

    /// `GET /audit`: reads a topic's log itself from `offset` on, as far as one answer goes; moves no
    /// position. To read all of it, ask again behind the last message until that is the end.
    ///
    /// # Errors
    /// [`wire::Code::NotFound`] among the refusals: the broker was not started with `--audit`.
    pub async fn audit(&self, topic: &str, offset: wire::Offset) -> Result<LogPart, Error> {
        let to = self.routes.query("/audit").text("topic", topic).number("offset", offset);
        let answer = self.call(Method::GET, to.address(), self.timeout).await?;
        let part: wire::LogPart<'_> =
            serde_json::from_slice(&answer).map_err(|error| unreadable(&error))?;
        if part.status == wire::Status::Failure {
            return Err(Error::from_answer(StatusCode::OK, &answer));
        }
        Ok(LogPart { messages: Messages::of(&part.messages), epoch: part.epoch, end: part.end })
    }

    /// `DELETE /consumer`: ends a subscription.
    ///
    /// # Errors
    /// As for any request; after an unknown outcome the subscription may be gone.
    pub async fn unsubscribe(&self, request: &wire::Subscription<'_>) -> Result<(), Error> {
        let to = identified(self.routes.query("/consumer"), request).address();
        let answer = self.call(Method::DELETE, to, self.timeout).await?;
        parse::<Succeeded>(&answer).map(|_| ())
    }

    async fn post(&self, to: &Uri, body: &impl Serialize) -> Result<Bytes, Error> {
        let mut bytes = Vec::with_capacity(256);
        serde_json::to_writer(&mut bytes, body).expect("bodies have only text keys and numbers");
        let mut request = Request::new(Bytes::from(bytes));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = to.clone();
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        self.exchange(request, self.timeout).await
    }

    async fn call(&self, method: Method, to: Uri, limit: Duration) -> Result<Bytes, Error> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = to;
        self.exchange(request, limit).await
    }

    /// One request and its whole answer within the limit.
    async fn exchange(&self, request: Request<Bytes>, limit: Duration) -> Result<Bytes, Error> {
        let answer = tokio::time::timeout(limit, self.transport.send(request)).await;
        let answer = answer.map_err(|_| {
            Error::Unknown(format!("no answer from {} within {limit:?}", self.address()))
        })?;
        let (head, body) = answer.map_err(|why| self.failed(why))?.into_parts();
        if head.status.is_success() {
            return Ok(body);
        }
        Err(Error::from_answer(head.status, &body))
    }

    fn failed(&self, failure: Failure) -> Error {
        match failure {
            Failure::NotSent(why) => {
                Error::NotSent(format!("cannot reach the broker at {}: {why}", self.address()))
            }
            Failure::Lost(why) => {
                Error::Unknown(format!("the connection to {} broke: {why}", self.address()))
            }
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The original's words, and so ours, for an empty list of topics.
const NO_TOPICS: &str = "No Topic found";

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// Every success says so in its body too; one that says `failure` is not believed.
trait Answer: DeserializeOwned {
    fn status(&self) -> wire::Status;
}

/// A success that says nothing else of interest.
#[derive(serde::Deserialize)]
struct Succeeded {
    status: wire::Status,
}

macro_rules! answers {
    ($($name:ty),*) => { $(impl Answer for $name {
        fn status(&self) -> wire::Status { self.status }
    })* };
}

answers!(
    Succeeded,
    wire::Topics,
    wire::ProducerRegistered,
    wire::ConsumerRegistered,
    wire::Produced,
    wire::Size
);

fn parse<T: Answer>(body: &[u8]) -> Result<T, Error> {
    let answer: T = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    match answer.status() {
        wire::Status::Success => Ok(answer),
        wire::Status::Failure => Err(Error::from_answer(StatusCode::OK, body)),
    }
}

fn unreadable(error: &serde_json::Error) -> Error {
    Error::Unknown(format!("the answer cannot be understood: {error}"))
}

fn identified<'a>(query: Query<'a>, of: &wire::Subscription<'_>) -> Query<'a> {
    let mut id = itoa::Buffer::new();
    let query = query.text("topic", of.topic).text("consumer_id", id.format(of.consumer_id));
    match of.epoch {
        Some(epoch) => query.text("epoch", epoch),
        None => query,
    }
}
