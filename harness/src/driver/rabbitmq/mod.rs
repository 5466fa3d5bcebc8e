//! RabbitMQ over AMQP 0-9-1, with confirms for producers and acknowledgements for consumers.
//!
//! A topic is an exchange that hands each message to every queue that is bound to it, and each
//! consumer has a queue of its own there; or, with `x-queue-type: stream`, one log that all read. Who
//! sent a message stands in a header. RabbitMQ tells no offsets but a stream's, no lives of its store,
//! and knows no message again that is sent twice.

mod link;
mod reading;
mod requests;
mod sender;
mod settings;
mod stream;
mod subscriber;
mod topics;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use self::link::Link;
use self::sender::Producer;
use self::settings::Settings;
use self::subscriber::Consumer;
use self::topics::Topics;
use super::address::Address;
use super::client::{Client, RetryPolicy, Route, Session};
use super::contract::{Driver, Sender, Subscriber};
use super::failure::{Failure, FailureKind};
use super::row::{Connected, Connecting, Row, Takes};
use super::tries::repeat;
use crate::capability::Capabilities;
use crate::plan::TopicIndex;
use crate::scenario;

/// RabbitMQ.
pub(super) const ROW: Row = Row {
    word: "rabbitmq",
    schemes: &["amqp", "amqps"],
    tls: &["amqps"],
    port: 5672,
    tls_port: 5671,
    takes: Takes::LoginAndPath,
    capabilities,
    connect: |connecting| Box::pin(connect(connecting)),
    simulate: None,
};

/// A configuration that is not understood is refused by [`connect`].
fn capabilities(broker: &scenario::Broker) -> Capabilities {
    let settings = Settings::read(&broker.options.topic_config);
    settings.map_or(Capabilities::LEAST, |settings| settings.capabilities())
}

struct RabbitMq {
    topics: Arc<Topics>,
    addresses: Vec<Address>,
    /// What topics are made over.
    control: Mutex<Option<Link>>,
}

async fn connect(connecting: Connecting) -> Connected {
    let Connecting { plan, addresses, run, .. } = connecting;
    let settings = Settings::read(&plan.scenario.broker.options.topic_config)
        .map_err(|why| Failure { kind: FailureKind::Final, ..Failure::new(why) })?;
    let topics = Arc::new(Topics::new(&plan, &run, settings));
    let mut control = None;
    // Each has to be there, and to take the login.
    for address in addresses.iter().rev() {
        control = Some(Link::open(address).await?);
    }
    Ok(Arc::new(RabbitMq { topics, addresses, control: Mutex::new(control) }))
}

impl RabbitMq {
    fn address(&self, route: Route) -> Result<&Address, Failure> {
        route.of(&self.addresses)
    }

    /// Makes a topic over the connection that is shared, or over another where it is gone.
    async fn create(&self, topic: TopicIndex) -> Result<(), Failure> {
        let mut control = self.control.lock().await;
        if !control.as_ref().is_some_and(Link::is_up) {
            *control = None;
            *control = Some(Link::open(self.address(Route(0))?).await?);
        }
        let Some(link) = control.as_ref() else { return Ok(()) };
        let declared = self.topics.declare(link, topic).await;
        if declared.is_err() {
            *control = None;
        }
        declared
    }
}

impl Driver for RabbitMq {
    fn capabilities(&self) -> Capabilities {
        self.topics.settings.capabilities()
    }

    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(repeat(RetryPolicy::Short, move || Box::pin(self.create(topic))))
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let address = self.address(client.route)?;
            let (topic, retries) = (client.topic, client.retries);
            let producer = || Producer::new(&self.topics, topic, address, retries);
            Ok(Box::new(repeat(retries, || Box::pin(producer())).await?) as _)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let address = self.address(client.route)?;
            let consumer = || Consumer::subscribe(&self.topics, client, address);
            Ok(Box::new(repeat(client.retries, || Box::pin(consumer())).await?) as _)
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let address = self.address(client.route)?;
            let Some(queue) = &session.id else {
                let why = "a stream keeps no consumer's position";
                return Err(Failure { kind: FailureKind::Final, ..Failure::new(why) });
            };
            let consumer = || Consumer::resume(&self.topics, address, queue);
            Ok(Box::new(repeat(client.retries, || Box::pin(consumer())).await?) as _)
        })
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            *self.control.lock().await = None;
            if !self.topics.has_any() {
                return Ok(());
            }
            let removed = async {
                let link = Link::open(self.address(Route(0))?).await?;
                self.topics.remove(&link).await
            };
            removed.await.map_err(|failure| {
                let names = self.topics.names_left();
                Failure::new(format!("still on the broker: {names}: {failure}"))
            })
        })
    }
}
