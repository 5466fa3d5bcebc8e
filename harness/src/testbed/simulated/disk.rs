//! Faults of the disk of what keeps the data: below the database, or below a store that is wrong on
//! purpose, which is a part of every broker.

use futures_util::future::{BoxFuture, ready};

use super::injector::Injector;
use crate::fault::Power;
use crate::history::{Forgotten, Trace};
use crate::storage::protocol::{Rotten, Trouble};
use crate::testbed::{Disk, Failure, InjectionId};

impl Disk for Injector {
    /// All that stands there before the first message is durable already.
    fn settle(&self, _durable: bool) -> BoxFuture<'_, Result<(), Failure>> {
        self.stores.disk().settle();
        Box::pin(ready(Ok(())))
    }

    fn cut(&self, power: Power, seed: u64) -> BoxFuture<'_, Result<Forgotten, Failure>> {
        Box::pin(async move {
            if self.is_up() {
                self.stores.disk().hold().await;
            }
            match self.stores.wrong() {
                Some(wrong) => {
                    self.kill_all().await;
                    Ok(wrong.forget(power.keep, seed))
                }
                None => {
                    self.database()?.kill();
                    Ok(self.stores.disk().cut(power.keep, seed).0)
                }
            }
        })
    }

    fn rot<'a>(
        &'a self,
        _payloads: &'a [String],
        _bits: u32,
        _seed: u64,
    ) -> BoxFuture<'a, Result<Option<Rotten>, Failure>> {
        let none = "a simulated store has no bytes on a disk";
        Box::pin(ready(Err(Failure(none.to_owned()))))
    }

    fn begin(&self, id: InjectionId, trouble: Trouble) -> BoxFuture<'_, Result<(), Failure>> {
        self.stores.disk().begin(id.0, trouble);
        Box::pin(ready(Ok(())))
    }

    fn end(&self, id: InjectionId) -> BoxFuture<'_, Result<u64, Failure>> {
        let met = self.stores.disk().end(id.0);
        let never = || Failure(format!("fault {} was never begun", id.0));
        Box::pin(ready(met.ok_or_else(never)))
    }

    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()> {
        Box::pin(self.stores.disk().spent(id.0))
    }

    fn is_up(&self) -> bool {
        match self.stores.database() {
            Some(database) => database.is_up(),
            None => self.has_power(),
        }
    }

    fn trace<'a>(&'a self, payloads: &'a [String]) -> BoxFuture<'a, Result<Vec<Trace>, Failure>> {
        let disk = self.stores.disk();
        Box::pin(ready(Ok(payloads.iter().map(|payload| disk.trace(payload)).collect())))
    }
}
