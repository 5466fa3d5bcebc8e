//! The disk below a simulated store: what is written to it is durable once it is synced, and what can be
//! wrong with a real disk can be wrong with it. It holds no bytes, only how many there are: the store
//! itself keeps what they say.
//!
//! - [`records`]: what is written and not synced.

mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

pub(crate) use self::records::RecordId;
use self::records::Records;
use super::protocol::Trouble;
use crate::chance::{Purpose, generator};
use crate::fault::Keep;
use crate::history::{Forgotten, Nanos, Trace};
use crate::ordered_signal::OrderedSignal;

/// So long a power cut waits for a sync to strike at.
const HELD_WITHIN: Duration = Duration::from_millis(100);

/// The disk of a store.
#[derive(Debug, Default)]
pub(crate) struct SimulatedDisk {
    inside: OrderedSignal<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    records: Records,
    /// What is wrong with it now.
    troubles: BTreeMap<u64, Lasting>,
    /// How many syncs are held; none where no power cut is under way.
    held: Option<u64>,
    /// Of the last cut, until the power is back.
    survivors: BTreeSet<RecordId>,
    /// Since when it is known when what was written.
    clock: Option<Instant>,
}

#[derive(Debug)]
struct Lasting {
    trouble: Trouble,
    met: u64,
}

/// The disk is full.
#[derive(Debug)]
pub(crate) struct Full;

/// A sync failed. What it was to make durable is to be written anew, whatever the fault says of it: so
/// does a store that is right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyncFailed;

impl SimulatedDisk {
    /// The clock of traces begins, and from now on they are kept.
    pub(crate) fn settle(&self) {
        let mut inside = self.inside.lock();
        inside.clock = Some(Instant::now());
        inside.records.trace_all();
    }

    /// Takes as long as a write takes at the moment.
    ///
    /// # Errors
    /// Where it `grows` something on a full disk.
    pub(crate) async fn admit(&self, grows: bool) -> Result<(), Full> {
        let slow = self.inside.lock().slow(|trouble| match trouble {
            Trouble::Slow { write, .. } => *write,
            Trouble::Full | Trouble::FailSync { .. } => Duration::ZERO,
        });
        if !slow.is_zero() {
            sleep(slow).await;
        }
        let mut inside = self.inside.lock();
        let mut full = inside.lasting(|trouble| *trouble == Trouble::Full);
        match full.next().filter(|_| grows) {
            Some(full) => {
                full.met += 1;
                Err(Full)
            }
            None => Ok(()),
        }
    }

    /// Writes so many bytes, with these payloads in them. A store's recovery takes them whole or not
    /// at all.
    pub(crate) fn write<'a>(
        &self,
        file: &'static str,
        bytes: u64,
        payloads: impl Iterator<Item = &'a str>,
    ) -> RecordId {
        let mut inside = self.inside.lock();
        let at = inside.now();
        inside.records.write(file, bytes, payloads, at)
    }

    /// Rolls back what is not durable yet.
    pub(crate) fn take_back(&self, id: RecordId) {
        self.inside.lock().records.take_back(id);
    }

    /// Makes these records durable. Does not answer when the power is about to go.
    ///
    /// # Errors
    /// Where the disk fails: the records are as they were.
    pub(crate) async fn sync(&self, ids: &[RecordId]) -> Result<(), SyncFailed> {
        let slow = self.inside.lock().slow(|trouble| match trouble {
            Trouble::Slow { fsync, .. } => *fsync,
            Trouble::Full | Trouble::FailSync { .. } => Duration::ZERO,
        });
        if !slow.is_zero() {
            sleep(slow).await;
        }
        if self.is_held() {
            return std::future::pending().await;
        }
        if self.inside.lock().fails() {
            // The fault may have used itself up.
            self.inside.change(|_| ());
            return Err(SyncFailed);
        }
        let mut inside = self.inside.lock();
        let at = inside.now();
        inside.records.sync(ids, at);
        Ok(())
    }

    /// Whether a sync that is about to take effect is held, which is noted.
    fn is_held(&self) -> bool {
        let mut inside = self.inside.lock();
        let Some(held) = &mut inside.held else { return false };
        *held += 1;
        drop(inside);
        self.inside.change(|_| ());
        true
    }

    /// Waits for the next sync, which is held, as every one after it is; or for none.
    pub(crate) async fn hold(&self) {
        self.inside.lock().held = Some(0);
        let any = self.inside.wait_for(|inside| inside.held.filter(|held| *held > 0));
        // Without a sync the power goes all the same.
        let _ = timeout(HELD_WITHIN, any).await;
    }

    /// The power goes: what was forgotten, and which records survived.
    pub(crate) fn cut(&self, keep: Keep, seed: u64) -> (Forgotten, BTreeSet<RecordId>) {
        let mut inside = self.inside.lock();
        let mut chance = generator(seed, Purpose::SimulatedDisk, 0);
        let (forgotten, survivors) = inside.records.cut(keep, &mut chance);
        inside.survivors.clone_from(&survivors);
        (forgotten, survivors)
    }

    /// Whether a record survived a cut that is not over.
    pub(crate) fn survived(&self, id: RecordId) -> bool {
        self.inside.lock().survivors.contains(&id)
    }

    /// The power is back. What survived and was not taken up by then is rolled back.
    pub(crate) fn power_is_back(&self) {
        let mut inside = self.inside.lock();
        inside.held = None;
        inside.survivors.clear();
    }

    /// Something is wrong with it from now on.
    pub(crate) fn begin(&self, id: u64, trouble: Trouble) {
        self.inside.lock().troubles.insert(id, Lasting { trouble, met: 0 });
    }

    /// It is over; how much it met, if it lasted at all.
    pub(crate) fn end(&self, id: u64) -> Option<u64> {
        self.inside.change(|inside| inside.troubles.remove(&id)).map(|lasting| lasting.met)
    }

    /// Waits until a trouble has used itself up, or is over.
    pub(crate) async fn spent(&self, id: u64) {
        let is_spent = |inside: &Inside| match inside.troubles.get(&id) {
            Some(lasting) => lasting.is_spent().then_some(()),
            None => Some(()),
        };
        self.inside.wait_for(is_spent).await;
    }

    /// What is known of a payload, as of just before the last cut; only since [`SimulatedDisk::settle`].
    pub(crate) fn trace(&self, payload: &str) -> Trace {
        self.inside.lock().records.trace(payload)
    }
}

