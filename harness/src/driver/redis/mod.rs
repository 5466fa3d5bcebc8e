//! Streams of Redis and Valkey. A topic is a stream, a message an entry with two fields, a subscription
//! a consumer group; an offset is an entry's id ([`id`]), and the first entry tells the life of the
//! store ([`topic`]).
//!
//! Each actor has a connection of its own for each topic ([`link`]); a read that waits holds up
//! everything else on its connection.

mod capability;
mod error;
mod id;
mod link;
mod log;
mod requests;
mod sender;
mod server;
mod subscriber;
mod topic;
mod value;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::redis::cmd;
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use self::error::Error;
use self::link::Link;
use self::sender::Producer;
use self::server::Server;
use self::subscriber::{Consumer, Lost, Subscription};
use super::client::{Client, RetryPolicy, Route, Session};
use super::contract::{Driver, LogPart, Sender, Subscriber};
use super::failure::{Failure, FailureKind};
use super::marks::Marks;
use super::row::{Connected, Connecting, Row, Takes};
use super::tries::Tries;
use crate::capability::{Capabilities, Known, Survival};
use crate::history::Offset;
use crate::input::names::Actor;
use crate::plan::{Plan, TopicIndex};

/// Streams of Redis and Valkey.
pub(super) const ROW: Row = Row {
    word: "redis",
    schemes: &["redis", "rediss"],
    tls: &["rediss"],
    port: 6379,
    tls_port: 6379,
    takes: Takes::LoginAndPath,
    capabilities: |_| capability::REDIS,
    connect: |connecting| Box::pin(connect(connecting)),
    simulate: None,
};

/// How long the removal of the topics may take: a server that does not answer keeps them.
const REMOVED_WITHIN: Duration = Duration::from_secs(5);

struct Redis {
    plan: Arc<Plan>,
    servers: Vec<Arc<Server>>,
    marks: Marks,
    run: String,
    survives: Survival,
    /// Numbers what has to have a name of its own: groups, and lives of topics.
    named: AtomicU64,
}

async fn connect(connecting: Connecting) -> Connected {
    let Connecting { plan, addresses, run, .. } = connecting;
    if let Some((key, _)) = plan.scenario.broker.options.topic_config.first_key_value() {
        let why = format!("a stream of Redis has no configuration: leave out `{key}`");
        return Err(Failure { kind: FailureKind::Final, ..Failure::new(why) });
    }
    let mut servers = Vec::with_capacity(addresses.len());
    let mut survives = Survival::PowerCut;
    for address in &addresses {
        let server = Arc::new(Server::new(address)?);
        let mut link = Link::new(&server, format!("harness-{run}"));
        let looked = async {
            let (connection, _) = link.open().await?;
            capability::survival(&connection).await
        };
        let own = looked.await.map_err(|error| error.failed("connecting"))?;
        if survives != Survival::Nothing && own != Survival::PowerCut {
            survives = own;
        }
        servers.push(server);
    }
    if servers.is_empty() {
        return Err(Failure::new("no broker address is given"));
    }
    let (marks, named) = (Marks::new(&plan, &run), AtomicU64::new(0));
    Ok(Arc::new(Redis { plan, servers, marks, run, survives, named }) as Arc<dyn Driver>)
}

impl Redis {
    fn server(&self, route: Route) -> Result<&Arc<Server>, Failure> {
        route.of(&self.servers)
    }

