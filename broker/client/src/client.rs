//! One method per endpoint of the broker, over any [`Transport`].
//!
//! Each call is one request: nothing that may have left is tried again here. Time-outs are the client's
//! own and cover the whole answer, because a transport need not have any.
//!
//! With several addresses a request goes to the broker that its topic prefers ([`order`]) among those
//! that live ([`health`]).

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, Uri};
use serde::Serialize;

use crate::error::Error;
use crate::messages::Messages;
use crate::transport::{self, Transport};
use crate::wire;

pub use routes::BadAddress;

use answer::{Succeeded, parse, unreadable};
use brokers::Brokers;
use exchange::{Ask, Way};
use routes::{Query, Routes};

mod answer;
mod brokers;
mod exchange;
mod health;
mod order;
mod routes;

/// How many topics are asked for where all of them do not fit one answer.
const TOPICS_AT_ONCE: u64 = 1000;

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

/// A way to a broker, or to several that serve one store. Clones share their connections, and what they
/// know of which brokers live.
#[derive(Clone)]
pub struct Client {
    way: Way,
    timeout: Duration,
}

impl Client {
    /// A client of the broker at this base address, over HTTP with a pool of connections of its
    /// own. Nothing is sent yet. Must be called, as all of this library, in a tokio runtime.
    ///
    /// Several addresses, with commas between them, are of brokers that serve one store. Of these a
    /// request goes to the first that lives, in an order that the topic decides and in which all clients
    /// agree that have the same addresses, however they are ordered here. One that fails is passed over
    /// until it is ready again.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), broker_client::client::BadAddress> {
    /// use broker_client::Client;
    ///
    /// let one = Client::new("http://10.0.0.1:5000")?;
    /// let any = Client::new("http://10.0.0.1:5000,http://10.0.0.2:5000,http://10.0.0.3:5000")?;
    /// assert!(Client::new("http://10.0.0.1:5000,http://10.0.0.1:5000").is_err(), "given twice");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// An address is not of the form `http://HOST:PORT`, or is given twice; `https://` where this library
    /// is built without the cargo feature `tls`.
    pub fn new(addresses: &str) -> Result<Self, BadAddress> {
        Self::with_options(addresses, transport::Options::default())
    }

