//! What carries out the faults of a run on brokers that are our children, or that run already.

use std::future::pending;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::driver::Address;
use crate::fault::{Link, LinkFault, Part};
use crate::server::ServerProcess;
use crate::testbed::database::Server;
use crate::testbed::relay::Relays;
use crate::testbed::{Change, Disk, Failure, FaultInjector, InjectionId, NodeStanding, no_node};

/// Everything that a fault can be about.
#[derive(Debug)]
pub(super) struct Injector {
    pub(super) addresses: Vec<Address>,
    /// At those addresses; none where the brokers were not started here.
    pub(super) brokers: Vec<ServerProcess>,
    /// The server of their store, which may end too.
    pub(super) server: Option<Arc<Server>>,
    pub(super) relays: Relays,
}

impl Injector {
    /// Kills the brokers for good and ends the relays.
    pub(super) fn close(&self) {
        self.relays.close();
        for broker in &self.brokers {
            broker.close();
        }
    }

    pub(super) fn find(&self, part: Part) -> Result<&ServerProcess, Failure> {
        let found = match part {
            _ if self.brokers.is_empty() => {
                return Err(Failure(format!("the {part} is somebody else's, and stays as it is")));
            }
            Part::Broker(place) => self.brokers.get(place as usize),
            Part::Database => self.server.as_ref().map(|server| server.process(0)).transpose()?,
            Part::Node(place) => {
                self.server.as_ref().map(|server| server.process(place as usize)).transpose()?
            }
        };
        found.ok_or_else(|| Failure(format!("the run has no {part}")))
    }
}

impl FaultInjector for Injector {
    fn brokers(&self) -> u32 {
        u32::try_from(self.addresses.len()).expect("a run has few brokers")
    }

    fn change(&self, part: Part, change: Change) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let process = self.find(part)?;
            match change {
                Change::Kill => process.kill().await?,
                Change::Stop => process.stop().await?,
                Change::Start => match (part, &self.server) {
                    (Part::Node(place), Some(server)) => server.start_node(place as usize).await?,
                    _ => process.start_again().await?,
                },
                Change::Pause => process.pause(),
                Change::Resume => process.resume(),
            }
            Ok(())
        })
    }

    fn obstacle(&self, part: Part) -> BoxFuture<'_, String> {
        Box::pin(async move {
            match (part, &self.server) {
                (Part::Node(place), Some(server)) => server.obstacle(place as usize).await,
                _ => pending().await,
            }
        })
    }

    fn isolate(&self, part: Part, is_cut: bool) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(async move {
            match (part, &self.server) {
                (Part::Node(place), Some(server)) => server.isolate(place as usize, is_cut).await,
                _ => Err(no_node(part)),
            }
        })
    }

    fn standing(&self, part: Part) -> BoxFuture<'_, Result<NodeStanding, Failure>> {
        Box::pin(async move {
            match (part, &self.server) {
                (Part::Node(place), Some(server)) => server.standing(place as usize).await,
                _ => Err(no_node(part)),
            }
        })
    }

    fn disk(&self) -> Result<&dyn Disk, Failure> {
        self.on_disk()?.storage()?;
        Ok(self)
    }

    fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> Result<(), Failure> {
        self.relays.inject(id, link, fault)
    }

    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()> {
        Box::pin(self.relays.spent(id))
    }

    fn heal(&self, id: InjectionId) -> Result<u64, Failure> {
        self.relays.heal(id)
    }
}