impl Inside {
    fn now(&self) -> Nanos {
        let since = self.clock.map(|clock| clock.elapsed()).unwrap_or_default();
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    }

    fn lasting(&mut self, is: impl Fn(&Trouble) -> bool) -> impl Iterator<Item = &mut Lasting> {
        self.troubles.values_mut().filter(move |lasting| is(&lasting.trouble))
    }

    /// How much longer something takes, of all that slows it down.
    fn slow(&mut self, by: impl Fn(&Trouble) -> Duration) -> Duration {
        let mut all = Duration::ZERO;
        for lasting in self.troubles.values_mut() {
            let slow = by(&lasting.trouble);
            lasting.met += u64::from(!slow.is_zero());
            all += slow;
        }
        all
    }

    fn fails(&mut self) -> bool {
        let is_failing = |trouble: &Trouble| matches!(trouble, Trouble::FailSync { .. });
        let mut failing = self.lasting(is_failing).filter(|lasting| !lasting.is_spent());
        let Some(lasting) = failing.next() else { return false };
        lasting.met += 1;
        true
    }
}

impl Lasting {
    fn is_spent(&self) -> bool {
        matches!(self.trouble, Trouble::FailSync { count, .. } if self.met >= count)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::fault::AfterFailedSync;

    fn write(disk: &SimulatedDisk) -> RecordId {
        disk.write("journal", 10, ["a"].into_iter())
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_strikes_at_the_next_sync_and_none_answers_any_more() {
        let disk = SimulatedDisk::default();
        let before = write(&disk);
        disk.sync(&[before]).await.unwrap();
        let id = write(&disk);
        let began = Instant::now();
        let sync = async {
            sleep(Duration::from_millis(30)).await;
            disk.sync(&[id]).await
        };
        tokio::select! { biased;
            _ = sync => panic!("it is held"),
            () = disk.hold() => {}
        }
        assert_eq!(began.elapsed(), Duration::from_millis(30));
        assert_eq!(disk.sync(&[id]).now_or_never(), None);
        let (forgotten, survivors) = disk.cut(Keep::None, 1);
        assert_eq!((forgotten.bytes, survivors.len()), (10, 0));
        disk.power_is_back();
        let id = write(&disk);
        assert_eq!(disk.sync(&[id]).now_or_never(), Some(Ok(())));
        disk.hold().await;
        assert_eq!(began.elapsed(), Duration::from_millis(130), "none came");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_wrong_with_it_is_met_and_ends() {
        let disk = SimulatedDisk::default();
        let (fsync, slow) = (Duration::from_millis(50), Duration::from_millis(5));
        disk.begin(1, Trouble::Slow { fsync, write: slow });
        disk.begin(2, Trouble::Full);
        disk.begin(3, Trouble::FailSync { count: 1, then: AfterFailedSync::Retry });
        let began = Instant::now();
        assert!(disk.admit(true).await.is_err());
        assert!(disk.admit(false).await.is_ok(), "it is written over");
        assert_eq!(began.elapsed(), slow * 2);
        let id = write(&disk);
        assert!(disk.spent(3).now_or_never().is_none());
        assert_eq!(disk.sync(&[id]).await, Err(SyncFailed));
        assert!(disk.spent(3).now_or_never().is_some());
        assert_eq!(disk.sync(&[id]).await, Ok(()));
        assert_eq!(began.elapsed(), slow * 2 + fsync * 2);
        assert_eq!([1, 2, 3, 4].map(|id| disk.end(id)), [Some(4), Some(1), Some(1), None]);
        assert!(disk.admit(true).await.is_ok());
    }
}
