//! The durable store of a simulation: one database that every broker is connected to, kept outside
//! the brokers, so that what it holds survives them. Topics, ids, positions, sequences and the
//! epoch are kept, as MySQL keeps them.
//!
//! A step takes a while on either side of the moment at which it happens, so a broker that crashes
//! may or may not have done what it was about to do, and so may a step that the database's own
//! crash breaks off.

use std::future::Future;
use std::time::Duration;

use broker::store::memory::MemoryStore;
use broker::store::{
    Answer, Append, Epoch, Error, Part, Poll, Polled, Read, Retain, Size, Store, Subscribed,
    Subscription,
};
use broker_client::wire::{Offset, ProducerId, TopicName};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::time::{Instant, sleep, timeout_at};

use crate::chance;
use crate::fault::{LinkFault, Passage, Way};
use crate::ordered_signal::OrderedSignal;
use crate::testbed::InjectionId;
use crate::testbed::link_faults::{LinkFaults, Pace};

/// The longest part of a step before it happens, and after, in milliseconds.
const STEP_MAX: u64 = 2;

/// After this a broker gives up a step, as it does with MySQL by default.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(5);

pub(super) struct Database {
    store: MemoryStore,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Read,
    Write,
}

impl Database {
    pub(super) fn new(epoch: Epoch, chance: Pcg64Mcg) -> Self {
        let faults = LinkFaults::new(Pace::Simulated);
        let inside = Inside { chance, is_up: true, is_paused: false, breaks: 0, faults };
        Self {
            store: MemoryStore::new(epoch, Retain::All, None),
            inside: OrderedSignal::new(inside),
        }
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
        self.inside.lock().is_up = true;
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
