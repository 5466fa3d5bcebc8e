//! Relays: between one actor and its broker, or between brokers and their database, each in this
//! process, so that faults are on real connections.
//!
//! - [`Relays`]: those of one run, by link. [`Order`]: which a plan needs.
//! - [`listener`]: takes connections in. [`connection`]: carries one, both ways. [`link`]: all
//!   connections of a link, and the faults that are on it.
//! - [`delay_queue`]: bytes that take their time.
//!
//! A relay without a fault reads, writes and looks at two flags in between.

mod connection;
mod delay_queue;
mod link;
mod listener;

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use self::link::RelayedLink;
use self::listener::Listener;
use super::{Failure, InjectionId};
use crate::capability::NewRequests;
use crate::chance::{Purpose, generator};
use crate::driver::Address;
use crate::fault::{Effect, Link, LinkFault};
use crate::input::names::{Actor, Kind};
use crate::plan::Plan;

/// The relays that a run needs: only for actors that a fault names, because a relay costs throughput.
#[derive(Clone, Debug, Default)]
pub struct Order {
    /// Each with what tells requests apart there, where answers to them are to be lost.
    links: BTreeMap<Link, Option<NewRequests>>,
    seed: u64,
}

impl Order {
    /// What the faults of a plan may be about; `requests` tells those of its brokers apart.
    pub fn of(plan: &Plan, requests: Option<NewRequests>) -> Self {
        let mut links: BTreeMap<_, Option<NewRequests>> = BTreeMap::new();
        for fault in &plan.scenario.faults {
            let watches =
                matches!(&fault.action.effect, Effect::Link(kind) if kind.watches_requests());
            for link in plan.links_of(&fault.action) {
                let known = links.entry(link).or_default();
                *known = known.or(requests.filter(|_| watches));
            }
        }
        Self { links, seed: plan.scenario.seed }
    }

    /// Whether one of them stands between brokers and database.
    pub fn has_database(&self) -> bool {
        self.links.contains_key(&Link::Database)
    }
}

/// The relays of one run. Dropped, they close every connection.
#[derive(Debug, Default)]
pub struct Relays {
    /// A link has a listener for each broker, or node of a cluster, and the same faults on all.
    links: BTreeMap<Link, (Arc<RelayedLink>, Vec<Listener>)>,
    /// Where each actor that has relays is to speak to, for each broker.
    addresses: BTreeMap<Actor, Vec<Address>>,
}

impl Relays {
    /// Adds relays for each actor of the order, one to each of the brokers at these addresses.
    ///
    /// # Errors
    /// When no port is to be had, or a broker has no address.
    pub async fn add_brokers(
        &mut self,
        order: &Order,
        addresses: &[Address],
    ) -> Result<(), Failure> {
        for (link, requests) in &order.links {
            let Link::Actor(actor) = link else { continue };
            let chance = generator(order.seed, Purpose::Relay, number(*actor));
            let relayed = Arc::new(RelayedLink::new(chance));
            let (mut listeners, mut own) = (Vec::new(), Vec::new());
            for broker in addresses {
                let target = broker.authority().ok_or_else(|| {
                    Failure(format!("no relay can stand before {link}: its broker has no address"))
                })?;
                let listener = listen(*link, target, &relayed, *requests).await?;
                own.push(broker.behind(listener.address()));
                listeners.push(listener);
            }
            self.links.insert(*link, (relayed, listeners));
            self.addresses.insert(*actor, own);
        }
        Ok(())
    }

    /// Adds those between brokers and the servers of their database, which listen at `host:port`, and
    /// answers where the brokers are to find each.
    pub async fn add_database(
        &mut self,
        order: &Order,
        targets: Vec<String>,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let chance = generator(order.seed, Purpose::Relay, 0);
        let relayed = Arc::new(RelayedLink::new(chance));
        let mut listeners = Vec::new();
        for target in targets {
            listeners.push(listen(Link::Database, target, &relayed, None).await?);
        }
        let addresses = listeners.iter().map(Listener::address).collect();
        self.links.insert(Link::Database, (relayed, listeners));
        Ok(addresses)
    }

    /// Where each actor that has relays is to speak to, for each broker.
    pub fn addresses(&self) -> BTreeMap<Actor, Vec<Address>> {
        self.addresses.clone()
    }

    /// Closes every connection, and listens no more.
    pub fn close(&self) {
        self.links.values().flat_map(|(_, listeners)| listeners).for_each(Listener::close);
    }

    /// Puts a fault on a link; see [`FaultInjector::inject`](super::FaultInjector::inject).
    pub fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> Result<(), Failure> {
        let relayed = self.links.get(&link);
        let relayed = relayed.ok_or_else(|| Failure(format!("no relay stands before {link}")))?;
        relayed.0.inject(id, fault);
        Ok(())
    }

    /// Completes when the fault has used itself up.
    pub async fn spent(&self, id: InjectionId) {
        match self.link_of(id) {
            Some(link) => link.spent(id).await,
            None => pending().await,
        }
    }

    /// How much a fault has met so far; none for one that has not begun, or has ended.
    pub fn met(&self, id: InjectionId) -> Option<u64> {
        self.link_of(id).and_then(|link| link.met(id))
    }

    /// Takes a fault off its link and says how much it met.
    pub fn heal(&self, id: InjectionId) -> Result<u64, Failure> {
        let met = self.link_of(id).and_then(|link| link.heal(id));
        met.ok_or_else(|| Failure(format!("fault {} was never begun", id.0)))
    }

    fn link_of(&self, id: InjectionId) -> Option<&RelayedLink> {
        self.links.values().map(|(link, _)| &**link).find(|link| link.met(id).is_some())
    }
}

async fn listen(
    link: Link,
    target: String,
    relayed: &Arc<RelayedLink>,
    requests: Option<NewRequests>,
) -> Result<Listener, Failure> {
    let listener = Listener::start(target, Arc::clone(relayed), requests).await;
    listener.map_err(|error| Failure(format!("cannot listen for the relay before {link}: {error}")))
}

/// Each actor's own chance; 0 is the database's.
fn number(actor: Actor) -> u32 {
    actor.number * 2 + u32::from(actor.kind == Kind::Consumer)
}
