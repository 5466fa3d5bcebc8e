//! The broker's wire over HTTP: ours, or the six original routes alone; and the decision which of
//! the two a broker speaks.
//!
//! Registration answers it: ours gives an epoch, and to a consumer an offset. Until there is one, a
//! question that leaves nothing behind (the lag of a consumer that cannot exist) gives a good guess,
//! because ours puts a `code` on every refusal.

mod automatic;
mod capability;
mod connected;
mod creation;
mod dialect;
mod empty;
mod fail_over;
mod failure;
mod original;
mod ours;
mod passed_over;
mod pipelined;
mod reading;
mod requests;
mod routes;
mod sessions;
mod subscribing;
mod transports;

use std::sync::Arc;

use broker_client::wire::Code;
use broker_client::{Error, TopicProducer};
use futures_util::future::BoxFuture;

use self::connected::{Http, Way};
use self::dialect::Dialect;
use self::failure::{failed, failed_under, retry};
use self::pipelined::Pipelined;
use self::reading::Reading;
use self::routes::{Id, Registered, Role};
use self::sessions::View;
use self::subscribing::{Life, Subscribed};
use self::transports::Transports;
use super::batch::Batch;
use super::client::{Client, RetryPolicy, Route, Session};
use super::contract::{Driver, LogPart, Sender, Subscriber};
use super::failure::Failure;
use super::row::{Connected, Connecting, Row, Takes};
use crate::capability::Capabilities;
use crate::history::Offset;
use crate::plan::TopicIndex;
use crate::scenario::{DEFAULT_DRIVER, ORIGINAL_DRIVER, Start};

/// TLS where it is built in.
const SCHEMES: &[&str] = if cfg!(feature = "tls") { &["http", "https"] } else { &["http"] };

/// By what its answers show: ours, or one that speaks only the original routes.
pub(super) const DETECT: Row = Row {
    word: DEFAULT_DRIVER,
    schemes: SCHEMES,
    tls: &["https"],
    port: 80,
    tls_port: 443,
    takes: Takes::Keys,
    capabilities: capability::detected,
    connect: |connecting| {
        let transports = Transports::detect(&connecting.addresses);
        reach(connecting, transports, None)
    },
    simulate: Some(|connecting, transport| reach(connecting, Ok(Transports::one(transport)), None)),
};

/// Only the original routes, even where more would be understood.
pub(super) const ORIGINAL: Row = Row {
    word: ORIGINAL_DRIVER,
    schemes: SCHEMES,
    tls: &["https"],
    port: 80,
    tls_port: 443,
    takes: Takes::Keys,
    capabilities: |_| capability::ORIGINAL,
    connect: |connecting| {
        let transports = Transports::original(&connecting.addresses);
        reach(connecting, transports, Some(Dialect::Original))
    },
    simulate: Some(|connecting, transport| {
        reach(connecting, Ok(Transports::one(transport)), Some(Dialect::Original))
    }),
};

fn reach(
    connecting: Connecting,
    transports: Result<Transports, Failure>,
    dialect: Option<Dialect>,
) -> BoxFuture<'static, Connected> {
    Box::pin(async move {
        let http = connected::connect(connecting, &transports?, dialect).await?;
        Ok(Arc::new(http) as Arc<dyn Driver>)
    })
}