    /// A name that nothing else of the run has.
    fn name(&self, of: &str) -> String {
        format!("{of}-{}", self.named.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// What a life of a topic is called that begins now.
    fn life(&self) -> String {
        self.name(&self.run)
    }

    /// How messages call a topic.
    fn title(&self, topic: TopicIndex) -> &str {
        self.plan.topics[topic.place()].name.as_str()
    }

    /// What the connection of an actor for a topic is called.
    fn link_name(key: &str, actor: Actor) -> String {
        format!("{key}-{actor}")
    }

    fn consumer(&self, subscription: Subscription, start: Offset, looks_back: bool) -> Consumer {
        let (id, epoch) = (subscription.group.clone(), subscription.epoch.clone());
        Consumer {
            subscription,
            session: Session { id: Some(id), epoch: Some(epoch) },
            start,
            marks: self.marks.clone(),
            delivered: Vec::new(),
            looks_back,
            is_reading: false,
        }
    }

    /// Makes sure that a topic is there, and says in which life.
    async fn ensure(&self, link: &mut Link, key: &str, life: &str) -> Result<String, Error> {
        let (connection, _) = link.open().await?;
        topic::ensure(&connection, key, life).await
    }

    /// Removes the topics of the run from a server.
    async fn remove(&self, server: &Arc<Server>) -> Result<(), Error> {
        let mut link = Link::new(server, format!("harness-{}", self.run));
        let (connection, _) = link.open().await?;
        let mut remove = cmd("UNLINK");
        (0..self.plan.topics.len()).map(TopicIndex::new).for_each(|topic| {
            remove.arg(self.marks.topic(topic));
        });
        connection.ask(&remove).await.map(drop)
    }
}

impl Driver for Redis {
    fn capabilities(&self) -> Capabilities {
        Capabilities { survives: Known::Now(self.survives), ..capability::REDIS }
    }

    fn create_topic(&self, topic: TopicIndex) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let key = self.marks.topic(topic);
            let mut link = Link::new(&self.servers[0], format!("{key}-maker"));
            let (mut tries, life) = (Tries::new(RetryPolicy::Short), self.life());
            loop {
                match self.ensure(&mut link, &key, &life).await {
                    Ok(_) => return Ok(()),
                    Err(error) if tries.again(error.may_pass).await => {}
                    Err(error) => {
                        return Err(error.failed(&format!("creating topic {}", self.title(topic))));
                    }
                }
            }
        })
    }

    fn register<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Sender>, Failure>> {
        Box::pin(async move {
            let (key, retries) = (self.marks.topic(client.topic), client.retries);
            let name = Self::link_name(&key, client.actor);
            let mut link = Link::new(self.server(client.route)?, name);
            let (mut tries, life) = (Tries::new(retries), self.life());
            let epoch = loop {
                match self.ensure(&mut link, &key, &life).await {
                    Ok(epoch) => break epoch,
                    Err(error) if tries.again(error.may_pass).await => {}
                    Err(error) => {
                        let title = self.title(client.topic);
                        return Err(error.failed(&format!("registering a producer with {title}")));
                    }
                }
            };
            let (marks, session) = (self.marks.clone(), Session { id: None, epoch: Some(epoch) });
            let sender = Producer { link, key, marks, session, retries, is_over: false };
            Ok(Box::new(sender) as Box<dyn Sender>)
        })
    }

    fn subscribe<'a>(
        &'a self,
        client: &'a Client,
    ) -> BoxFuture<'a, Result<Box<dyn Subscriber>, Failure>> {
        Box::pin(async move {
            let key = self.marks.topic(client.topic);
            let link = Link::new(self.server(client.route)?, Self::link_name(&key, client.actor));
            let group = self.name(&client.actor.to_string());
            let mut subscription = Subscription { link, key, group, epoch: String::new() };
            let (mut tries, life) = (Tries::new(client.retries), self.life());
            loop {
                match subscription.make(&life).await {
                    Ok(last) => {
                        let start = last.offset() + 1;
                        return Ok(Box::new(self.consumer(subscription, start, false)) as _);
                    }
                    Err(error) if tries.again(error.may_pass).await => {}
                    Err(error) => {
                        let title = self.title(client.topic);
                        return Err(error.failed(&format!("subscribing to {title}")));
                    }
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
            let key = self.marks.topic(client.topic);
            let link = Link::again(self.server(client.route)?, Self::link_name(&key, client.actor));
            let group = session.id.clone().unwrap_or_default();
            let epoch = session.epoch.clone().unwrap_or_default();
            let mut subscription = Subscription { link, key, group, epoch };
            let mut tries = Tries::new(client.retries);
            loop {
                match subscription.position().await {
                    Ok(start) => return Ok(Box::new(self.consumer(subscription, start, true)) as _),
                    Err(Lost::Failed(error)) if tries.again(error.may_pass).await => {}
                    Err(lost) => {
                        let title = self.title(client.topic);
                        return Err(lost.failed(&format!("resuming the subscription to {title}")));
                    }
                }
            }
        })
    }

    fn read_log(
        &self,
        route: Route,
        topic: TopicIndex,
        offset: Offset,
    ) -> BoxFuture<'_, Result<Option<LogPart>, Failure>> {
        Box::pin(async move {
            let doing = format!("reading the log of {}", self.title(topic));
            let key = self.marks.topic(topic);
            let mut link = Link::new(self.server(route)?, format!("{key}-reader"));
            let part = log::read(&mut link, &key, offset, &self.marks).await;
            part.map(Some).map_err(|error| error.failed(&doing))
        })
    }

    fn finish(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let mut left = Vec::new();
            for server in &self.servers {
                let removed = timeout(REMOVED_WITHIN, self.remove(server)).await;
                let why = match removed {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => error.why,
                    Err(_) => format!("no answer within {REMOVED_WITHIN:?}"),
                };
                let (at, run) = (&server.shown, &self.run);
                left.push(format!(
                    "the keys harness-{run}-* are left on the server at {at}: {why}"
                ));
            }
            if left.is_empty() { Ok(()) } else { Err(Failure::new(left.join("; "))) }
        })
    }
}
