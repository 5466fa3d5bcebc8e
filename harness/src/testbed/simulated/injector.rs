//! What carries out the faults of a simulated run.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;

use super::database::Database;
use super::network::Network;
use super::server::Server;
use super::stores::Stores;
use crate::fault::{Link, LinkFault, Part};
use crate::lock::lock;
use crate::testbed::{Change, Disk, Failure, FaultInjector, InjectionId};

pub(super) struct Injector {
    pub(super) servers: Vec<Arc<Server>>,
    pub(super) network: Arc<Network>,
    pub(super) stores: Stores,
    /// Whether the scenario's store is on one.
    pub(super) has_disk: bool,
    /// Which link each fault is on.
    pub(super) injected: Mutex<BTreeMap<InjectionId, Link>>,
    /// While the power is out for a store that is a part of the brokers: those that are up when it is
    /// back.
    pub(super) outage: Mutex<Option<BTreeSet<u32>>>,
}

impl Injector {
    fn link_of(&self, id: InjectionId) -> Option<Link> {
        lock(&self.injected).get(&id).copied()
    }

    pub(super) fn database(&self) -> Result<&Database, Failure> {
        let missing = || Failure("a store in memory has no database to hurt".to_owned());
        self.stores.database().ok_or_else(missing)
    }

    async fn change_broker(&self, place: u32, change: Change) -> Result<(), Failure> {
        let missing = || Failure(format!("the simulation has no {}", Part::Broker(place)));
        let server = self.servers.get(place as usize).ok_or_else(missing)?;
        if let Some(up_again) = &mut *lock(&self.outage) {
            // It is down, and stays so until the power is back.
            match change {
                Change::Kill | Change::Stop => drop(up_again.remove(&place)),
                Change::Start => drop(up_again.insert(place)),
                Change::Pause => server.pause(),
                Change::Resume => server.resume(),
            }
            return Ok(());
        }
        match change {
            Change::Kill => server.kill().await,
            Change::Stop => server.finish().await,
            Change::Start => server.start(&self.stores),
            Change::Pause => server.pause(),
            Change::Resume => server.resume(),
        }
        Ok(())
    }

    /// The power is out for the brokers, whose store is a part of them.
    pub(super) async fn kill_all(&self) {
        let up = (0..).zip(&self.servers).filter(|(_, server)| server.is_up());
        // It may be out already.
        lock(&self.outage).get_or_insert_with(|| up.map(|(place, _)| place).collect());
        for server in &self.servers {
            server.kill().await;
        }
    }

    /// The power is back for them.
    fn start_all(&self) {
        self.stores.disk().power_is_back();
        for place in lock(&self.outage).take().into_iter().flatten() {
            self.servers[place as usize].start(&self.stores);
        }
    }

    pub(super) fn has_power(&self) -> bool {
        lock(&self.outage).is_none()
    }
}

impl FaultInjector for Injector {
    fn brokers(&self) -> u32 {
        u32::try_from(self.servers.len()).expect("a scenario has few brokers")
    }

    fn change(&self, part: Part, change: Change) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match (part, change) {
                (Part::Broker(place), change) => return self.change_broker(place, change).await,
                (Part::Node(_), _) => {
                    return Err(Failure("a simulation has no cluster".to_owned()));
                }
                (Part::Database, Change::Start) if !self.has_power() => self.start_all(),
                (Part::Database, Change::Start) => self.database()?.start(),
                (Part::Database, Change::Kill | Change::Stop) if self.stores.wrong().is_some() => {
                    self.kill_all().await;
                }
                (Part::Database, Change::Kill | Change::Stop) => self.database()?.kill(),
                (Part::Database, Change::Pause) => self.database()?.pause(true),
                (Part::Database, Change::Resume) => self.database()?.pause(false),
            }
            Ok(())
        })
    }

    fn disk(&self) -> Result<&dyn Disk, Failure> {
        if self.has_disk {
            return Ok(self);
        }
        Err(Failure("a store in memory has no disk to hurt".to_owned()))
    }

    fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> Result<(), Failure> {
        lock(&self.injected).insert(id, link);
        match link {
            Link::Actor(actor) => self.network.link(Some(actor)).inject(id, fault),
            Link::Database => self.database()?.inject(id, fault),
        }
        Ok(())
    }

    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self.link_of(id) {
                Some(Link::Actor(actor)) => self.network.link(Some(actor)).spent(id).await,
                // No fault on these connections uses itself up.
                Some(Link::Database) | None => pending().await,
            }
        })
    }

    fn heal(&self, id: InjectionId) -> Result<u64, Failure> {
        match self.link_of(id) {
            Some(Link::Actor(actor)) => Ok(self.network.link(Some(actor)).heal(id)),
            Some(Link::Database) => self.database().map(|database| database.heal(id)),
            None => Err(Failure(format!("fault {} was never begun", id.0))),
        }
    }
}
