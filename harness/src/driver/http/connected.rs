//! The brokers that a run speaks to, once they are reached.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use broker_client::transport::Transport;
use broker_client::wire::{self, TopicName};
use broker_client::{Error, backoff};
use tokio::sync::OnceCell;

use super::dialect::{self, Dialect};
use super::fail_over::{FailOver, Went};
use super::failure::retry;
use super::passed_over::PassedOver;
use super::routes::{Id, Registered, Role, Routes};
use super::sessions::Sessions;
use super::transports::Transports;
use super::{capability, original};
use crate::driver::address::Address;
use crate::driver::client::{RetryPolicy, Route};
use crate::driver::failure::Failure;
use crate::driver::row::Connecting;
use crate::driver::tags::Tags;
use crate::history::Offset;
use crate::input::names::Actor;
use crate::plan::Plan;
use crate::scenario::NewConsumers;

/// Brokers over HTTP that serve one store.
pub(super) struct Http {
    pub(super) plan: Arc<Plan>,
    /// By topic, as the wire has them.
    pub(super) topics: Vec<TopicName>,
    pub(super) brokers: Vec<Broker>,
    pub(super) fail_over: FailOver,
    /// How many registrations there were.
    pub(super) registrations: AtomicU64,
    pub(super) dialect: dialect::Settled,
    pub(super) sessions: Arc<Sessions>,
    pub(super) original: original::Shared,
    /// Set once *empty* was learnt by a registration of its own, see [`Http::learn_empty`].
    pub(super) learnt: OnceCell<()>,
}

/// An actor's way to the brokers.
pub(super) struct Way<'a> {
    /// The one that its route leads to.
    pub(super) broker: &'a Broker,
    /// To that one, or to whichever lives.
    pub(super) client: broker_client::Client,
    /// Where the client's requests went; nothing where they all go to one broker.
    pub(super) went: Option<Went>,
    /// Of chance.
    pub(super) stream: u64,
}

/// A way to one broker.
pub(super) struct Broker {
    pub(super) client: broker_client::Client,
    /// The original routes over the client's connections, for registrations with ours.
    pub(super) usual: Arc<Routes>,
    /// The same over connections that are not kept for long.
    pub(super) original: Arc<Routes>,
}

pub(super) async fn connect(
    connecting: Connecting,
    transports: &Transports,
    dialect: Option<Dialect>,
) -> Result<Http, Failure> {
    let Connecting { plan, addresses, alternatives, run } = connecting;
    let wire = &plan.scenario.broker.wire;
    let mut brokers = Vec::with_capacity(addresses.len());
    let mut bases = Vec::with_capacity(addresses.len());
    let mut guess = Dialect::Ours;
    for address in &addresses {
        let base = base(address)?;
        let client = broker_client::Client::over(Arc::clone(&transports.ours), &base)
            .map_err(|error| Failure::new(error.to_string()))?;
        if dialect::probe(&client).await? == Dialect::Original {
            guess = Dialect::Original;
        }
        let routes =
            |over: &Arc<dyn Transport>| Arc::new(Routes::new(Arc::clone(over), &base, wire));
        let (usual, original) = (routes(&transports.ours), routes(&transports.original));
        brokers.push(Broker { client, usual, original });
        bases.push(base);
    }
    if brokers.is_empty() {
        return Err(Failure::new("no broker address is given"));
    }
    let names = plan.topics.iter().map(|topic| capability::topic_name(topic.name.as_str()));
    let may_be_old = wire.new_consumers == NewConsumers::Beginning;
    Ok(Http {
        topics: names.collect::<Result<_, _>>().map_err(Failure::new)?,
        original: original::Shared {
            tags: Arc::new(Tags::new(&plan, &run)),
            empty: Arc::default(),
            passed_over: Arc::new(PassedOver::new(may_be_old)),
        },
        plan,
        brokers,
        fail_over: FailOver::new(&transports.ours, bases, alternatives),
        registrations: AtomicU64::new(0),
        dialect: dialect::Settled::new(guess, dialect),
        sessions: Arc::default(),
        learnt: OnceCell::new(),
    })
}

/// `http://127.0.0.1:5000`, or `http://broker` where the port is the usual one.
fn base(address: &Address) -> Result<String, Failure> {
    match address {
        Address::Listens { host, port, access } => {
            let (scheme, usual) = if access.tls { ("https", 443) } else { ("http", 80) };
            let port = if *port == usual { String::new() } else { format!(":{port}") };
            Ok(format!("{scheme}://{host}{port}"))
        }
        Address::None => Err(Failure::new("a broker without an address does not speak HTTP")),
    }
}

impl Http {
    /// An actor's way to the brokers, with a stream of chance of its own. The original routes have no
    /// sequences under which another broker could be asked once more.
    pub(super) fn way(&self, actor: Option<Actor>, route: Route) -> Result<Way<'_>, Failure> {
        let registration = self.registrations.fetch_add(1, Ordering::Relaxed);
        let broker = route.of(&self.brokers)?;
        let any = match self.dialect.now() {
            Dialect::Ours => self.fail_over.client(actor, route)?,
            Dialect::Original => None,
        };
        let (client, went) = match any {
            Some((client, went)) => (client, Some(went)),
            None => (broker.client.clone(), None),
        };
        Ok(Way { broker, client, went, stream: backoff::stream(&["registration"], registration) })
    }

    /// Registers with a topic, over what is used afterwards.
    pub(super) async fn registered(
        &self,
        way: &Way<'_>,
        role: Role,
        topic: &TopicName,
    ) -> Result<Registered, Error> {
        let topic = topic.as_str();
        match (&way.went, role) {
            (None, _) => self.routes(way.broker).register(role, topic).await,
            (Some(_), Role::Producer) => {
                way.client.register_producer(topic).await.map(Registered::from)
            }
            (Some(_), Role::Consumer) => {
                way.client.register_consumer(topic).await.map(Registered::from)
            }
        }
    }

    /// What a registration is made over: over the connections that are used afterwards, as far as that
    /// is known before it.
    fn routes<'a>(&self, broker: &'a Broker) -> &'a Arc<Routes> {
        match self.dialect.now() {
            Dialect::Ours => &broker.usual,
            Dialect::Original => &broker.original,
        }
    }

    /// Where the broker has a subscription, where it tells.
    pub(super) async fn position(
        &self,
        way: &Way<'_>,
        topic: &TopicName,
        id: &Id,
        epoch: Option<&str>,
        retries: RetryPolicy,
    ) -> Result<Option<Offset>, Error> {
        let (retry, topic) = (retry(retries), topic.as_str());
        match id.number().filter(|_| epoch.is_some()) {
            Some(consumer_id) => {
                let request = wire::Subscription { topic, consumer_id, epoch };
                let ask = || way.client.size(&request);
                retry.repeat(way.stream, ask).await.map(|answer| answer.offset)
            }
            None => {
                let ask = || way.broker.original.size(topic, id);
                retry.repeat(way.stream, ask).await.map(|(_, offset)| offset)
            }
        }
    }

    pub(super) fn registration(
        &self,
        broker: &Broker,
        topic: &TopicName,
        id: Id,
    ) -> original::Registration {
        let (routes, topic) = (Arc::clone(&broker.original), topic.clone());
        original::Registration { routes, topic, id }
    }
}
