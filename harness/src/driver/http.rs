//! Our broker, over HTTP; and the decision whether it is ours or speaks only the original routes.
//!
//! Registration answers it: ours gives an epoch, and to a consumer an offset. Until there is one, a
//! question that leaves nothing behind (the lag of a consumer that cannot exist) gives a good guess,
//! because ours puts a `code` on every refusal.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use broker_client::backoff;
use broker_client::transport::Transport;
use broker_client::wire::{self, Code, ConsumerId, Offset, ProducerId, TopicName};
use broker_client::{Client, Error, Retry, Subscription, TopicProducer};

use super::{
    Batch, Driver, Failure, LogPart, Manner, Patience, Pending, Reply, Route, Sender, Subscriber,
    automatic, original,
};
use crate::history::Outcome;
use crate::scenario::{self, Acknowledge};

/// Brokers over HTTP that serve one store.
pub(super) struct Http {
    clients: Vec<Client>,
    /// How many registrations there were.
    registrations: AtomicU64,
    guess: Dialect,
    dialect: OnceLock<Dialect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// Sequences, offsets, epochs.
    Ours,
    /// Only the six original routes with their original fields.
    Original,
}

impl Http {
    pub(super) async fn connect(
        transport: &Arc<dyn Transport>,
        addresses: &[String],
        how: scenario::Driver,
    ) -> Result<Self, Failure> {
        let mut clients = Vec::with_capacity(addresses.len());
        let (mut guess, dialect) = (Dialect::Ours, OnceLock::new());
        for address in addresses {
            let client = Client::over(Arc::clone(transport), address)
                .map_err(|error| Failure::new(error.to_string()))?;
            if probe(&client).await? == Dialect::Original {
                guess = Dialect::Original;
            }
            clients.push(client);
        }
        if clients.is_empty() {
            return Err(Failure::new("no broker address is given"));
        }
        if how == scenario::Driver::Original {
            guess = Dialect::Original;
            dialect.get_or_init(|| guess);
        }
        Ok(Self { clients, registrations: AtomicU64::new(0), guess, dialect })
    }

    /// An actor's way to a broker, with a stream of chance of its own.
    fn client(&self, route: Route) -> Result<(&Client, u64), Failure> {
        let registration = self.registrations.fetch_add(1, Ordering::Relaxed);
        let missing = || Failure::new(format!("no address {} was given", route.0));
        let client = self.clients.get(route.0).ok_or_else(missing)?;
        Ok((client, backoff::stream(&["registration"], registration)))
    }

    fn dialect(&self) -> Dialect {
        self.dialect.get().copied().unwrap_or(self.guess)
    }

