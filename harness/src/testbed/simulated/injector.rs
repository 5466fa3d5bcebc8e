//! What carries out the faults of a simulated run.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;

use super::database::Database;
use super::network::Network;
use super::server::Server;
use super::stores::Stores;
use crate::fault::{Link, LinkFault, Part};
use crate::testbed::{Change, Failure, FaultInjector, InjectionId};

pub(super) struct Injector {
    pub(super) servers: Vec<Arc<Server>>,
    pub(super) network: Arc<Network>,
    pub(super) stores: Stores,
    /// Which link each fault is on.
    pub(super) injected: Mutex<BTreeMap<InjectionId, Link>>,
}

impl Injector {
    fn link_of(&self, id: InjectionId) -> Option<Link> {
        self.injected.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn database(&self) -> Result<&Database, Failure> {
        let missing = || Failure("a store in memory has no database to hurt".to_owned());
        self.stores.database().ok_or_else(missing)
    }
}

impl FaultInjector for Injector {
    fn brokers(&self) -> u32 {
        u32::try_from(self.servers.len()).expect("a scenario has few brokers")
    }

    fn change(&self, part: Part, change: Change) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match part {
                Part::Broker(place) => {
                    let missing = || Failure(format!("the simulation has no {part}"));
                    let server = self.servers.get(place as usize).ok_or_else(missing)?;
                    match change {
                        Change::Kill => server.kill().await,
                        Change::Stop => server.finish().await,
                        Change::Start => server.start(self.stores.store()),
                        Change::Pause => server.pause(),
                        Change::Resume => server.resume(),
                    }
                }
                Part::Database => match (self.database()?, change) {
                    (database, Change::Kill | Change::Stop) => database.kill(),
                    (database, Change::Start) => database.start(),
                    (database, Change::Pause) => database.pause(true),
                    (database, Change::Resume) => database.pause(false),
                },
            }
            Ok(())
        })
    }

    fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> Result<(), Failure> {
        self.injected.lock().unwrap_or_else(PoisonError::into_inner).insert(id, link);
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
