//! The durable store of a simulation: one database that every broker is connected to, kept outside
//! the brokers, so that what it holds survives them. Topics, ids, positions, sequences and the
//! epoch are kept, as MySQL keeps them.
//!
//! A step takes a while on either side of the moment at which it happens, so a broker that crashes
//! may or may not have done what it was about to do, and so may a step that the database's own
//! crash breaks off.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::store::memory::{MemoryStore, Retain};
use broker::store::{
    Answer, Append, Epoch, Error, Part, Poll, Polled, Read, Size, Store, Subscribed, Subscription,
};
use broker_client::wire::{Offset, ProducerId, TopicName};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};

use super::harms::{Harms, Passage};
use crate::plan::chance;
use crate::testbed::{Harm, HarmId};

/// The longest part of a step before it happens, and after, in milliseconds.
const STEP_MAX: u64 = 2;

/// After this a broker gives up a step, as it does with MySQL by default.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

/// The database.
pub(super) struct Database {
    store: MemoryStore,
    inside: Mutex<Inside>,
    /// Told when it was killed, paused, or is back.
    changed: Notify,
}

struct Inside {
    chance: Pcg64Mcg,
    is_up: bool,
    is_paused: bool,
    /// How often all connections broke: a step on an older one is broken off.
    breaks: u64,
    /// To the connections with the brokers.
    harms: Harms,
}

/// Whether a step changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Read,
    Write,
}

impl Database {
    pub(super) fn new(epoch: Epoch, chance: Pcg64Mcg) -> Self {
        let harms = Harms::default();
        let inside = Inside { chance, is_up: true, is_paused: false, breaks: 0, harms };
        Self {
            store: MemoryStore::new(epoch, Retain::All, None),
            inside: Mutex::new(inside),
            changed: Notify::new(),
        }
    }

    /// SIGKILL: every connection breaks, and none is accepted.
    pub(super) fn kill(&self) {
        let mut inside = self.inside();
        inside.is_up = false;
        inside.is_paused = false;
        inside.breaks += 1;
        drop(inside);
        self.changed.notify_waiters();
    }

    /// Starts it again, with all that it held.
    pub(super) fn start(&self) {
        self.inside().is_up = true;
    }

    /// SIGSTOP and SIGCONT.
    pub(super) fn pause(&self, is_paused: bool) {
        self.inside().is_paused = is_paused;
        self.changed.notify_waiters();
    }

    /// Begins to do something to the connections with the brokers.
    pub(super) fn harm(&self, id: HarmId, harm: Harm) {
        let mut inside = self.inside();
        inside.harms.begin(id, harm);
        if harm == Harm::Cut {
            inside.breaks += 1;
        }
        drop(inside);
        self.changed.notify_waiters();
    }

    /// Ends a harm and says what it met.
    pub(super) fn mend(&self, id: HarmId) -> u64 {
        let mut inside = self.inside();
        let mended = inside.harms.mend(id);
        if let Some((Harm::BlackHole, _)) = mended {
            // What was on its way is gone, and that shows now.
            inside.breaks += 1;
        }
        drop(inside);
        self.changed.notify_waiters();
        mended.map_or(0, |(_, met)| met)
    }

    /// A step: some time, the moment at which it happens, some time.
    async fn step<T>(
        &self,
        does: Does,
        happens: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (connection, before, after) = self.begin()?;
        let deadline = Instant::now() + GIVEN_UP_AFTER;
        pass(before).await;
        if timeout_at(deadline, self.passes(connection)).await != Ok(true) {
            return Err(broken_off(does));
        }
        let result = happens.await;
        pass(after).await;
        if timeout_at(deadline, self.passes(connection)).await != Ok(true) {
            return Err(broken_off(does));
        }
        result
    }

    /// Connects, and draws what chance has in store for the step.
    fn begin(&self) -> Result<(u64, Duration, Duration), Error> {
        let mut inside = self.inside();
        let mut part = || chance::below(inside.chance.next_u64(), STEP_MAX + 1);
        let (before, after, number) = (part(), part(), inside.chance.next_u64());
        if !inside.is_up || inside.harms.passage() == Passage::Cut {
            return Err(Error::Unavailable("connection refused by the database".to_owned()));
        }
        let before = Duration::from_millis(before) + inside.harms.slowed(number, 0);
        Ok((inside.breaks, before, Duration::from_millis(after)))
    }

    /// Waits while the database is stopped or out of sight; false if the connection is broken.
    async fn passes(&self, connection: u64) -> bool {
        let mut is_told = false;
        loop {
            let changed = self.changed.notified();
            {
                let mut inside = self.inside();
                let hole = inside.harms.is_hole();
                if !is_told && (hole || inside.breaks != connection) {
                    inside.harms.passage();
                    is_told = true;
                }
                if inside.breaks != connection {
                    return false;
                }
                if !inside.is_paused && !hole {
                    return true;
                }
            }
            changed.await;
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not even a yield where there is nothing to wait for.
async fn pass(time: Duration) {
    if !time.is_zero() {
        sleep(time).await;
    }
}

fn broken_off(does: Does) -> Error {
    let why = "the connection to the database broke".to_owned();
    match does {
        Does::Read => Error::Unavailable(why),
        Does::Write => Error::OutcomeUnknown(why),
    }
}

impl Store for Database {
    fn epoch(&self) -> &Epoch {
        self.store.epoch()
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        Box::pin(self.step(Does::Write, async move { self.store.create_topic(topic).await }))
    }

    fn topics(&self) -> Answer<'_, Vec<TopicName>> {
        Box::pin(self.step(Does::Read, async { self.store.topics().await }))
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        Box::pin(self.step(Does::Write, async move { self.store.register_producer(topic).await }))
    }

    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed> {
        Box::pin(self.step(Does::Write, async move { self.store.register_consumer(topic).await }))
    }

    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.step(Does::Write, async move { self.store.append(append).await }))
    }

    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(self.step(Does::Write, async move { self.store.poll(poll).await }))
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

    /// Told by the appends that the database sees, whichever broker they came by; a failing
    /// database keeps nobody from waiting.
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
