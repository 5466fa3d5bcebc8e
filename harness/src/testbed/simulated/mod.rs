//! The simulated testbed: brokers, network and database in this process, on a clock that jumps over
//! idle stretches. What happens follows from the plan and its seed alone.
//!
//! - [`network`]: the transport, with [`link`], one actor's way. [`server`]: one broker, with
//!   [`gate`], which stops it. [`database`]: what survives a broker.

mod database;
mod gate;
mod link;
mod network;
mod server;

use std::future::pending;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::store::memory::{MemoryStore, Retain};
use broker::store::{Epoch, Store};
use broker_client::transport::Transport;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

use self::database::Database;
use self::network::Network;
use self::server::Server;
use super::{Failure, Testbed};
use crate::driver::Pending;
use crate::plan::chance::{Purpose, generator};

/// How the network behaves where nobody hurts it.
#[derive(Clone, Debug, PartialEq)]
pub struct Weather {
    /// Each way, in whole milliseconds.
    pub latency: RangeInclusive<Duration>,
    /// The probability, from 0 to 1, that a request never arrives.
    pub lose_request: f64,
    /// The probability, from 0 to 1, that an answer never arrives.
    pub lose_response: f64,
}

impl Default for Weather {
    /// 1 to 10 ms each way, and everything arrives.
    fn default() -> Self {
        let latency = Duration::from_millis(1)..=Duration::from_millis(10);
        Self { latency, lose_request: 0.0, lose_response: 0.0 }
    }
}

/// What a simulated broker keeps when it crashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeps {
    /// Nothing: its store is in its memory, and the next one is empty and of another epoch.
    #[default]
    Nothing,
    /// Everything: its store is a database of its own.
    Everything,
}

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What every choice by chance follows from.
    pub seed: u64,
    /// How the network behaves.
    pub weather: Weather,
    /// How many brokers serve the store; at least 1, and 1 where it is in memory.
    pub brokers: usize,
    /// What survives a crash.
    pub keeps: Keeps,
}

/// Simulated brokers on a simulated network.
pub struct Simulated {
    addresses: Vec<String>,
    servers: Vec<Arc<Server>>,
    network: Arc<Network>,
    shelf: Arc<Shelf>,
}

/// Where a broker that starts finds its store.
struct Shelf {
    /// For the epochs.
    chance: Mutex<Pcg64Mcg>,
    /// Kept outside the brokers, where anything is kept.
    database: Option<Arc<Database>>,
}

impl Simulated {
    /// Brokers that are up.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut epochs = generator(settings.seed, Purpose::Epochs, 0);
        let database = match settings.keeps {
            Keeps::Nothing => None,
            Keeps::Everything => {
                let chance = generator(settings.seed, Purpose::Database, 0);
                Some(Arc::new(Database::new(epoch(&mut epochs), chance)))
            }
        };
        let shelf = Arc::new(Shelf { chance: Mutex::new(epochs), database });
        let servers: Vec<_> = (0..settings.brokers).map(|_| Arc::new(Server::default())).collect();
        for server in &servers {
            server.start(shelf.store());
        }
        Self {
            addresses: (0..settings.brokers).map(|place| network::address(None, place)).collect(),
            network: Arc::new(Network::new(settings.seed, &settings.weather, &servers)),
            servers,
            shelf,
        }
    }

    /// The way to the brokers.
    #[must_use]
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::clone(&self.network) as _
    }
}

impl Shelf {
    fn store(&self) -> Arc<dyn Store> {
        match &self.database {
            Some(database) => Arc::clone(database) as _,
            None => {
                let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::new(MemoryStore::new(epoch(&mut chance), Retain::Lag, None))
            }
        }
    }
}

impl Testbed for Simulated {
    fn addresses(&self) -> &[String] {
        &self.addresses
    }

    fn ended(&mut self) -> Pending<'_, String> {
        Box::pin(pending())
    }

    fn stop(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
        Box::pin(async move {
            for server in &self.servers {
                server.finish().await;
            }
            Ok(())
        })
    }
}

fn epoch(chance: &mut Pcg64Mcg) -> Epoch {
    Epoch::new(format!("{:016x}", chance.next_u64()))
}
