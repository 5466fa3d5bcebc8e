//! NATS JetStream: a stream for each topic, a durable pull consumer for each subscription, messages
//! with an id. Offsets are stream sequences, an epoch is when the stream was made, identity is in a
//! header.

mod capability;
mod connection;
mod log;
mod message;
mod pulls;
mod requests;
mod sender;
mod settings;
mod shared;
mod subscriber;

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::timeout;

use self::connection::{ask, open};
use self::sender::Producer;
use self::settings::Settings;
use self::shared::Shared;
use self::subscriber::Consumer;
use super::client::{Client, Route, Session};
use super::contract::{Driver, LogPart, Sender, Subscriber};
use super::failure::{Failure, FailureKind};
use super::marks::Marks;
use super::row::{Connected, Connecting, Row, Takes};
use crate::capability::Capabilities;
use crate::history::Offset;
use crate::plan::TopicIndex;
use crate::scenario;

/// How long removing the streams of a run may take.
const REMOVED_WITHIN: Duration = Duration::from_secs(10);

/// NATS with JetStream.
pub(super) const NATS: Row = Row {
    word: "nats",
    schemes: &["nats", "nats+tls"],
    tls: &["nats+tls"],
    port: 4222,
    tls_port: 4222,
    takes: Takes::Login,
    capabilities: capability::capabilities,
    connect: |connecting| Box::pin(connect(connecting)),
    simulate: None,
};

struct Nats {
    shared: Arc<Shared>,
    broker: scenario::Broker,
}

async fn connect(connecting: Connecting) -> Connected {
    let Connecting { plan, addresses, run, .. } = connecting;
    let broker = plan.scenario.broker.clone();
    let settings = Settings::read(&broker.options.topic_config)?;
    for address in &addresses {
        if !open(address).await?.client().server_info().jetstream {
            let why = format!(
                "the NATS server at {address} has JetStream off, and stores nothing without it; \
                 start it with -js, or with `jetstream {{}}` in its configuration"
            );
            return Err(Failure { why, kind: FailureKind::Final, code: None });
        }
    }
    let marks = Marks::new(&plan, &run);
    let shared = Arc::new(Shared::new(plan, addresses, marks, settings));
    Ok(Arc::new(Nats { shared, broker }) as Arc<dyn Driver>)
}

impl Driver for Nats {
    fn capabilities(&self) -> Capabilities {
        capability::capabilities(&self.broker)
    }

    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let shared = &self.shared;
            let context = open(&shared.addresses()[0]).await?;
            // Also one whose answer is lost is to be removed.
            shared.note_made(topic);
            let name = shared.marks.topic(topic);
            let config = shared.settings.stream(&name);
            // A stream that is there with the same configuration is fine to the server too.
            let made: Result<stream::Info, _> =
                ask(&context, format!("STREAM.CREATE.{name}"), &config).await;
            made.map(drop).map_err(|error| error.failure(&format!("making stream {name}")))
        })
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let producer = Producer::new(&self.shared, client).await?;
            Ok(Box::new(producer) as Box<dyn Sender>)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let consumer = Consumer::subscribe(&self.shared, client).await?;
            Ok(Box::new(consumer) as Box<dyn Subscriber>)
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let consumer = Consumer::resume(&self.shared, client, session).await?;
            Ok(Box::new(consumer) as Box<dyn Subscriber>)
        })
    }

    fn read_log(
        &self,
        route: Route,
        topic: TopicIndex,
        offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        Box::pin(async move { log::read(&self.shared, route, topic, offset).await.map(Some) })
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let removed = timeout(REMOVED_WITHIN, self.remove()).await;
            let late = || Err(Failure::new(format!("no answer within {REMOVED_WITHIN:?}")));
            removed.unwrap_or_else(|_| late()).map_err(|failure| {
                let made = self.shared.made();
                let names: Vec<String> =
                    made.into_iter().map(|topic| self.shared.marks.topic(topic)).collect();
                let (address, names) = (&self.shared.addresses()[0], names.join(" "));
                Failure::new(format!("streams may be left at {address}: {names}: {failure}"))
            })
        })
    }
}

impl Nats {
    /// Removes the streams of the run, and with them their consumers.
    async fn remove(&self) -> Result<(), Failure> {
        let made = self.shared.made();
        if made.is_empty() {
            return Ok(());
        }
        let context = open(&self.shared.addresses()[0]).await?;
        for topic in made {
            let name = self.shared.marks.topic(topic);
            let deleted: Result<Value, _> =
                ask(&context, format!("STREAM.DELETE.{name}"), &json!({})).await;
            match deleted {
                Err(error) if !error.is_no_stream() => return Err(error.failure("removing")),
                _ => {}
            }
        }
        Ok(())
    }
}
