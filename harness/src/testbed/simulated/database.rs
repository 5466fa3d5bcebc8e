//! The durable store of a simulation: one database that every broker is connected to, kept outside
//! the brokers, so that what it holds survives them. Topics, ids, positions, sequences and the
//! epoch are kept, as MySQL keeps them.
//!
//! A step takes a while on either side of the moment at which it happens, so a broker that crashes
//! may or may not have done what it was about to do, and so may a step that the database's own
//! crash breaks off.
//!
//! At that moment it writes what it is about to the disk, and happens once that is synced: a power cut
//! in between forgets it whole, or leaves it whole.

use std::borrow::Cow;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::Duration;

use broker::store::memory::MemoryStore;
use broker::store::{
    Answer, Append, Epoch, Error, List, Listed, Part, Poll, Polled, Read, Retain, Size, Store,
    Subscribed, Subscription,
};
use broker_client::wire::{Offset, ProducerId, TopicName};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::time::{Instant, sleep, timeout_at};

use crate::chance;
use crate::fault::{LinkFault, Passage, Way};
use crate::ordered_signal::OrderedSignal;
use crate::storage::simulated::{RecordId, SimulatedDisk, SyncFailed};
use crate::testbed::InjectionId;
use crate::testbed::link_faults::{LinkFaults, Pace};

/// The longest part of a step before it happens, and after, in milliseconds.
const STEP_MAX: u64 = 2;

/// After this a broker gives up a step, as it does with MySQL by default.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

pub(super) struct Database {
    store: MemoryStore,
    /// Whether something is deleted for its age.
    deletes: bool,
    disk: Arc<SimulatedDisk>,
    inside: OrderedSignal<Inside>,
}

struct Inside {
    chance: Pcg64Mcg,
    is_up: bool,
    is_paused: bool,
    /// How often all connections broke: a step on an older one is broken off.
    breaks: u64,
    /// On the connections with the brokers.
    faults: LinkFaults,
}

/// What a step finds of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Open,
    Broken,
    Hole,
}

/// Whether a step changes anything.
#[derive(Clone, Copy, Debug)]
enum Does<'a> {
    Read,
    /// Numbers, over what is there: a position.
    Write,
    /// Numbers, beside what is there: an id, a name.
    Grow,
    /// Messages.
    Append(&'a [Cow<'a, str>]),
}

/// The one file that a step writes: its log of what is to be.
const JOURNAL: &str = "journal";

/// What a step writes beside payloads, and a message beside its payload, in bytes.
const NUMBERS: u64 = 24;

/// What became of what a step wrote.
enum Written {
    Synced,
    /// The power went, and it is there all the same.
    Survived,
    Gone,
}

/// What a step wrote and is not synced: rolled back where the step is broken off.
struct Unsynced<'a> {
    disk: &'a SimulatedDisk,
    id: RecordId,
}

impl Drop for Unsynced<'_> {
    fn drop(&mut self) {
        self.disk.take_back(self.id);
    }
}

impl Database {
    pub(super) fn new(
        epoch: Epoch,
        age: Option<Duration>,
        chance: Pcg64Mcg,
        disk: Arc<SimulatedDisk>,
    ) -> Self {
        let faults = LinkFaults::new(Pace::Simulated);
        let inside = Inside { chance, is_up: true, is_paused: false, breaks: 0, faults };
        let store = MemoryStore::new(epoch, age.map_or(Retain::All, Retain::Age), None);
        Self { store, deletes: age.is_some(), disk, inside: OrderedSignal::new(inside) }
    }

    /// SIGKILL: every connection breaks, and none is accepted.
    pub(super) fn kill(&self) {
        self.inside.change(|inside| {
            inside.is_up = false;
            inside.is_paused = false;
            inside.breaks += 1;
        });
    }

    /// Starts it again, with all that it held.
    pub(super) fn start(&self) {
        self.disk.power_is_back();
        self.inside.lock().is_up = true;
    }

    pub(super) fn is_up(&self) -> bool {
        self.inside.lock().is_up
    }

    /// SIGSTOP and SIGCONT.
    pub(super) fn pause(&self, is_paused: bool) {
        self.inside.change(|inside| inside.is_paused = is_paused);
    }

    pub(super) fn inject(&self, id: InjectionId, fault: Box<dyn LinkFault>) {
        self.inside.change(|inside| {
            if fault.passage() == Passage::Cut {
                inside.breaks += 1;
            }
            inside.faults.begin(id, fault, 0);
        });
    }

    pub(super) fn heal(&self, id: InjectionId) -> u64 {
        self.inside.change(|inside| {
            let Some((passage, met)) = inside.faults.end(id) else { return 0 };
            if passage == Passage::Hole {
                // What was on its way is gone, and that shows now.
                inside.breaks += 1;
            }
            met
        })
    }

    /// A step: some time, the moment at which it happens, some time.
    async fn step<T>(
        &self,
        does: Does<'_>,
        happens: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (connection, before, after) = self.begin()?;
        let deadline = Instant::now() + GIVEN_UP_AFTER;
        pass(before).await;
        if timeout_at(deadline, self.passes(connection)).await != Ok(true) {
            return Err(broken_off(does));
        }
        let written = timeout_at(deadline, self.write(does, connection)).await;
        match written.unwrap_or(Ok(Written::Gone))? {
            Written::Synced => {}
            Written::Survived => {
                let _ = happens.await;
                return Err(broken_off(does));
            }
            Written::Gone => return Err(broken_off(does)),
        }
        let result = happens.await;
        pass(after).await;
        if timeout_at(deadline, self.passes(connection)).await != Ok(true) {
            return Err(broken_off(does));
        }
        result
    }

