//! The six original routes as other people's brokers speak them: what they do differently is allowed
//! by the text that the original was written from. Requests are written as the scenario's `wire`
//! block says, redirects within the broker are followed, and answers are read leniently.

mod answer;
mod id;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use broker_client::client::TIMEOUT;
use broker_client::transport::{self, Transport};
use broker_client::wire::{ConsumerRegistered, Offset, ProducerRegistered, Status};
use broker_client::{Error, Refusal};
use http::header::LOCATION;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

pub(super) use self::answer::Answer;
pub(super) use self::id::Id;
use self::request::{Ask, Field};
use crate::scenario::Wire;

/// So many redirects of one request are followed.
const REDIRECTS: usize = 3;

/// A way to one broker.
pub(super) struct Routes {
    transport: Arc<dyn Transport>,
    /// Without a slash at its end.
    base: String,
    wire: Wire,
    /// Where the broker has a route that it redirects, so that it does so once.
    moved: Mutex<BTreeMap<&'static str, String>>,
}

/// Whom a registration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Producer,
    Consumer,
}

/// What a registration answered.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    pub(super) id: Id,
    /// Only from ours.
    pub(super) epoch: Option<String>,
    /// Only from ours, to a consumer.
    pub(super) offset: Option<Offset>,
}

impl From<ProducerRegistered> for Registered {
    fn from(answer: ProducerRegistered) -> Self {
        let id = Id::Number(answer.producer_id.to_string());
        Self { id, epoch: answer.epoch, offset: None }
    }
}

impl From<ConsumerRegistered> for Registered {
    fn from(answer: ConsumerRegistered) -> Self {
        let id = Id::Number(answer.consumer_id.to_string());
        Self { id, epoch: answer.epoch, offset: answer.offset }
    }
}

/// Why a call failed, and what the broker answered, if it did.
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) answer: Option<Answer>,
}

impl Routes {
    /// At a base address without a slash at its end.
    pub(super) fn new(transport: Arc<dyn Transport>, base: &str, wire: &Wire) -> Self {
        let (base, wire) = (base.to_owned(), wire.clone());
        Self { transport, base, wire, moved: Mutex::default() }
    }

    /// Creates a topic.
    pub(super) async fn create_topic(&self, topic: &str) -> Result<(), Failed> {
        let fields = vec![(self.wire.topic_field.as_str(), Field::Text(topic))];
        self.call(Method::POST, "/topics", fields).await.map(drop)
    }

    /// Registers a new producer or consumer with a topic.
    pub(super) async fn register(&self, role: Role, topic: &str) -> Result<Registered, Error> {
        let (route, id) = match role {
            Role::Producer => ("/producer/register", "producer_id"),
            Role::Consumer => ("/consumer/register", "consumer_id"),
        };
        let answer = self.call(Method::POST, route, vec![("topic", Field::Text(topic))]).await?;
        let given = answer.id(id);
        Ok(Registered {
            id: given.ok_or_else(|| answer.lacks(&format!("{id} that is a text or a number")))?,
            epoch: answer.field("epoch").and_then(|epoch| epoch.as_str()).map(str::to_owned),
            offset: answer.number("offset"),
        })
    }

    /// Appends a message.
    pub(super) async fn produce(&self, topic: &str, id: &Id, message: &str) -> Result<(), Error> {
        let fields = vec![
            ("topic", Field::Text(topic)),
            ("producer_id", Field::Id(id)),
            ("message", Field::Text(message)),
        ];
        Ok(self.call(Method::POST, "/producer/produce", fields).await.map(drop)?)
    }

    /// Asks for a message, and gives the answer whatever it is: the caller knows how this broker says
    /// that there is none.
    pub(super) async fn consume(&self, topic: &str, id: &Id) -> Result<Answer, Error> {
        let fields = vec![("topic", Field::Text(topic)), ("consumer_id", Field::Id(id))];
        self.exchange(&Ask { method: Method::GET, route: "/consumer/consume", fields }).await
    }

    /// How many messages a consumer has not got yet, and from ours its position.
    pub(super) async fn size(&self, topic: &str, id: &Id) -> Result<(u64, Option<Offset>), Error> {
        let fields = vec![("topic", Field::Text(topic)), ("consumer_id", Field::Id(id))];
        let answer = self.call(Method::GET, "/size", fields).await?;
        let size = answer.number("size").ok_or_else(|| answer.lacks("size"))?;
        Ok((size, answer.number("offset")))
    }