    /// What is spoken from now on, given what a registration showed. Who is told to speak the
    /// original does so with any broker.
    fn settle(&self, client: &Client, shown: Dialect) -> Result<Dialect, Failure> {
        let settled = *self.dialect.get_or_init(|| shown);
        if settled == Dialect::Ours && shown == Dialect::Original {
            return Err(Failure::new(format!(
                "the broker at {} speaks only the original routes, unlike one asked before; \
                 set `driver: original` to speak so to all of them",
                client.address()
            )));
        }
        Ok(settled)
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
    /// What a registration, made now or before a crash, comes to.
    fn subscriber(
        &self,
        client: &Client,
        manner: Manner,
        topic: &TopicName,
        answer: wire::ConsumerRegistered,
        life: Life,
    ) -> Result<Box<dyn Subscriber>, Failure> {
        let (id, epoch, start) = (answer.consumer_id, answer.epoch.clone(), answer.offset);
        let retry = retry(manner.patience);
        let subscription = Subscription::registered(client, topic, &retry, answer);
        let shown = if subscription.is_some() { Dialect::Ours } else { Dialect::Original };
        Ok(match (self.settle(client, shown)?, subscription, manner.acknowledge) {
            (Dialect::Ours, Some(subscription), Acknowledge::Offset) => {
                Box::new(Consumer(match life {
                    Life::First => subscription,
                    Life::Later => subscription.resumed(),
                }))
            }
            (Dialect::Ours, Some(_), Acknowledge::Automatic) => {
                Box::new(automatic::Consumer::new(client, topic, id, epoch, start))
            }
            _ => Box::new(original::Consumer::new(client, topic, id)),
        })
    }
}

impl Driver for Http {
    fn create_topic<'a>(&'a self, topic: &'a TopicName) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            let client = &self.clients[0];
            match retry(Patience::Usual).repeat(0, || client.create_topic(topic.as_str())).await {
                Err(Error::Refused(refusal)) if exists(&refusal, topic) => Ok(()),
                result => result.map_err(|error| failed("creating topic", topic, &error)),
            }
        })
    }

    fn register<'a>(
        &'a self,
        manner: Manner,
        topic: &'a TopicName,
    ) -> Pending<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let (client, stream) = self.client(manner.route)?;
            let retry = retry(manner.patience);
            let answer = retry
                .repeat(stream, || client.register_producer(topic.as_str()))
                .await
                .map_err(|error| failed("registering a producer with", topic, &error))?;
            let id = answer.producer_id;
            let producer = TopicProducer::registered(client, topic, &retry, answer);
            let shown = if producer.is_some() { Dialect::Ours } else { Dialect::Original };
            let sender: Box<dyn Sender> = match (self.settle(client, shown)?, producer) {
                (Dialect::Ours, Some(registration)) => {
                    Box::new(Producer { registration, is_over: false })
                }
                _ => Box::new(original::Producer::new(client, topic, id, &retry)),
            };
            Ok(sender)
        })
    }

    fn subscribe<'a>(
        &'a self,
        manner: Manner,
        topic: &'a TopicName,
    ) -> Pending<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let (client, stream) = self.client(manner.route)?;
            let retry = retry(manner.patience);
            let answer = retry
                .repeat(stream, || client.register_consumer(topic.as_str()))
                .await
                .map_err(|error| failed("subscribing to", topic, &error))?;
            self.subscriber(client, manner, topic, answer, Life::First)
        })
    }

    fn resume<'a>(
        &'a self,
        manner: Manner,
        topic: &'a TopicName,
        (id, epoch): (ConsumerId, Option<&'a str>),
    ) -> Pending<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let (client, stream) = self.client(manner.route)?;
            let request = wire::Subscription { topic: topic.as_str(), consumer_id: id, epoch };
            let size = retry(manner.patience)
                .repeat(stream, || client.size(&request))
                .await
                .map_err(|error| failed("resuming the subscription to", topic, &error))?;
            // What a registration would have answered, had it been made at this position.
            let answer = wire::ConsumerRegistered {
                status: size.status,
                consumer_id: id,
                epoch: epoch.map(str::to_owned),
                offset: size.offset,
            };
            self.subscriber(client, manner, topic, answer, Life::Later)
        })
    }

    fn read_log<'a>(
        &'a self,
        route: Route,
        topic: &'a TopicName,
        offset: Offset,
    ) -> Pending<'a, Result<Option<LogPart>, Failure>> {
        Box::pin(async move {
            let (client, stream) = self.client(route)?;
            let retry = retry(Patience::Usual);
            match retry.repeat(stream, || client.audit(topic.as_str(), offset)).await {
                Ok(part) => Ok(Some(LogPart {
                    epoch: part.epoch,
                    end: part.end,
                    messages: part.messages.into(),
                })),
                Err(error) if error.code() == Some(&Code::NotFound) => Ok(None),
                // Ours may be spoken to as if it were the original; that one has no such route.
                Err(_) if self.dialect() == Dialect::Original => Ok(None),
                Err(error) => Err(failed("reading the log of", topic, &error)),
            }
        })
    }

    fn needs_tags(&self) -> bool {
        self.dialect() == Dialect::Original
    }

    fn batch_max(&self) -> Option<u32> {
        (self.dialect() == Dialect::Original).then_some(1)
    }
}