impl Driver for Http {
    fn capabilities(&self) -> Capabilities {
        match self.dialect.now() {
            Dialect::Ours => capability::ours(&self.plan.scenario.broker),
            Dialect::Original => capability::ORIGINAL,
        }
    }

    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let (broker, topic) = (&self.brokers[0], &self.topics[topic.place()]);
            if self.dialect.now() == Dialect::Original {
                self.create_original(broker, topic).await?;
                if self.plan.scenario.start == Start::Together && !self.original.empty.has_begun() {
                    self.learn_empty(broker, topic).await;
                }
                return Ok(());
            }
            let create = || broker.client.create_topic(topic.as_str());
            match retry(RetryPolicy::Short).repeat(0, create).await {
                Err(Error::Refused(refusal)) if dialect::exists(&refusal, topic) => Ok(()),
                result => result.map_err(|error| failed("creating topic", topic, &error)),
            }
        })
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let way = self.way(Some(client.actor), client.route)?;
            let topic = &self.topics[client.topic.place()];
            let retry = retry(client.retries);
            let answer = retry
                .repeat(way.stream, || self.registered(&way, Role::Producer, topic))
                .await
                .map_err(|error| failed("registering a producer with", topic, &error))?;
            let producer = answer
                .producer()
                .and_then(|answer| TopicProducer::registered(&way.client, topic, &retry, answer));
            let shown = if producer.is_some() { Dialect::Ours } else { Dialect::Original };
            let settled = self.dialect.settle(&way.client, shown)?;
            let sender: Box<dyn Sender> = match (settled, producer) {
                (Dialect::Ours, Some(registration)) => {
                    if let Some(stream) = client.stream {
                        let (epoch, id) = (registration.epoch(), registration.id());
                        self.sessions.add(epoch, id, stream, client.base);
                    }
                    let pipelined = Pipelined::new(&way.client, &registration, &retry);
                    Box::new(ours::Producer::new(registration, pipelined, way.went))
                }
                _ => {
                    // Only a registration shows what kind of broker it is.
                    self.original.tags.check()?;
                    let registration = self.registration(way.broker, topic, answer.id);
                    Box::new(original::Producer::new(registration, retry, self.original.clone()))
                }
            };
            Ok(sender)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let way = self.way(Some(client.actor), client.route)?;
            let topic = &self.topics[client.topic.place()];
            let answer = retry(client.retries)
                .repeat(way.stream, || self.registered(&way, Role::Consumer, topic))
                .await
                .map_err(|error| failed("subscribing to", topic, &error))?;
            Ok(match self.subscriber(&way, client, answer, Life::First)? {
                Subscribed::Ours(subscriber) => subscriber,
                Subscribed::Original(mut consumer) => {
                    let is_first = self.plan.scenario.start == Start::ConsumersFirst;
                    if is_first && !self.original.empty.has_begun() {
                        consumer.learn_empty().await;
                    }
                    consumer
                }
            })
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let way = self.way(Some(client.actor), client.route)?;
            let topic = &self.topics[client.topic.place()];
            let id = Id::of_session(session.id.as_deref().unwrap_or_default());
            let epoch = session.epoch.clone();
            let offset = self
                .position(&way, topic, &id, epoch.as_deref(), client.retries)
                .await
                .map_err(|error| {
                    let under = (id.plain(), epoch.is_some());
                    failed_under(under, "resuming the subscription to", topic, &error)
                })?;
            // What a registration would have answered, had it been made at this position.
            let answer = Registered { id, epoch, offset };
            Ok(match self.subscriber(&way, client, answer, Life::Later)? {
                Subscribed::Ours(subscriber) => subscriber,
                Subscribed::Original(consumer) => consumer,
            })
        })
    }

    fn read_log(
        &self,
        route: Route,
        topic: TopicIndex,
        offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        Box::pin(async move {
            let Way { client, stream, .. } = self.way(None, route)?;
            let topic = &self.topics[topic.place()];
            let is_original = self.dialect.now() == Dialect::Original;
            // Other people's brokers have no such route, each in its own words.
            let retry = retry(if is_original { RetryPolicy::Never } else { RetryPolicy::Short });
            match retry.repeat(stream, || client.audit(topic.as_str(), offset)).await {
                Ok(part) => {
                    let mut reading = if is_original {
                        Reading::Tags(Arc::clone(&self.original.tags))
                    } else {
                        Reading::Sessions(View::new(&self.sessions, &self.plan, &part.epoch))
                    };
                    let mut messages = Batch::default();
                    let filled = reading.fill(&mut messages, part.messages);
                    filled.map_err(|unnamed| unnamed.failure("reading the log of", topic))?;
                    Ok(Some(LogPart { epoch: part.epoch, end: part.end, messages }))
                }
                // A token to send and to poll is not one to read the logs.
                Err(error) if matches!(error.code(), Some(Code::NotFound | Code::Forbidden)) => {
                    Ok(None)
                }
                // Ours may be spoken to as if it were the original; that one has no such route.
                Err(_) if is_original => Ok(None),
                Err(error) => Err(failed("reading the log of", topic, &error)),
            }
        })
    }

    fn passed_over(&self) -> u64 {
        self.original.passed_over.total()
    }
}
