//! What carries out the faults of a simulated run.

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex, PoisonError};

use super::database::Database;
use super::network::Network;
use super::server::Server;
use super::shelf::Shelf;
use crate::plan::Link;
use crate::testbed::{Failure, Harm, HarmId, Hurt, Part};
use futures_util::future::BoxFuture;

/// All that can be hurt.
pub(super) struct Hand {
    pub(super) servers: Vec<Arc<Server>>,
    pub(super) network: Arc<Network>,
    pub(super) shelf: Shelf,
    /// Which link each harm is to.
    pub(super) harmed: Mutex<BTreeMap<HarmId, Link>>,
}

/// What a part turns out to be.
enum Found<'a> {
    Server(&'a Server),
    Database(&'a Database),
}

impl Hand {
    fn find(&self, part: Part) -> Result<Found<'_>, Failure> {
        match part {
            Part::Broker(place) => {
                let server = self.servers.get(place as usize);
                server.map(|server| Found::Server(server))
            }
            Part::Database => self.shelf.database().map(Found::Database),
        }
        .ok_or_else(|| Failure(format!("the simulation has no {part}")))
    }

    fn link_of(&self, id: HarmId) -> Option<Link> {
        self.harmed.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn database(&self) -> Result<&Database, Failure> {
        let missing = || Failure("a store in memory has no database to hurt".to_owned());
        self.shelf.database().ok_or_else(missing)
    }
}

impl Hurt for Hand {
    fn brokers(&self) -> u32 {
        u32::try_from(self.servers.len()).expect("a scenario has few brokers")
    }

    fn kill(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match self.find(part)? {
                Found::Server(server) => server.kill().await,
                Found::Database(database) => database.kill(),
            }
            Ok(())
        })
    }

    fn stop(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match self.find(part)? {
                Found::Server(server) => server.finish().await,
                Found::Database(database) => database.kill(),
            }
            Ok(())
        })
    }

    fn start(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        let started = self.find(part).map(|found| match found {
            Found::Server(server) => server.start(self.shelf.store()),
            Found::Database(database) => database.start(),
        });
        Box::pin(ready(started))
    }

    fn pause(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        let paused = self.find(part).map(|found| match found {
            Found::Server(server) => server.pause(),
            Found::Database(database) => database.pause(true),
        });
        Box::pin(ready(paused))
    }

    fn resume(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        let resumed = self.find(part).map(|found| match found {
            Found::Server(server) => server.resume(),
            Found::Database(database) => database.pause(false),
        });
        Box::pin(ready(resumed))
    }

    fn harm(&self, id: HarmId, link: Link, harm: Harm) -> BoxFuture<'_, Result<(), Failure>> {
        self.harmed.lock().unwrap_or_else(PoisonError::into_inner).insert(id, link);
        let harmed = match link {
            Link::Actor(actor) => {
                self.network.link(Some(actor)).harm(id, harm);
                Ok(())
            }
            Link::Database => self.database().map(|database| database.harm(id, harm)),
        };
        Box::pin(ready(harmed))
    }

    fn spent(&self, id: HarmId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self.link_of(id) {
                Some(Link::Actor(actor)) => self.network.link(Some(actor)).spent(id).await,
                // No harm to these connections uses itself up.
                Some(Link::Database) | None => pending().await,
            }
        })
    }

    fn mend(&self, id: HarmId) -> BoxFuture<'_, Result<u64, Failure>> {
        let met = match self.link_of(id) {
            Some(Link::Actor(actor)) => Ok(self.network.link(Some(actor)).mend(id)),
            Some(Link::Database) => self.database().map(|database| database.mend(id)),
            None => Err(Failure(format!("harm {} was never begun", id.0))),
        };
        Box::pin(ready(met))
    }
}