    /// Writes what a step is about to do, and syncs it.
    async fn write(&self, does: Does<'_>, connection: u64) -> Result<Written, Error> {
        let (grows, payloads) = match does {
            Does::Read => return Ok(Written::Synced),
            Does::Write => (false, &[][..]),
            Does::Grow => (true, &[][..]),
            Does::Append(payloads) => (true, payloads),
        };
        let full = |_| Error::Unavailable("the database's disk is full".to_owned());
        self.disk.admit(grows).await.map_err(full)?;
        let payloads = payloads.iter().map(AsRef::as_ref);
        let each = payloads.clone().map(|payload: &str| payload.len() as u64 + NUMBERS);
        let id = self.disk.write(JOURNAL, NUMBERS + each.sum::<u64>(), payloads);
        let unsynced = Unsynced { disk: &self.disk, id };
        let broken = |inside: &Inside| (inside.breaks != connection).then_some(());
        let own = [id];
        tokio::select! { biased;
            synced = self.disk.sync(&own) => {
                let failed = |SyncFailed| {
                    Error::OutcomeUnknown("the database cannot sync its disk".to_owned())
                };
                synced.map(|()| Written::Synced).map_err(failed)
            }
            () = self.inside.wait_for(broken) => {
                let survived = self.disk.survived(unsynced.id);
                Ok(if survived { Written::Survived } else { Written::Gone })
            }
        }
    }

    /// Connects, and draws what chance has in store for the step.
    fn begin(&self) -> Result<(u64, Duration, Duration), Error> {
        let mut inside = self.inside.lock();
        let mut part = || chance::below(inside.chance.next_u64(), STEP_MAX + 1);
        let (before, after, number) = (part(), part(), inside.chance.next_u64());
        if !inside.is_up || inside.faults.pass() == Passage::Cut {
            return Err(Error::Unavailable("connection refused by the database".to_owned()));
        }
        let before = Duration::from_millis(before) + inside.faults.delay(Way::There, 0, || number);
        Ok((inside.breaks, before, Duration::from_millis(after)))
    }

    /// Waits while the database is stopped or out of sight; false if the connection is broken.
    async fn passes(&self, connection: u64) -> bool {
        let mut is_noted = false;
        loop {
            let look = |inside: &Inside| {
                if inside.breaks != connection {
                    Some(Sight::Broken)
                } else if inside.faults.is_hole() {
                    (!is_noted).then_some(Sight::Hole)
                } else {
                    (!inside.is_paused).then_some(Sight::Open)
                }
            };
            let seen = self.inside.wait_for(look).await;
            if seen != Sight::Open && !is_noted {
                self.inside.lock().faults.pass();
                is_noted = true;
            }
            match seen {
                Sight::Open => return true,
                Sight::Broken => return false,
                Sight::Hole => {}
            }
        }
    }
}

/// Not even a yield where there is nothing to wait for.
async fn pass(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

fn broken_off(does: Does<'_>) -> Error {
    let why = "the connection to the database broke".to_owned();
    match does {
        Does::Read => Error::Unavailable(why),
        Does::Write | Does::Grow | Does::Append(_) => Error::OutcomeUnknown(why),
    }
}

impl Store for Database {
    fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        Box::pin(self.step(Does::Grow, async move { self.store.create_topic(topic).await }))
    }

    fn delete_topic<'a>(&'a self, topic: &'a str) -> Answer<'a, ()> {
        Box::pin(self.step(Does::Write, async move { self.store.delete_topic(topic).await }))
    }

    fn topics<'a>(&'a self, list: List<'a>) -> Answer<'a, Listed> {
        Box::pin(self.step(Does::Read, async move { self.store.topics(list).await }))
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        Box::pin(self.step(Does::Grow, async move { self.store.register_producer(topic).await }))
    }

    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed> {
        Box::pin(self.step(Does::Grow, async move { self.store.register_consumer(topic).await }))
    }

    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset> {
        let does = Does::Append(append.payloads);
        Box::pin(self.step(does, async move { self.store.append(append).await }))
    }

    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(async move {
            // One that leaves the position where it is writes nothing.
            let size = self.store.size(poll.subscription).await;
            let stays = size.is_ok_and(|size| poll.offset == Some(size.position));
            let does = if stays { Does::Read } else { Does::Write };
            // The store does it when it is asked, and not when it is awaited.
            self.step(does, async { self.store.poll(poll).await }).await
        })
    }

    fn size<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, Size> {
        Box::pin(self.step(Does::Read, async move { self.store.size(subscription).await }))
    }

    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()> {
        Box::pin(self.step(Does::Write, async move { self.store.unsubscribe(subscription).await }))
    }

    fn end_idle(&self, idle: Duration) -> Answer<'_, usize> {
        Box::pin(self.step(Does::Write, async move { self.store.end_idle(idle).await }))
    }

    fn end_idle_producers(&self, idle: Duration) -> Answer<'_, usize> {
        let ending = async move { self.store.end_idle_producers(idle).await };
        Box::pin(self.step(Does::Write, ending))
    }

    /// Where all is kept there is nothing to do, and no step takes a number from chance.
    fn tidy(&self) -> Answer<'_, ()> {
        if !self.deletes {
            return Box::pin(ready(Ok(())));
        }
        Box::pin(self.step(Does::Write, async { self.store.tidy().await }))
    }

    /// Told by the appends that the database sees, whichever broker they came by; a failing
    /// database does not end a wait.
    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()> {
        self.store.arrival(subscription, offset)
    }

    fn read<'a>(&'a self, read: Read<'a>) -> Answer<'a, Part> {
        Box::pin(self.step(Does::Read, async move { self.store.read(read).await }))
    }

    fn ready(&self) -> Answer<'_, ()> {
        Box::pin(self.step(Does::Read, async { self.store.ready().await }))
    }
}
