//! What carries out the faults of a run on brokers that are our children.

use std::future::ready;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::fault::{Link, LinkFault, Part};
use crate::server::ServerProcess;
use crate::testbed::database::Server;
use crate::testbed::relay::Relays;
use crate::testbed::{Failure, FaultInjector, InjectionId};

/// Everything that a fault can be about.
#[derive(Debug)]
pub(super) struct Injector {
    pub(super) brokers: Vec<ServerProcess>,
    /// The server of their store, which may end too.
    pub(super) server: Option<Arc<Server>>,
    pub(super) relays: Relays,
}

/// What a part turns out to be.
enum Found<'a> {
    Broker(&'a ServerProcess),
    Server(&'a Server),
}

impl Injector {
    /// Kills the brokers for good and ends the relays.
    pub(super) fn close(&self) {
        self.relays.close();
        for broker in &self.brokers {
            broker.close();
        }
    }

    fn find(&self, part: Part) -> Result<Found<'_>, Failure> {
        let found = match part {
            Part::Broker(place) => self.brokers.get(place as usize).map(Found::Broker),
            Part::Database => self.server.as_deref().map(Found::Server),
        };
        found.ok_or_else(|| Failure(format!("the run has no {part}")))
    }
}

impl FaultInjector for Injector {
    fn brokers(&self) -> u32 {
        u32::try_from(self.brokers.len()).expect("a scenario has few brokers")
    }

    fn kill(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match self.find(part)? {
                Found::Broker(broker) => broker.kill().await,
                Found::Server(server) => server.kill().await,
            }
        })
    }

    fn stop(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match self.find(part)? {
                Found::Broker(broker) => broker.stop().await,
                Found::Server(server) => server.stop_on_purpose().await,
            }
        })
    }

    fn start(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match self.find(part)? {
                Found::Broker(broker) => broker.start_again().await,
                Found::Server(server) => server.start_again().await,
            }
        })
    }

    fn pause(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match self.find(part)? {
                Found::Broker(broker) => broker.pause(),
                Found::Server(server) => server.pause()?,
            }
            Ok(())
        })
    }

    fn resume(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            match self.find(part)? {
                Found::Broker(broker) => broker.resume(),
                Found::Server(server) => server.resume()?,
            }
            Ok(())
        })
    }

    fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(ready(self.relays.inject(id, link, fault)))
    }

    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()> {
        Box::pin(self.relays.spent(id))
    }

    fn heal(&self, id: InjectionId) -> BoxFuture<'_, Result<u64, Failure>> {
        Box::pin(ready(self.relays.heal(id)))
    }
}
