//! The Kafka protocol: producers by librdkafka, consumers by requests of our own, see [`links`]. A
//! topic of the run is a topic of one partition; a consumer is a group of its own that commits its
//! position and has no members, because nobody shares anything in a run and not every broker of the
//! protocol serves groups. Identity travels in a
//! header, offsets are the broker's, and the life of a log is in its topic's name, see [`lives`].

mod cluster;
mod connection;
mod consumer;
mod failure;
mod links;
mod lives;
mod producer;
mod producer_id;
mod records;
mod settings;
mod shared;
mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use futures_util::future::BoxFuture;

use self::cluster::Cluster;
use self::consumer::Consumer;
use self::lives::Lives;
use self::producer::Producer;
use self::settings::Settings;
use self::shared::Alive;
use super::client::{Client, RetryPolicy, Route, Session};
use super::contract::{Driver, LogPart, Sender, Subscriber};
use super::failure::{Failure, FailureKind};
use super::marks::Marks;
use super::row::{Connected, Connecting, Row, Takes};
use crate::capability::{Capabilities, Known, Offsets};
use crate::history::Offset;
use crate::plan::TopicIndex;

/// Brokers of the Kafka protocol.
pub(super) const KAFKA: Row = Row {
    word: "kafka",
    schemes: &["kafka"],
    // librdkafka is built without OpenSSL.
    tls: &[],
    port: 9092,
    tls_port: 9092,
    takes: Takes::Login,
    capabilities: |_| CAPABILITIES,
    connect: |connecting| Box::pin(connect(connecting)),
    simulate: None,
};

const CAPABILITIES: Capabilities = Capabilities {
    offsets: Known::Now(Offsets::Both),
    // Nothing is compacted and nothing is a transaction in the topics of a run.
    contiguous: Known::Now(true),
    epoch: Known::Now(true),
    reads_log: Known::Now(true),
    resumes: Known::Now(true),
    // A client goes on to the address that the broker advertises.
    stays: false,
    in_flight: true,
    order: "per topic",
    delivery: "at least once",
    ..Capabilities::LEAST
};

struct Kafka {
    marks: Marks,
    /// By route.
    settings: Vec<Settings>,
    cluster: Arc<Cluster>,
    lives: Lives,
}

async fn connect(connecting: Connecting) -> Connected {
    let Connecting { plan, addresses, run, .. } = connecting;
    let alive = Alive::default();
    let settings = addresses.iter().map(|address| Settings::new(address, &alive));
    let settings = settings.collect::<Result<Vec<_>, _>>()?;
    let first = settings.first().ok_or_else(|| Failure::new("no broker address is given"))?;
    let topic_config = &plan.scenario.broker.options.topic_config;
    let cluster = Arc::new(Cluster::new(first, topic_config, &alive)?);
    cluster.answers(&run).await?;
    let marks = Marks::new(&plan, &run);
    let lives = Lives::new(marks.clone(), run, plan.topics.len());
    Ok(Arc::new(Kafka { marks, settings, cluster, lives }))
}

impl Kafka {
    fn settings(&self, route: Route) -> Result<&Settings, Failure> {
        route.of(&self.settings)
    }
}

impl Driver for Kafka {
    fn capabilities(&self) -> Capabilities {
        CAPABILITIES
    }

    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.lives.create(&self.cluster, topic))
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let settings = self.settings(client.route)?;
            if client.retries != RetryPolicy::Never {
                self.lives.wait_for_consumers(&self.cluster, client.topic).await?;
                self.lives.create(&self.cluster, client.topic).await?;
            }
            let log = self.lives.log(client.topic).await?;
            self.cluster.must_have(&log).await?;
            let producer =
                Producer::register(settings, &self.cluster, self.marks.clone(), log, client)
                    .await?;
            Ok(Box::new(producer) as Box<dyn Sender>)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let settings = self.settings(client.route)?;
            let log = self.lives.log(client.topic).await?;
            self.cluster.must_have(&log).await?;
            let group = format!("{}-{}", log.name, client.actor);
            self.cluster.add_group(&group);
            let mut consumer =
                Consumer::new(settings, &self.cluster, self.marks.clone(), log, group);
            consumer.begin_at_end().await?;
            Ok(Box::new(consumer) as Box<dyn Subscriber>)
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let settings = self.settings(client.route)?;
            let Session { id: Some(group), epoch: Some(epoch) } = session else {
                let why = "a subscription without a group and an epoch is none of Kafka".to_owned();
                return Err(Failure { kind: FailureKind::Final, ..Failure::new(why) });
            };
            let log = self.lives.log_of(client.topic, epoch);
            self.cluster.must_have(&log).await?;
            let group = group.clone();
            let mut consumer =
                Consumer::new(settings, &self.cluster, self.marks.clone(), log, group);
            consumer.begin_at_committed().await?;
            Ok(Box::new(consumer) as Box<dyn Subscriber>)
        })
    }

    fn read_log(
        &self,
        route: Route,
        topic: TopicIndex,
        offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        Box::pin(async move {
            let (settings, log) = (self.settings(route)?, self.lives.log(topic).await?);
            self.cluster.must_have(&log).await?;
            let (end, messages) = consumer::read_log(settings, &self.marks, &log, offset).await?;
            Ok(Some(LogPart { epoch: log.epoch, end, messages }))
        })
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.cluster.finish(&self.lives.names().await).await })
    }
}
