//! The broker's wire over HTTP: ours, or the six original routes alone; and the decision which of
//! the two a broker speaks.
//!
//! Registration answers it: ours gives an epoch, and to a consumer an offset. Until there is one, a
//! question that leaves nothing behind (the lag of a consumer that cannot exist) gives a good guess,
//! because ours puts a `code` on every refusal.

mod capability;
mod dialect;
mod failure;
mod original;
mod ours;
mod reading;
mod requests;
mod sessions;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use broker_client::transport::{self, Transport};
use broker_client::wire::{self, Code, TopicName};
use broker_client::{Error, Subscription, TopicProducer, backoff};
use futures_util::future::BoxFuture;

use self::dialect::Dialect;
use self::failure::{failed, failed_under, retry};
use self::reading::Reading;
use self::sessions::{Sessions, View};
use super::address::Address;
use super::batch::Batch;
use super::client::{Client, RetryPolicy, Route, Session};
use super::contract::{Driver, LogPart, Sender, Subscriber};
use super::failure::Failure;
use super::row::{Connected, Connecting, Row};
use super::tags;
use crate::capability::Capabilities;
use crate::history::Offset;
use crate::plan::{Plan, TopicIndex};
use crate::recipes;
use crate::scenario::{Acknowledge, DEFAULT_DRIVER, ORIGINAL_DRIVER};

/// By what its answers show: ours, or one that speaks only the original routes.
pub(super) const DETECT: Row = Row {
    word: DEFAULT_DRIVER,
    schemes: &["http"],
    port: 80,
    capabilities: capability::detected,
    connect: |connecting| reach(connecting, Arc::new(transport::http()), None),
    recipe: Some(recipes::broker::recipe),
    simulate: Some(|connecting, transport| reach(connecting, transport, None)),
};

/// Only the original routes, even where more would be understood.
pub(super) const ORIGINAL: Row = Row {
    word: ORIGINAL_DRIVER,
    schemes: &["http"],
    port: 80,
    capabilities: |_| capability::ORIGINAL,
    connect: |connecting| reach(connecting, Arc::new(transport::http()), Some(Dialect::Original)),
    recipe: Some(recipes::broker::recipe),
    simulate: Some(|connecting, transport| reach(connecting, transport, Some(Dialect::Original))),
};

fn reach(
    connecting: Connecting,
    transport: Arc<dyn Transport>,
    dialect: Option<Dialect>,
) -> BoxFuture<'static, Connected> {
    Box::pin(async move {
        let http = connect(connecting, transport, dialect).await?;
        Ok(Arc::new(http) as Arc<dyn Driver>)
    })
}

/// Brokers over HTTP that serve one store.
struct Http {
    plan: Arc<Plan>,
    /// By topic, as the wire has them.
    topics: Vec<TopicName>,
    clients: Vec<broker_client::Client>,
    /// How many registrations there were.
    registrations: AtomicU64,
    dialect: dialect::Settled,
    sessions: Arc<Sessions>,
}

async fn connect(
    connecting: Connecting,
    transport: Arc<dyn Transport>,
    dialect: Option<Dialect>,
) -> Result<Http, Failure> {
    let Connecting { plan, addresses, .. } = connecting;
    let mut clients = Vec::with_capacity(addresses.len());
    let mut guess = Dialect::Ours;
    for address in &addresses {
        let client = broker_client::Client::over(Arc::clone(&transport), &base(address)?)
            .map_err(|error| Failure::new(error.to_string()))?;
        if dialect::probe(&client).await? == Dialect::Original {
            guess = Dialect::Original;
        }
        clients.push(client);
    }
    if clients.is_empty() {
        return Err(Failure::new("no broker address is given"));
    }
    let names = plan.topics.iter().map(|topic| capability::topic_name(topic.name.as_str()));
    Ok(Http {
        topics: names.collect::<Result<_, _>>().map_err(Failure::new)?,
        plan,
        clients,
        registrations: AtomicU64::new(0),
        dialect: dialect::Settled::new(guess, dialect),
        sessions: Arc::default(),
    })
}

/// `http://127.0.0.1:5000`, or `http://broker` where the port is the usual one.
fn base(address: &Address) -> Result<String, Failure> {
    match address {
        Address::Listens { host, port: 80 } => Ok(format!("http://{host}")),
        Address::Listens { host, port } => Ok(format!("http://{host}:{port}")),
        Address::None => Err(Failure::new("a broker without an address does not speak HTTP")),
    }
}

/// Which life of a consumer a subscription is used in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// The one that made it.
    First,
    /// One after a crash.
    Later,
}

impl Http {
    /// An actor's way to a broker, with a stream of chance of its own.
    fn way(&self, route: Route) -> Result<(&broker_client::Client, u64), Failure> {
        let registration = self.registrations.fetch_add(1, Ordering::Relaxed);
        let missing = || Failure::new(format!("no address {} was given", route.0));
        let client = self.clients.get(route.0).ok_or_else(missing)?;
        Ok((client, backoff::stream(&["registration"], registration)))
    }

