//! The simulated testbed: brokers, network and database in this process, on a clock that jumps over
//! idle stretches. What happens follows from the plan and its seed alone.
//!
//! - [`network`]: the transport, with [`link`], one actor's link.
//! - [`server`]: one broker, with [`suspend`], which pauses it. [`database`]: what survives a broker.
//! - [`injector`]: what carries out the faults, and [`disk`]: those of the disk. [`stores`]: where a broker that starts finds its
//!   store.

mod database;
mod disk;
mod injector;
mod link;
mod network;
mod server;
mod stores;
mod suspend;

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::store::Retain;
use broker_client::transport::Transport;
use futures_util::future::BoxFuture;

use self::injector::Injector;
use self::network::Network;
use self::server::Server;
use self::stores::Stores;
use super::{Failure, FaultInjector, Testbed};
use crate::bugs::Bug;
use crate::driver::Address;
use crate::fault::Link;
use crate::input::names::Actor;
use crate::plan::Plan;

/// Simulated brokers on a simulated network. Must be made and used within one runtime of one
/// thread whose clock is paused.
pub struct Simulated {
    addresses: Vec<Address>,
    own: BTreeMap<Actor, Vec<Address>>,
    injector: Arc<Injector>,
}

impl Simulated {
    /// Brokers that are up, as the plan's scenario wants them; with a bug, on a store that has it.
    pub fn new(plan: &Plan, bug: Option<Bug>) -> Self {
        Self::seeded(plan, bug, plan.scenario.seed)
    }

    /// The same where network, stores and epochs follow from another seed than the plan's.
    pub fn seeded(plan: &Plan, bug: Option<Bug>, seed: u64) -> Self {
        let retain = if Self::keeps_all(plan, bug) { Retain::All } else { Retain::Lag };
        Self::retaining(plan, bug, seed, retain)
    }

    /// The same where all messages are kept to the end, whatever the plan says.
    #[must_use]
    pub fn keeping_all(plan: &Plan, bug: Option<Bug>) -> Self {
        Self::retaining(plan, bug, plan.scenario.seed, Retain::All)
    }

    /// The same where messages are kept for so long.
    #[must_use]
    pub fn keeping_for(plan: &Plan, age: Duration) -> Self {
        Self::retaining(plan, None, plan.scenario.seed, Retain::Age(age))
    }

    fn retaining(plan: &Plan, bug: Option<Bug>, seed: u64, retain: Retain) -> Self {
        let scenario = &plan.scenario;
        let brokers = scenario.broker.count() as usize;
        let stores = Stores::new(seed, scenario.broker.store, retain, bug);
        let servers: Vec<_> = (0..brokers).map(|_| Arc::new(Server::default())).collect();
        for server in &servers {
            server.start(&stores);
        }
        let weather = scenario.network.unwrap_or_default();
        let network = Arc::new(Network::new(seed, &weather, &servers));
        Self {
            addresses: (0..brokers).map(|place| network::address(None, place)).collect(),
            own: own_addresses(plan, brokers),
            injector: Arc::new(Injector {
                servers,
                network,
                stores,
                has_disk: scenario.broker.store.has_database(),
                injected: Mutex::default(),
                outage: Mutex::default(),
            }),
        }
    }

    /// Whether all messages of its brokers are kept to the end, so that an audit of their logs says
    /// what was stored. Where nothing goes wrong on purpose, messages are not worth the memory.
    pub fn keeps_all(plan: &Plan, bug: Option<Bug>) -> bool {
        let scenario = &plan.scenario;
        let disturbed = !scenario.faults.is_empty() || scenario.network.is_some();
        disturbed || bug.is_some() || scenario.broker.store.has_database()
    }

    /// The way to the brokers.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.injector.network) as _
    }
}

/// The actors that have a link of their own. With one broker that is all of them: an actor's chance is
/// its own then. With several it is those that a fault may be about, as in a real run; the others
/// share one link.
fn own_addresses(plan: &Plan, brokers: usize) -> BTreeMap<Actor, Vec<Address>> {
    let actors: Vec<Actor> = if brokers == 1 {
        let producers = plan.producers.iter().map(|producer| Actor::producer(producer.number));
        producers.chain(plan.consumers.iter().map(|c| Actor::consumer(c.number))).collect()
    } else {
        let links = plan.links().into_iter();
        let actor = |link| if let Link::Actor(actor) = link { Some(actor) } else { None };
        links.filter_map(actor).collect()
    };
    let addresses = |actor: Actor| {
        let each = (0..brokers).map(|broker| network::address(Some(actor), broker));
        (actor, each.collect())
    };
    actors.into_iter().map(addresses).collect()
}

impl Testbed for Simulated {
    fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    fn addresses_of(&self, actor: Actor) -> &[Address] {
        self.own.get(&actor).map_or(&[], Vec::as_slice)
    }

    fn injector(&self) -> Option<Arc<dyn FaultInjector>> {
        Some(Arc::clone(&self.injector) as _)
    }

    /// Never: nothing here ends by itself.
    fn ended(&mut self) -> BoxFuture<'_, String> {
        Box::pin(pending())
    }

    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            for server in &self.injector.servers {
                server.kill().await;
            }
            Ok(())
        })
    }
}
