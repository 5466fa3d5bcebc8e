//! The disk of the server that keeps the data of a run: of the database that is its brokers' alone, or
//! of the first broker.

use std::future::pending;

use futures_util::future::BoxFuture;

use super::injector::Injector;
use crate::fault::{Part, Power};
use crate::history::{Forgotten, Trace};
use crate::server::ServerProcess;
use crate::storage::protocol::{Rotten, Trouble};
use crate::testbed::{Disk, Failure, InjectionId};

impl Injector {
    /// The server that keeps the data.
    pub(super) fn on_disk(&self) -> Result<&ServerProcess, Failure> {
        let part = if self.server.is_some() { Part::Database } else { Part::Broker(0) };
        self.find(part)
    }
}

impl Disk for Injector {
    fn settle(&self, durable: bool) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.on_disk()?.storage()?.settle(durable).await })
    }

    fn cut(&self, power: Power, seed: u64) -> BoxFuture<'_, Result<Forgotten, Failure>> {
        Box::pin(async move { self.on_disk()?.cut(power.keep, seed).await })
    }

    fn rot<'a>(
        &'a self,
        payloads: &'a [String],
        bits: u32,
        seed: u64,
    ) -> BoxFuture<'a, Result<Option<Rotten>, Failure>> {
        Box::pin(async move { self.on_disk()?.storage()?.rot(payloads, bits, seed).await })
    }

    fn begin(&self, id: InjectionId, trouble: Trouble) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.on_disk()?.trouble(id.0, trouble).await })
    }

    fn end(&self, id: InjectionId) -> BoxFuture<'_, Result<u64, Failure>> {
        Box::pin(async move { self.on_disk()?.storage()?.end_trouble(id.0).await })
    }

    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self.on_disk().and_then(ServerProcess::storage) {
                Ok(storage) => storage.spent(id.0).await,
                Err(_) => pending().await,
            }
        })
    }

    fn is_up(&self) -> bool {
        self.on_disk().is_ok_and(ServerProcess::is_up)
    }

    fn restart(&self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(async move { self.on_disk()?.restart().await })
    }

    fn gone(&self) -> Option<String> {
        self.on_disk().ok()?.gone()
    }

    fn trace<'a>(&'a self, payloads: &'a [String]) -> BoxFuture<'a, Result<Vec<Trace>, Failure>> {
        Box::pin(async move { self.on_disk()?.storage()?.trace(payloads).await })
    }
}
