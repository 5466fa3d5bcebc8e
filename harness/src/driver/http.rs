//! Our broker, over HTTP; and the decision whether it is ours or speaks only the original routes.
//!
//! Registration answers it: ours gives an epoch, and to a consumer an offset. Until there is one, a
//! question that leaves nothing behind (the lag of a consumer that cannot exist) gives a good guess,
//! because ours puts a `code` on every refusal.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use broker_client::backoff;
use broker_client::transport::Transport;
use broker_client::wire::{self, Code, ConsumerId, Offset, ProducerId, TopicName};
use broker_client::{Client, Error, Retry, Subscription, TopicProducer};

use super::{Batch, Driver, Failure, Pending, Reply, Sender, Subscriber, original};
use crate::history::Outcome;
use crate::scenario;

/// Brokers over HTTP that serve one store.
pub(super) struct Http {
    clients: Vec<Client>,
    /// How many actors were handed a client.
    actors: AtomicUsize,
    guess: Dialect,
    dialect: OnceLock<Dialect>,
    retry: Retry,
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
        Ok(Self { clients, actors: AtomicUsize::new(0), guess, dialect, retry: retry() })
    }

    /// The next actor's way to a broker.
    /// With a stream of chance of its own.
    fn client(&self) -> (&Client, u64) {
        let actor = self.actors.fetch_add(1, Ordering::Relaxed);
        let client = &self.clients[actor % self.clients.len()];
        (client, backoff::stream(&["registration"], actor as u64))
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

impl Driver for Http {
    fn create_topic<'a>(&'a self, topic: &'a TopicName) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            let client = &self.clients[0];
            match self.retry.repeat(0, || client.create_topic(topic.as_str())).await {
                Err(Error::Refused(refusal)) if exists(&refusal, topic) => Ok(()),
                result => result.map_err(|error| failed("creating topic", topic, &error)),
            }
        })
    }

    fn register<'a>(
        &'a self,
        topic: &'a TopicName,
    ) -> Pending<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let (client, stream) = self.client();
            let answer = self
                .retry
                .repeat(stream, || client.register_producer(topic.as_str()))
                .await
                .map_err(|error| failed("registering a producer with", topic, &error))?;
            let id = answer.producer_id;
            let producer = TopicProducer::registered(client, topic, &self.retry, answer);
            let shown = if producer.is_some() { Dialect::Ours } else { Dialect::Original };
            let sender: Box<dyn Sender> = match (self.settle(client, shown)?, producer) {
                (Dialect::Ours, Some(registration)) => {
                    Box::new(Producer { registration, is_over: false })
                }
                _ => Box::new(original::Producer::new(client, topic, id, &self.retry)),
            };
            Ok(sender)
        })
    }

    fn subscribe<'a>(
        &'a self,
        topic: &'a TopicName,
    ) -> Pending<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let (client, stream) = self.client();
            let answer = self
                .retry
                .repeat(stream, || client.register_consumer(topic.as_str()))
                .await
                .map_err(|error| failed("subscribing to", topic, &error))?;
            let id = answer.consumer_id;
            let subscription = Subscription::registered(client, topic, &self.retry, answer);
            let shown = if subscription.is_some() { Dialect::Ours } else { Dialect::Original };
            let subscriber: Box<dyn Subscriber> = match (self.settle(client, shown)?, subscription)
            {
                (Dialect::Ours, Some(subscription)) => Box::new(Consumer(subscription)),
                _ => Box::new(original::Consumer::new(client, topic, id)),
            };
            Ok(subscriber)
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
    Failure { why: format!("{doing} {topic}: {error}"), is_final: is_final(error) }
}

/// Whether the broker refuses the request and always will. By its code alone: without one, or with
/// one of a later version, it is not known what will pass.
fn is_final(error: &Error) -> bool {
    let known = |code: &Code| !matches!(code, Code::Empty | Code::RequestTimeout | Code::Other(_));
    !error.may_pass() && error.code().is_some_and(known)
}

/// With a fixed seed, because a simulated run has to follow from its own alone.
fn retry() -> Retry {
    Retry { seed: Some(0), ..Retry::default() }
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