    /// The same with options: a token for brokers that ask for one, a CA for those at `https://`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use broker_client::{Client, transport::Options};
    ///
    /// # let text = "0f3a";
    /// let options = Options { token: Some(text.parse()?), ..Options::default() };
    /// let client = Client::with_options("http://10.0.0.1:5000", options)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_options(addresses: &str, options: transport::Options) -> Result<Self, BadAddress> {
        Self::over(Arc::new(transport::http_with(options)), addresses)
    }

    /// The same over another transport, or over one that several clients share.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn over(transport: Arc<dyn Transport>, addresses: &str) -> Result<Self, BadAddress> {
        let brokers = Arc::new(Brokers::at(addresses)?);
        Ok(Self { way: Way { transport, brokers, tell: None }, timeout: TIMEOUT })
    }

    /// Names the brokers, in the order of their addresses; topics are then spread by these names. For
    /// clients that reach the same brokers at different addresses, and have to agree nevertheless.
    ///
    /// # Panics
    /// If there are more or fewer names than addresses.
    #[must_use]
    pub fn with_names(mut self, names: &[&str]) -> Self {
        assert_eq!(names.len(), self.way.brokers.count(), "as many names as addresses");
        self.way.brokers = Arc::new(self.way.brokers.anew(Some(names), None));
        self
    }

    /// The same with its own idea of which brokers live, and with chance from this seed for the pauses
    /// before a broker that failed is asked again; otherwise chance comes from the process.
    #[must_use]
    pub fn apart(mut self, seed: Option<u64>) -> Self {
        self.way.brokers = Arc::new(self.way.brokers.anew(None, seed));
        self
    }

    /// Tells before each request which broker it goes to, as the place of its address.
    #[must_use]
    pub fn telling(mut self, tell: Arc<dyn Fn(usize) + Send + Sync>) -> Self {
        self.way.tell = Some(tell);
        self
    }

    /// Sets how long an answer may take; a poll that waits gets its wait on top.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The base address, without a slash at its end; several with commas between them.
    #[must_use]
    pub fn address(&self) -> &str {
        self.way.brokers.shown()
    }

    /// `POST /topics`: creates a topic.
    ///
    /// # Errors
    /// [`wire::Code::TopicExists`] among the refusals.
    pub async fn create_topic(&self, topic: &str) -> Result<(), Error> {
        let body = wire::CreateTopic { topic_name: topic.into() };
        let (_, answer) = self.post(topic, |routes| &routes.topics, &body).await?;
        parse::<Succeeded>(&answer).map(|_| ())
    }

    /// `DELETE /topics/NAME`: deletes a topic with all that is in it. Its producers and consumers are
    /// unknown from then on, and the name is free: a [`Producer`](crate::Producer) that sends to it
    /// makes it anew.
    ///
    /// # Errors
    /// [`wire::Code::UnknownTopic`] among the refusals; after an unknown outcome it may be gone.
    pub async fn delete_topic(&self, topic: &str) -> Result<(), Error> {
        let ask = Ask::get(topic, self.timeout, |routes| routes.topic(topic));
        let (_, answer) = self.way.exchange(&ask.delete()).await?;
        parse::<Succeeded>(&answer).map(|_| ())
    }

    /// `GET /topics`: the names in order of creation; none is an empty list here.
    ///
    /// # Errors
    /// As for any request.
    pub async fn topics(&self) -> Result<Vec<String>, Error> {
        match self.list_topics(|routes| routes.topics.clone()).await.map(|listed| listed.message) {
            Err(Error::Refused(refusal)) if refusal.message == NO_TOPICS => Ok(Vec::new()),
            // They are too many for one answer.
            Err(Error::Refused(refusal)) if refusal.code == Some(wire::Code::TooLarge) => {
                self.topics_in_parts().await
            }
            listed => listed,
        }
    }

    async fn topics_in_parts(&self) -> Result<Vec<String>, Error> {
        let (mut topics, mut next): (Vec<String>, _) = (Vec::new(), None);
        loop {
            let part = self.list_topics(|routes| {
                let query = routes.query("/topics").number("max", TOPICS_AT_ONCE);
                match (next, topics.last()) {
                    // A name may be that of another topic by now, or of none.
                    (Some(next), _) => query.number("from", next),
                    // A broker of an earlier version.
                    (None, Some(last)) => query.text("after", last),
                    (None, None) => query,
                }
                .address()
            });
            let part = part.await?;
            // It may be cut by its size, so a short one is not the last.
            if part.message.is_empty() {
                return Ok(each_once(topics));
            }
            next = part.next;
            topics.extend(part.message);
        }
    }

    async fn list_topics(&self, url: impl Fn(&Routes) -> Uri) -> Result<wire::Topics, Error> {
        let ask = Ask::get("", self.timeout, url);
        let (_, answer) = self.way.exchange(&ask).await?;
        parse(&answer)
    }

    /// `POST /producer/register`: a new producer of this topic, which is created if it is missing.
    ///
    /// # Errors
    /// As for any request. Registering again is harmless: it leaves an id that is not used.
    /// [`wire::Code::WrongEpoch`] where the brokers do not serve one store.
    pub async fn register_producer(&self, topic: &str) -> Result<wire::ProducerRegistered, Error> {
        let body = wire::Register { topic: topic.into() };
        let (place, answer) = self.post(topic, |routes| &routes.register_producer, &body).await?;
        let answer: wire::ProducerRegistered = parse(&answer)?;
        self.way.brokers.same_store(place, answer.epoch.as_deref())?;
        Ok(answer)
    }

    /// `POST /consumer/register`: a new consumer, which gets what is appended from now on.
    ///
    /// # Errors
    /// [`wire::Code::UnknownTopic`] among the refusals; [`wire::Code::WrongEpoch`] where the brokers do not
    /// serve one store.
    pub async fn register_consumer(&self, topic: &str) -> Result<wire::ConsumerRegistered, Error> {
        let body = wire::Register { topic: topic.into() };
        let (place, answer) = self.post(topic, |routes| &routes.register_consumer, &body).await?;
        let answer: wire::ConsumerRegistered = parse(&answer)?;
        self.way.brokers.same_store(place, answer.epoch.as_deref())?;
        Ok(answer)
    }

    /// `POST /producer/produce`: appends one message or a batch, all or nothing.
    ///
    /// # Errors
    /// As for any request; to repeat it safely give it a sequence.
    pub async fn produce(&self, request: &wire::Produce<'_>) -> Result<wire::Produced, Error> {
        let (_, answer) = self.post(request.topic, |routes| &routes.produce, request).await?;
        parse(&answer)
    }

    /// `GET /consumer/consume`: with `max` at most so many messages, perhaps none; without it
    /// exactly one, or the refusal [`wire::Code::Empty`].
    ///
    /// # Errors
    /// As for any request. Without `offset` a message whose answer was lost is lost.
    pub async fn consume(&self, request: &wire::Consume<'_>) -> Result<Messages, Error> {
        let wait = Duration::from_millis(request.wait_ms.unwrap_or(0));
        let ask = Ask::get(request.topic, self.timeout.saturating_add(wait), |routes| {
            let &wire::Consume { topic, consumer_id, epoch, .. } = request;
            let subscription = wire::Subscription { topic, consumer_id, epoch };
            let to = identified(routes.query("/consumer/consume"), &subscription);
            let to = to.number("offset", request.offset).number("max", request.max);
            to.number("wait_ms", request.wait_ms).address()
        });
        // Without an offset, an answer that is given up is a lost message.
        let ask = ask.patient(request.offset.is_some() && !wait.is_zero());
        let (_, answer) = self.way.exchange(&ask).await?;
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
        let ask = Ask::get(request.topic, self.timeout, |routes| {
            identified(routes.query("/size"), request).address()
        });
        parse(&self.way.exchange(&ask).await?.1)
    }

    /// `GET /audit`: reads a topic's log itself from `offset` on, as far as one answer goes; moves no
    /// position. To read all of it, ask again behind the last message until that is the end.
    ///
    /// # Errors
    /// [`wire::Code::NotFound`] among the refusals: the broker was not started with `--audit`.
    pub async fn audit(&self, topic: &str, offset: wire::Offset) -> Result<LogPart, Error> {
        let ask = Ask::get(topic, self.timeout, |routes| {
            routes.query("/audit").text("topic", topic).number("offset", offset).address()
        });
        let (_, answer) = self.way.exchange(&ask).await?;
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
        let ask = Ask::get(request.topic, self.timeout, |routes| {
            identified(routes.query("/consumer"), request).address()
        });
        let (_, answer) = self.way.exchange(&ask.delete()).await?;
        parse::<Succeeded>(&answer).map(|_| ())
    }

    async fn post(
        &self,
        topic: &str,
        route: fn(&Routes) -> &Uri,
        body: &impl Serialize,
    ) -> Result<(usize, Bytes), Error> {
        let mut bytes = Vec::with_capacity(256);
        serde_json::to_writer(&mut bytes, body).expect("bodies have only text keys and numbers");
        let ask = Ask::get(topic, self.timeout, |routes| route(routes).clone());
        self.way.exchange(&ask.post(bytes.into())).await
    }
}

/// The original's words, and so ours, for an empty list of topics.
const NO_TOPICS: &str = "No Topic found";

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// Without what was listed again later: a topic that was deleted and made anew meanwhile.
fn each_once(mut topics: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    topics.reverse();
    topics.retain(|topic| seen.insert(topic.clone()));
    topics.reverse();
    topics
}

fn identified<'a>(query: Query<'a>, of: &wire::Subscription<'_>) -> Query<'a> {
    let mut id = itoa::Buffer::new();
    let query = query.text("topic", of.topic).text("consumer_id", id.format(of.consumer_id));
    match of.epoch {
        Some(epoch) => query.text("epoch", epoch),
        None => query,
    }
}
