//! Relays: between one actor and its broker, or between brokers and their database, each in this
//! process, so that faults are on real connections.
//!
//! - [`Relays`]: those of one run, by link. [`Order`]: which a plan needs.
//! - [`listener`]: takes connections in. [`connection`]: carries one, both ways. [`link`]: all
//!   connections of a link, and the faults that are on it.
//! - [`delay_queue`]: bytes that take their time. [`requests`]: enough of HTTP to know a produce
//!   request.
//!
//! A relay without a fault reads, writes and looks at one number in between.

mod connection;
mod delay_queue;
mod link;
mod listener;
mod requests;

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;

use self::link::RelayedLink;
use self::listener::Listener;
use super::{Failure, InjectionId};
use crate::chance::{Purpose, generator};
use crate::driver::Address;
use crate::fault::{Injection, Link, LinkFault};
use crate::input::names::{Actor, Kind};
use crate::plan::Plan;

/// The relays that a run needs: only for actors that a fault names, because a relay costs throughput.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    links: BTreeMap<Link, Reading>,
    seed: u64,
}

/// Whether a relay looks at what it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    /// It does not.
    Blind,
    /// It knows requests, because answers to them are to be lost.
    Requests,
}

impl Order {
    /// What the faults of a plan may be about.
    pub fn of(plan: &Plan) -> Self {
        let mut links = BTreeMap::new();
        for fault in &plan.scenario.faults {
            let reads = match fault.action.injection() {
                Injection::Link(fault) if fault.watches_requests() => Reading::Requests,
                _ => Reading::Blind,
            };
            for link in plan.links_of(&fault.action) {
                let reading = links.entry(link).or_insert(reads);
                *reading = (*reading).max(reads);
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
pub struct Relays(BTreeMap<Link, Listener>);

impl Relays {
    /// A relay for each actor of the order, to one of the brokers at these addresses, in turn by the
    /// actor's number.
    ///
    /// # Errors
    /// When no port is to be had, or a broker has no address.
    pub async fn to_brokers(order: &Order, addresses: &[Address]) -> Result<Self, Failure> {
        let mut relays = BTreeMap::new();
        for (link, reading) in &order.links {
            let Link::Actor(actor) = link else { continue };
            let broker = &addresses[(actor.number as usize - 1) % addresses.len()];
            let target = broker.authority().ok_or_else(|| {
                Failure(format!("no relay can stand before {link}: its broker has no address"))
            })?;
            let own = RelayedLink::new(generator(order.seed, Purpose::Relay, number(*actor)));
            let listener = Listener::start(target, own, *reading == Reading::Requests).await;
            relays.insert(*link, listener.map_err(|error| no_port(*link, &error))?);
        }
        Ok(Self(relays))
    }

    /// Adds the one between brokers and database, which listens at `host:port`, and answers where
    /// the brokers are to find it.
    ///
    /// # Errors
    /// When no port is to be had.
    pub async fn to_database(order: &Order, target: String) -> Result<(Self, SocketAddr), Failure> {
        let own = RelayedLink::new(generator(order.seed, Purpose::Relay, 0));
        let listener = Listener::start(target, own, false).await;
        let listener = listener.map_err(|error| no_port(Link::Database, &error))?;
        let address = listener.address();
        Ok((Self(BTreeMap::from([(Link::Database, listener)])), address))
    }

    /// Takes over the relays of `other`.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Where each actor that has a relay is to speak to.
    pub fn addresses(&self) -> BTreeMap<Actor, Address> {
        let actors = self.0.iter().filter_map(|(link, listener)| match link {
            Link::Actor(actor) => Some((*actor, Address::from(listener.address()))),
            Link::Database => None,
        });
        actors.collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Closes every connection, and listens no more.
    pub fn close(&self) {
        self.0.values().for_each(Listener::close);
    }

    /// Puts a fault on a link; see [`FaultInjector::inject`](super::FaultInjector::inject).
    ///
    /// # Errors
    /// For a link that has no relay.
    pub fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> Result<(), Failure> {
        let listener = self.0.get(&link);
        let listener = listener.ok_or_else(|| Failure(format!("no relay stands before {link}")))?;
        listener.link().inject(id, fault);
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
    ///
    /// # Errors
    /// For one that was never begun, or has ended.
    pub fn heal(&self, id: InjectionId) -> Result<u64, Failure> {
        let met = self.link_of(id).and_then(|link| link.heal(id));
        met.ok_or_else(|| Failure(format!("fault {} was never begun", id.0)))
    }

    fn link_of(&self, id: InjectionId) -> Option<&RelayedLink> {
        self.0.values().map(Listener::link).find(|link| link.met(id).is_some())
    }
}

/// Each actor's own chance; 0 is the database's.
fn number(actor: Actor) -> u32 {
    actor.number * 2 + u32::from(actor.kind == Kind::Consumer)
}

fn no_port(link: Link, error: &std::io::Error) -> Failure {
    Failure(format!("cannot listen for the relay before {link}: {error}"))
}