    /// What a registration, made now or before a crash, comes to.
    fn subscriber(
        &self,
        http: &broker_client::Client,
        client: &Client,
        answer: wire::ConsumerRegistered,
        life: Life,
    ) -> Result<Box<dyn Subscriber>, Failure> {
        let topic = &self.topics[client.topic.place()];
        let (id, start) = (answer.consumer_id, answer.offset);
        let epoch = answer.epoch.clone();
        let subscription = Subscription::registered(http, topic, &retry(client.retries), answer);
        let shown = if subscription.is_some() { Dialect::Ours } else { Dialect::Original };
        let settled = self.dialect.settle(http, shown)?;
        let own = || (http.clone(), topic.clone());
        let view = |epoch: &str| Reading::Sessions(View::new(&self.sessions, &self.plan, epoch));
        Ok(match (settled, subscription, epoch, client.acknowledge) {
            (Dialect::Ours, Some(subscription), Some(epoch), Acknowledge::Offset) => {
                let subscription = match life {
                    Life::First => subscription,
                    Life::Later => subscription.resumed(),
                };
                Box::new(ours::Consumer::new(subscription, view(&epoch)))
            }
            (Dialect::Ours, Some(_), Some(epoch), Acknowledge::Automatic) => {
                let ((client, topic), reading) = (own(), view(&epoch));
                let claim = original::Claim { client, topic, id, ours: Some((epoch, start)) };
                Box::new(original::Consumer::new(claim, reading))
            }
            _ => {
                let (client, topic) = own();
                let claim = original::Claim { client, topic, id, ours: None };
                let reading = Reading::Tags { plan: Arc::clone(&self.plan), with_offsets: false };
                Box::new(original::Consumer::new(claim, reading))
            }
        })
    }
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
            let (client, topic) = (&self.clients[0], &self.topics[topic.place()]);
            let create = || client.create_topic(topic.as_str());
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
            let (http, stream) = self.way(client.route)?;
            let topic = &self.topics[client.topic.place()];
            let retry = retry(client.retries);
            let answer = retry
                .repeat(stream, || http.register_producer(topic.as_str()))
                .await
                .map_err(|error| failed("registering a producer with", topic, &error))?;
            let id = answer.producer_id;
            let producer = TopicProducer::registered(http, topic, &retry, answer);
            let shown = if producer.is_some() { Dialect::Ours } else { Dialect::Original };
            let sender: Box<dyn Sender> = match (self.dialect.settle(http, shown)?, producer) {
                (Dialect::Ours, Some(registration)) => {
                    if let Some(stream) = client.stream {
                        self.sessions.add(registration.epoch(), id, stream, client.base);
                    }
                    Box::new(ours::Producer::new(registration))
                }
                _ => {
                    // Only a registration shows what kind of broker it is.
                    tags::check(&self.plan)?;
                    let (client, topic) = (http.clone(), topic.clone());
                    let registration = original::Registration { client, topic, id, retry };
                    Box::new(original::Producer::new(registration, &self.plan))
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
            let (http, stream) = self.way(client.route)?;
            let topic = &self.topics[client.topic.place()];
            let answer = retry(client.retries)
                .repeat(stream, || http.register_consumer(topic.as_str()))
                .await
                .map_err(|error| failed("subscribing to", topic, &error))?;
            self.subscriber(http, client, answer, Life::First)
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let (http, stream) = self.way(client.route)?;
            let topic = &self.topics[client.topic.place()];
            let id = session.id.as_deref().and_then(|id| id.parse().ok());
            let id = id.expect("a session of this driver has a number for an id");
            let epoch = session.epoch.as_deref();
            let request = wire::Subscription { topic: topic.as_str(), consumer_id: id, epoch };
            let size = retry(client.retries).repeat(stream, || http.size(&request)).await.map_err(
                |error| {
                    let under = (id, epoch.is_some());
                    failed_under(under, "resuming the subscription to", topic, &error)
                },
            )?;
            // What a registration would have answered, had it been made at this position.
            let answer = wire::ConsumerRegistered {
                status: size.status,
                consumer_id: id,
                epoch: session.epoch.clone(),
                offset: size.offset,
            };
            self.subscriber(http, client, answer, Life::Later)
        })
    }

    fn read_log(
        &self,
        route: Route,
        topic: TopicIndex,
        offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        Box::pin(async move {
            let (client, stream) = self.way(route)?;
            let topic = &self.topics[topic.place()];
            let retry = retry(RetryPolicy::Short);
            let is_original = self.dialect.now() == Dialect::Original;
            match retry.repeat(stream, || client.audit(topic.as_str(), offset)).await {
                Ok(part) => {
                    let mut reading = if is_original {
                        Reading::Tags { plan: Arc::clone(&self.plan), with_offsets: true }
                    } else {
                        Reading::Sessions(View::new(&self.sessions, &self.plan, &part.epoch))
                    };
                    let mut messages = Batch::default();
                    let filled = reading.fill(&mut messages, part.messages);
                    filled.map_err(|unnamed| unnamed.failure("reading the log of", topic))?;
                    Ok(Some(LogPart { epoch: part.epoch, end: part.end, messages }))
                }
                Err(error) if error.code() == Some(&Code::NotFound) => Ok(None),
                // Ours may be spoken to as if it were the original; that one has no such route.
                Err(_) if is_original => Ok(None),
                Err(error) => Err(failed("reading the log of", topic, &error)),
            }
        })
    }
}