    /// A call whose answer is a success.
    async fn call(
        &self,
        method: Method,
        route: &'static str,
        fields: Vec<(&str, Field<'_>)>,
    ) -> Result<Answer, Failed> {
        let answer = self.exchange(&Ask { method, route, fields }).await;
        let answer = answer.map_err(|error| Failed { error, answer: None })?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(Failed { error: answer.failure(), answer: Some(answer) })
    }

    /// One request, and its whole answer within the usual time.
    async fn exchange(&self, ask: &Ask<'_>) -> Result<Answer, Error> {
        let answered = tokio::time::timeout(TIMEOUT, self.follow(ask)).await;
        answered.unwrap_or_else(|_| {
            Err(Error::Unknown(format!("no answer from {} within {TIMEOUT:?}", self.base)))
        })
    }

    /// Sends the request, with its method and its fields, to wherever the broker redirects it.
    async fn follow(&self, ask: &Ask<'_>) -> Result<Answer, Error> {
        let mut url = ask.url(&self.base, &self.path(ask.route), &self.wire)?;
        for _ in 0..=REDIRECTS {
            let request = ask.request(&url, &self.wire)?;
            let answer = self.transport.send(request).await.map_err(|why| self.failed(why))?;
            let (head, body) = answer.into_parts();
            let Some(next) = self.redirected(&url, head.status, &head.headers)? else {
                return Ok(Answer::new(head.status, &body));
            };
            self.note(ask.route, &next);
            url = next;
        }
        Err(refused(format!("the broker redirects {} without an end", ask.route)))
    }

    /// Where the route is, as far as it is known.
    fn path(&self, route: &'static str) -> String {
        let moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
        let slash = if self.wire.trailing_slash { "/" } else { "" };
        moved.get(route).cloned().unwrap_or_else(|| format!("{route}{slash}"))
    }

    /// Keeps where a route is that only lacked its slash, or had one too many.
    fn note(&self, route: &'static str, url: &Url) {
        let base = Url::parse(&self.base).map(|base| base.path().trim_end_matches('/').to_owned());
        let path = base.ok().and_then(|base| url.path().strip_prefix(base.as_str()));
        if let Some(path) = path.filter(|path| path.trim_end_matches('/') == route) {
            let mut moved = self.moved.lock().unwrap_or_else(PoisonError::into_inner);
            moved.insert(route, path.to_owned());
        }
    }

    /// Where the broker wants the request, if it does: with 307 and 308 anywhere on the same host; with
    /// the older 301 and 302, which forget the method, only at the same path with another slash.
    fn redirected(
        &self,
        from: &Url,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Option<Url>, Error> {
        let is_exact =
            [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT].contains(&status);
        if !is_exact && ![StatusCode::MOVED_PERMANENTLY, StatusCode::FOUND].contains(&status) {
            return Ok(None);
        }
        let location = headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let Some(mut to) = location.and_then(|to| from.join(to).ok()) else { return Ok(None) };
        if to.origin() != from.origin() {
            // The request had no effect: its answer only says where to go.
            return Err(refused(format!(
                "the broker at {} redirects to {to}: name that one by --on, or set `wire: {{ \
                 trailing_slash: true }}` if only a slash is missing",
                self.base
            )));
        }
        if to.query().is_none() {
            to.set_query(from.query());
        }
        let bare = |url: &Url| url.path().trim_end_matches('/').to_owned();
        Ok((is_exact || bare(&to) == bare(from)).then_some(to))
    }

    fn failed(&self, failure: transport::Failure) -> Error {
        match failure {
            transport::Failure::NotSent(why) => {
                Error::NotSent(format!("cannot reach the broker at {}: {why}", self.base))
            }
            transport::Failure::Lost(why) => {
                Error::Unknown(format!("the connection to {} broke: {why}", self.base))
            }
        }
    }
}

fn refused(message: String) -> Error {
    Error::Refused(Refusal { message, ..Refusal::default() })
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        failed.error
    }
}

impl Registered {
    /// The same as our own broker answers a producer; none where it is not ours.
    pub(super) fn producer(&self) -> Option<ProducerRegistered> {
        let (status, epoch) = (Status::Success, Some(self.epoch.clone()?));
        Some(ProducerRegistered { status, producer_id: self.id.number()?, epoch })
    }

    /// The same as our own broker answers a consumer; none where it is not ours.
    pub(super) fn consumer(&self) -> Option<ConsumerRegistered> {
        let (status, epoch) = (Status::Success, Some(self.epoch.clone()?));
        let offset = Some(self.offset?);
        Some(ConsumerRegistered { status, consumer_id: self.id.number()?, epoch, offset })
    }
}