struct Producer {
    registration: TopicProducer,
    is_over: bool,
}

impl Sender for Producer {
    fn session(&self) -> (Option<ProducerId>, Option<&str>) {
        (Some(self.registration.id()), Some(self.registration.epoch()))
    }

    fn send<'a>(&'a mut self, payloads: &'a [&'a str]) -> Pending<'a, Reply> {
        Box::pin(async move {
            if self.is_over {
                let why = "the registration is over, register anew".to_owned();
                return Reply { outcome: Outcome::Refused { why }, attempts: 1 };
            }
            // Also for whoever drops this future.
            self.is_over = true;
            let sent = self.registration.send(payloads).await;
            self.is_over = sent.outcome.is_err();
            let outcome = outcome(sent.outcome.map(Some));
            Reply { outcome, attempts: sent.attempts.max(1) }
        })
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

struct Consumer(Subscription);

impl Subscriber for Consumer {
    fn session(&self) -> (Option<ConsumerId>, Option<&str>) {
        (Some(self.0.id()), Some(self.0.epoch()))
    }

    fn start(&self) -> Option<Offset> {
        Some(self.0.start())
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            let polled = self.0.poll(max, wait).await;
            let messages = polled.map_err(|error| failed("polling", self.0.topic(), &error))?;
            *batch = messages.into();
            Ok(())
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
        Box::pin(async move {
            let topic = self.0.topic().clone();
            let ended = self.0.unsubscribe().await;
            ended.map_err(|error| failed("unsubscribing from", &topic, &error))
        })
    }
}

/// The outcome that a request's result is.
pub(super) fn outcome(result: Result<Option<Offset>, Error>) -> Outcome {
    match result {
        Ok(offset) => Outcome::Acked { offset },
        Err(Error::Unknown(why)) => Outcome::Unknown { why },
        Err(definite) => Outcome::Refused { why: definite.to_string() },
    }
}

pub(super) fn failed(doing: &str, topic: &TopicName, error: &Error) -> Failure {
    Failure {
        why: format!("{doing} {topic}: {error}"),
        is_final: is_final(error),
        is_session_over: error.is_session_over(),
    }
}

/// Whether the broker refuses the request and always will. By its code alone: without one, or with
/// one of a later version, it is not known what will pass.
fn is_final(error: &Error) -> bool {
    let known = |code: &Code| !matches!(code, Code::Empty | Code::RequestTimeout | Code::Other(_));
    !error.may_pass() && error.code().is_some_and(known)
}

/// With a fixed seed, because a simulated run has to follow from its own alone.
fn retry(patience: Patience) -> Retry {
    let usual = Retry { seed: Some(0), ..Retry::default() };
    match patience {
        Patience::None => Retry { attempts: 1, ..usual },
        Patience::Usual => usual,
        Patience::Long(total) => {
            // Whoever comes back seconds after the broker does makes the run longer for nothing.
            Retry { attempts: u32::MAX, total, longest: Duration::from_millis(250), ..usual }
        }
    }
}

/// Whether somebody listens, and what it likely speaks.
async fn probe(client: &Client) -> Result<Dialect, Failure> {
    let nobody = wire::Subscription { topic: "T", consumer_id: -1, epoch: None };
    match client.size(&nobody).await {
        Err(error @ Error::NotSent(_)) => Err(Failure::new(error.to_string())),
        Err(error) if error.code().is_some() => Ok(Dialect::Ours),
        _ => Ok(Dialect::Original),
    }
}

/// The original has no codes: its words decide.
fn exists(refusal: &broker_client::Refusal, topic: &TopicName) -> bool {
    refusal.code == Some(Code::TopicExists)
        || refusal.message == format!("Topic:{topic} already exist")
}
