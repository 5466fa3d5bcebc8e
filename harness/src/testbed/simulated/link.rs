//! One actor's way to the brokers: what the network does to it by chance, and what is done to it on
//! purpose.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::sync::Notify;

use super::harms::{Harms, Passage, millis};
use crate::plan::chance;
use crate::scenario::Network as Weather;
use crate::testbed::{Harm, HarmId};

/// One actor's way.
pub(super) struct Link {
    weather: Weather,
    inside: Mutex<Inside>,
    /// Told when every connection on the way breaks.
    reset: Notify,
    /// Told when a harm changes or ends.
    changed: Notify,
}

struct Inside {
    chance: Pcg64Mcg,
    harms: Harms,
}

/// What chance has in store for one exchange. Always drawn whole, so that what becomes of one
/// exchange does not change the chance of those behind it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    there: Duration,
    back: Duration,
    pub(super) loss: Loss,
    /// Whether a loss is told by a broken connection, or not at all.
    pub(super) is_told: bool,
    jitter: (u64, u64),
}

/// What is lost of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Nothing,
    Request,
    Answer,
}

impl Link {
    pub(super) fn new(weather: &Weather, chance: Pcg64Mcg) -> Self {
        let inside = Mutex::new(Inside { chance, harms: Harms::default() });
        Self { weather: *weather, inside, reset: Notify::new(), changed: Notify::new() }
    }

    /// What becomes of the next exchange.
    pub(super) fn trip(&self) -> Trip {
        let mut inside = self.inside();
        let chance = &mut inside.chance;
        let there = way(chance, &self.weather);
        let back = way(chance, &self.weather);
        let lost = chance.next_u64();
        let told = chance.next_u64();
        let jitter = (chance.next_u64(), chance.next_u64());
        let (request, answer) = (self.weather.lose_request, self.weather.lose_response);
        let loss = if is_below(lost, request) {
            Loss::Request
        } else if is_below(lost, request + answer) {
            Loss::Answer
        } else {
            Loss::Nothing
        };
        Trip { there, back, loss, is_told: told & 1 == 0, jitter }
    }

    /// How long a request of so many bytes is on its way.
    pub(super) fn there(&self, trip: &Trip, bytes: usize) -> Duration {
        trip.there + self.slowed(trip.jitter.0, bytes)
    }

    /// How long an answer of so many bytes is on its way.
    pub(super) fn back(&self, trip: &Trip, bytes: usize) -> Duration {
        trip.back + self.slowed(trip.jitter.1, bytes)
    }

    /// What becomes of what is on its way now.
    pub(super) fn passage(&self) -> Passage {
        self.inside().harms.passage()
    }

    /// Waits until what vanished is known to have: the black hole is over.
    pub(super) async fn out_of_the_hole(&self) {
        self.wait_for(|harms| !harms.is_hole()).await;
    }

    /// Whether the answer to a produce request is to be lost.
    pub(super) fn drops_ack(&self) -> bool {
        let drops = self.inside().harms.drops_ack();
        if drops {
            self.changed.notify_waiters();
        }
        drops
    }

    /// Completes when every connection on the way breaks; listens from the call on.
    pub(super) fn broken(&self) -> impl Future<Output = ()> + '_ {
        self.reset.notified()
    }

    /// Notes that a connection was broken.
    pub(super) fn note_reset(&self) {
        self.inside().harms.note_reset();
    }

    /// Begins to do something to it.
    pub(super) fn harm(&self, id: HarmId, harm: Harm) {
        self.inside().harms.begin(id, harm);
        if harm == Harm::Cut {
            self.reset.notify_waiters();
        }
    }

    /// Waits until a harm has used itself up, or is over.
    pub(super) async fn spent(&self, id: HarmId) {
        self.wait_for(|harms| harms.is_spent(id)).await;
    }

    /// Ends a harm and says what it met.
    pub(super) fn mend(&self, id: HarmId) -> u64 {
        let mended = self.inside().harms.mend(id);
        self.changed.notify_waiters();
        mended.map_or(0, |(_, met)| met)
    }

    async fn wait_for(&self, says: impl Fn(&Harms) -> bool) {
        loop {
            // Before the look: what changes after it wakes this up.
            let changed = self.changed.notified();
            if says(&self.inside().harms) {
                return;
            }
            changed.await;
        }
    }

    fn slowed(&self, number: u64, bytes: usize) -> Duration {
        self.inside().harms.slowed(number, bytes)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In whole milliseconds: timers are no finer.
fn way(chance: &mut Pcg64Mcg, weather: &Weather) -> Duration {
    let (min, max) = (millis(weather.latency_min), millis(weather.latency_max));
    Duration::from_millis(min + chance::below(chance.next_u64(), max - min + 1))
}

/// Whether a number of chance is one of those that a probability stands for.
fn is_below(number: u64, probability: f64) -> bool {
    // 53 bits are what a double holds.
    ((number >> 11) as f64) < probability * (1_u64 << 53) as f64
}
