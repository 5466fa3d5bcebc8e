//! MQTT 3.1.1. The packets are rumqttc's, the connection is ours: rumqttc's event loop connects again
//! by itself and sends again what has no ack, so that a message might be stored twice and a producer
//! would not know of it; and it takes a PUBREL of a session that goes on for a protocol error.
//!
//! Everybody gets everything because each subscription is a persistent session of its own, under its own
//! client id. Who sent a message stands in a tag before its payload. MQTT tells neither offsets nor
//! the life of the broker's store, and cannot read a log.
//!
//! - [`Way`]: how a broker is reached, and its CONNECT. [`Link`](link::Link): one connection.
//! - [`Producer`] and [`Consumer`]: a connection each.

mod capability;
mod consumer;
mod failure;
mod link;
mod producer;
mod qos;
mod requests;
mod way;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all, ready};
use rumqttc::mqttbytes::QoS;
use tokio::time::timeout;

use self::consumer::Consumer;
use self::producer::Producer;
use self::way::{Entered, Way};
use super::client::{Client, Route, Session};
use super::contract::{Driver, Sender, Subscriber};
use super::failure::Failure;
use super::row::{Connected, Connecting, Row, Takes};
use super::tags::Tags;
use super::tries::Tries;
use crate::capability::Capabilities;
use crate::plan::{Plan, TopicIndex};

/// The row.
pub(super) const MQTT: Row = Row {
    word: "mqtt",
    schemes: &["mqtt", "mqtts"],
    tls: &["mqtts"],
    port: 1883,
    tls_port: 8883,
    takes: Takes::Login,
    capabilities: capability::of,
    connect: |connecting| Box::pin(connect(connecting)),
    simulate: None,
};

/// How long the sessions of a run may take to be removed.
const REMOVED_WITHIN: Duration = Duration::from_secs(10);

struct Mqtt {
    plan: Arc<Plan>,
    run: String,
    qos: QoS,
    tags: Arc<Tags>,
    ways: Vec<Arc<Way>>,
    /// So many client ids were given out: none is used twice.
    ids: AtomicU32,
    /// What the broker keeps: client ids, and where.
    sessions: Mutex<BTreeMap<String, Route>>,
}

async fn connect(Connecting { plan, addresses, run, .. }: Connecting) -> Connected {
    let qos = qos::of(&plan.scenario.broker)?;
    let ways = addresses.iter().map(|address| Way::new(address).map(Arc::new));
    let ways: Vec<_> = ways.collect::<Result<_, _>>()?;
    for (place, way) in ways.iter().enumerate() {
        let entered = way.enter(&format!("{run}x{place}"), true).await?;
        entered.link.close().await;
    }
    let tags = Arc::new(Tags::with_run(&plan, &run));
    let (ids, sessions) = (AtomicU32::new(0), Mutex::default());
    Ok(Arc::new(Mqtt { plan, run, qos, tags, ways, ids, sessions }))
}

impl Driver for Mqtt {
    fn capabilities(&self) -> Capabilities {
        capability::of(&self.plan.scenario.broker)
    }

    /// A topic of MQTT is there as soon as it is named.
    fn create_topic(&self, _topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(ready(Ok(())))
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            // Only at QoS 2 does the broker have to remember a producer.
            let keeps = self.qos == QoS::ExactlyOnce;
            let (way, id) = self.enrol(client, keeps)?;
            let entered = self.enter(client, &way, &id).await?;
            let topic = self.topic(client.topic);
            let tags = Arc::clone(&self.tags);
            let producer = Producer::new(way, id, topic, self.qos, tags, client.retries);
            Ok(Box::new(producer.on(entered)) as _)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let (_, id) = self.enrol(client, true)?;
            let mut consumer = self.consumer(client, id)?;
            let mut tries = Tries::new(client.retries);
            loop {
                match consumer.enter().await {
                    Ok(_) => return Ok(Box::new(consumer) as _),
                    Err(failure) if !tries.again(failure.may_pass()).await => return Err(failure),
                    Err(_) => {}
                }
            }
        })
    }

    fn resume<'a>(
        &'a self,
        client: &'a Client,
        session: &'a Session,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let mut consumer = self.consumer(client, session.id.clone().unwrap_or_default())?;
            consumer.go_on().await?;
            Ok(Box::new(consumer) as _)
        })
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let sessions = std::mem::take(&mut *self.sessions());
            let count = sessions.len();
            let removed = join_all(sessions.iter().map(async |(id, route)| {
                // To connect with a clean session is how MQTT 3.1.1 ends one.
                self.way(*route)?.enter(id, true).await?.link.close().await;
                Ok::<_, Failure>(())
            }));
            let why = match timeout(REMOVED_WITHIN, removed).await {
                Ok(all) => match all.into_iter().find_map(Result::err) {
                    None => return Ok(()),
                    Some(failure) => failure.why,
                },
                Err(_) => format!("no answer within {} s", REMOVED_WITHIN.as_secs()),
            };
            let run = &self.run;
            Err(Failure::new(format!(
                "not all of the {count} MQTT sessions of this run could be removed; their client ids begin \
                 with {run}: {why}"
            )))
        })
    }
}

impl Mqtt {
    fn way(&self, route: Route) -> Result<&Arc<Way>, Failure> {
        self.ways.get(route.0).ok_or_else(|| Failure::new("there is no such address"))
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Route>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another one in each run.
    fn topic(&self, topic: TopicIndex) -> String {
        format!("harness/{}/{}", self.run, topic.place() + 1)
    }

    /// A client id that nobody has, and the way of an actor; one that the broker is to keep is noted, so
    /// that it is removed in the end. Every server takes letters and digits, and at least 23 of them.
    fn enrol(&self, client: &Client, keeps: bool) -> Result<(Arc<Way>, String), Failure> {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}{}x{number}", self.run, client.actor);
        if keeps {
            self.sessions().insert(id.clone(), client.route);
        }
        Ok((Arc::clone(self.way(client.route)?), id))
    }

    async fn enter(&self, client: &Client, way: &Way, id: &str) -> Result<Entered, Failure> {
        let mut tries = Tries::new(client.retries);
        let clean = self.qos != QoS::ExactlyOnce;
        loop {
            match way.enter(id, clean).await {
                Ok(entered) => return Ok(entered),
                Err(failure) if !tries.again(failure.may_pass()).await => return Err(failure),
                Err(_) => {}
            }
        }
    }

    fn consumer(&self, client: &Client, id: String) -> Result<Consumer, Failure> {
        let way = Arc::clone(self.way(client.route)?);
        let topic = self.topic(client.topic);
        Ok(Consumer::new(way, id, topic, self.qos, Arc::clone(&self.tags)))
    }
}
