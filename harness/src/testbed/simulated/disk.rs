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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::num::NonZeroUsize;
    use std::sync::Arc;
    use std::time::Duration;

    use broker::store::{Append, Error, Read, Store};
    use broker_client::wire::Offset;
    use tokio::time::Instant;

    use super::super::Simulated;
    use super::*;
    use crate::bugs::Bug;
    use crate::fault::{AfterFailedSync, Keep, Part};
    use crate::fixture;
    use crate::testbed::{Change, FaultInjector as _};

    const SCENARIO: &str = "
topics: { T1: P1 -> C1 }
producers: { all: { generate: { messages: 1 } } }
broker: { on: mysql, count: 2 }
";

    /// The right ones: the database, and the store that bugs are planted in.
    const RIGHT: [Option<Bug>; 2] = [None, Some(Bug::None)];

    async fn injector(bug: Option<Bug>) -> Arc<Injector> {
        let (_folder, plan) = fixture::plan(SCENARIO, &[]);
        let injector = Simulated::new(&plan, bug).injector;
        let store = injector.stores.store();
        store.register_producer("T1".parse().unwrap()).await.unwrap();
        injector
    }

    async fn append(store: &dyn Store, sequence: u64, payload: &str) -> Result<Offset, Error> {
        let payloads = [Cow::from(payload)];
        let (epoch, sequence) = (None, Some(sequence));
        let append = Append { topic: "T1", producer: 0, epoch, sequence, payloads: &payloads };
        store.append(append).await
    }

    /// Starts the store again, and reads what is there.
    async fn after(injector: &Injector) -> Vec<String> {
        assert!(!Disk::is_up(injector));
        injector.change(Part::Database, Change::Start).await.unwrap();
        assert!(Disk::is_up(injector));
        let max_bytes = NonZeroUsize::MAX;
        let read = Read { topic: "T1", offset: 0, max: 100, max_bytes };
        let part = injector.stores.store().read(read).await.unwrap();
        let messages = part.messages.iter().map(|message| message.payload.to_string());
        messages.collect()
    }

    fn kept(keep: Keep) -> Power {
        Power { keep, ..Power::PLAIN }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_acknowledged_is_there_unless_it_was_not_synced() {
        let file = || "journal".to_owned();
        let wrong = Some(Bug::AckBeforeFsync);
        for (bug, is_lost) in [(RIGHT[0], false), (RIGHT[1], false), (wrong, true)] {
            let injector = injector(bug).await;
            let disk = injector.disk().unwrap();
            disk.settle(true).await.unwrap();
            append(injector.stores.store().as_ref(), 0, "first").await.unwrap();
            let forgotten = disk.cut(Power::PLAIN, 1).await.unwrap();
            assert_eq!(forgotten.bytes > 0, is_lost, "{bug:?}: {forgotten:?}");
            let expected = if is_lost { vec![] } else { vec!["first".to_owned()] };
            assert_eq!(after(&injector).await, expected, "{bug:?}");
            let asked = ["first".to_owned(), "second".to_owned()];
            let traces = disk.trace(&asked).await.unwrap();
            assert_eq!(traces[1], Trace::Nowhere, "{bug:?}");
            match &traces[0] {
                Trace::Synced { file: of, at } if !is_lost => {
                    assert!(*of == file() && at.is_some(), "{bug:?}");
                }
                Trace::Written { file: of, at, synced: None } if is_lost => {
                    assert!(*of == file() && at.is_some(), "{bug:?}");
                }
                other => panic!("{bug:?}: {other:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_strikes_when_something_is_about_to_be_synced() {
        for bug in RIGHT {
            for keep in [Keep::None, Keep::Some] {
                let mut found = Vec::new();
                for seed in 0..8 {
                    let injector = injector(bug).await;
                    let store = injector.stores.store();
                    let disk = injector.disk().unwrap();
                    let (forgotten, answer) = tokio::join!(disk.cut(kept(keep), seed), async {
                        // A broker that is a part of the store is killed.
                        let time = Duration::from_secs(1);
                        tokio::time::timeout(time, append(store.as_ref(), 0, "first")).await
                    });
                    let forgotten = forgotten.unwrap();
                    assert!(!matches!(answer, Ok(Ok(_))), "{bug:?}: it was not acknowledged");
                    let survived = after(&injector).await == ["first"];
                    assert_eq!((forgotten.bytes == 0, forgotten.kept > 0), (survived, survived));
                    found.push(survived);
                }
                let (any, all) = (found.contains(&true), !found.contains(&false));
                assert_eq!((any, all), (keep == Keep::Some, false), "{bug:?}: {found:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_is_full_or_fails_is_told_and_takes_nothing() {
        for bug in RIGHT {
            let injector = injector(bug).await;
            let (store, disk) = (injector.stores.store(), injector.disk().unwrap());
            let [full, failing, slow] = [1, 2, 3].map(InjectionId);
            disk.begin(full, Trouble::Full).await.unwrap();
            let refused = append(store.as_ref(), 0, "first").await;
            assert!(matches!(refused, Err(Error::Unavailable(_))), "{bug:?}: {refused:?}");
            assert_eq!(disk.end(full).await.unwrap(), 1);

            let then = AfterFailedSync::Drop;
            disk.begin(failing, Trouble::FailSync { count: 1, then }).await.unwrap();
            let unknown = append(store.as_ref(), 0, "first").await;
            assert!(matches!(unknown, Err(Error::OutcomeUnknown(_))), "{bug:?}: {unknown:?}");
            disk.spent(failing).await;
            assert_eq!(disk.end(failing).await.unwrap(), 1);
            assert!(disk.end(failing).await.is_err(), "it is over");

            let (fsync, write) = (Duration::from_millis(500), Duration::from_millis(300));
            disk.begin(slow, Trouble::Slow { fsync, write }).await.unwrap();
            let began = Instant::now();
            append(store.as_ref(), 0, "first").await.unwrap();
            assert!(began.elapsed() >= fsync + write, "{bug:?}");
            assert_eq!(disk.end(slow).await.unwrap(), 2, "a write and a sync");

            // The repeat was acknowledged, so it has to be there.
            disk.cut(Power::PLAIN, 1).await.unwrap();
            assert_eq!(after(&injector).await, ["first"], "{bug:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_was_killed_meanwhile_stays_down_when_the_power_is_back() {
        let injector = injector(Some(Bug::None)).await;
        let up = || injector.servers.iter().map(|server| server.is_up()).collect::<Vec<_>>();
        let disk = injector.disk().unwrap();
        injector.change(Part::Broker(0), Change::Kill).await.unwrap();
        disk.cut(Power::PLAIN, 1).await.unwrap();
        assert_eq!(up(), [false, false]);
        injector.change(Part::Broker(0), Change::Start).await.unwrap();
        injector.change(Part::Broker(1), Change::Kill).await.unwrap();
        assert_eq!(up(), [false, false], "there is no power");
        disk.cut(Power::PLAIN, 2).await.unwrap();
        injector.change(Part::Database, Change::Start).await.unwrap();
        assert_eq!(up(), [true, false]);
    }
}
