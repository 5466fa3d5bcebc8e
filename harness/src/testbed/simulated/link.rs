//! One actor's way to the brokers, and what can be done to it: cut, holes, delays, lost answers.

use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::sync::Notify;

use super::Weather;
use crate::plan::chance;

/// One actor's way.
pub(super) struct Link {
    weather: Weather,
    inside: Mutex<Inside>,
    /// Told when every connection on the way breaks.
    reset: Notify,
}

struct Inside {
    chance: Pcg64Mcg,
    is_cut: bool,
    is_hole: bool,
    slow: Option<Slow>,
    /// Answers to produce requests that are still to be lost.
    drop_acks: u32,
    /// Requests and answers that met what was done to the way.
    met: u64,
}

/// A way that is slower than the weather makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Slow {
    /// Each way.
    pub(super) latency: Duration,
    /// Up to so much more or less, by chance.
    pub(super) jitter: Duration,
    /// Bytes a second each way; 0 is no bound.
    pub(super) bandwidth: u64,
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

/// What becomes of something on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It arrives.
    Open,
    /// The connection breaks.
    Cut,
    /// It vanishes and nobody is told.
    Hole,
}

impl Link {
    pub(super) fn new(weather: &Weather, chance: Pcg64Mcg) -> Self {
        let inside =
            Inside { chance, is_cut: false, is_hole: false, slow: None, drop_acks: 0, met: 0 };
        Self { weather: weather.clone(), inside: Mutex::new(inside), reset: Notify::new() }
    }

    /// What becomes of the next exchange.
    pub(super) fn trip(&self) -> Trip {
        let mut inside = self.inside();
        let chance = &mut inside.chance;
        let there = way(chance, &self.weather.latency);
        let back = way(chance, &self.weather.latency);
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
        let mut inside = self.inside();
        let passage = match (inside.is_cut, inside.is_hole) {
            (true, _) => Passage::Cut,
            (false, true) => Passage::Hole,
            (false, false) => return Passage::Open,
        };
        inside.met += 1;
        passage
    }

    /// Whether the answer to a produce request is to be lost.
    pub(super) fn drops_ack(&self) -> bool {
        let mut inside = self.inside();
        let drops = inside.drop_acks > 0;
        if drops {
            inside.drop_acks -= 1;
            inside.met += 1;
        }
        drops
    }

    /// Completes when every connection on the way breaks; listens from the call on.
    pub(super) fn broken(&self) -> impl Future<Output = ()> + '_ {
        self.reset.notified()
    }

    /// Breaks every connection, and while it is cut accepts none.
    pub(super) fn cut(&self, is_cut: bool) {
        self.inside().is_cut = is_cut;
        if is_cut {
            self.reset.notify_waiters();
        }
    }

    /// While it is a hole everything on the way vanishes.
    pub(super) fn hole(&self, is_hole: bool) {
        self.inside().is_hole = is_hole;
    }

    /// Makes it slower, or as the weather has it.
    pub(super) fn slow(&self, slow: Option<Slow>) {
        self.inside().slow = slow;
    }

    /// Loses the answers to the next so many produce requests.
    pub(super) fn drop_acks(&self, count: u32) {
        self.inside().drop_acks = count;
    }

    /// How many answers to produce requests are still to be lost.
    pub(super) fn acks_to_drop(&self) -> u32 {
        self.inside().drop_acks
    }

    /// Requests and answers that met something since the last call.
    pub(super) fn take_met(&self) -> u64 {
        std::mem::take(&mut self.inside().met)
    }

    /// Notes that a connection met what was done to the way.
    pub(super) fn note(&self) {
        self.inside().met += 1;
    }

    fn slowed(&self, chance: u64, bytes: usize) -> Duration {
        let mut inside = self.inside();
        let Some(slow) = inside.slow else { return Duration::ZERO };
        inside.met += 1;
        let jitter = millis(slow.jitter);
        let shift = chance::below(chance, 2 * jitter + 1);
        let delayed = (millis(slow.latency) + shift).saturating_sub(jitter);
        let carried = match slow.bandwidth {
            0 => 0,
            rate => (bytes as u64).saturating_mul(1000).div_ceil(rate),
        };
        Duration::from_millis(delayed + carried)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// In whole milliseconds: timers are no finer.
fn way(chance: &mut Pcg64Mcg, latency: &RangeInclusive<Duration>) -> Duration {
    let (min, max) = (millis(*latency.start()), millis(*latency.end()));
    Duration::from_millis(min + chance::below(chance.next_u64(), max - min + 1))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("times of a scenario are at most a day")
}

/// Whether a number of chance is one of those that a probability stands for.
fn is_below(number: u64, probability: f64) -> bool {
    // 53 bits are what a double holds.
    ((number >> 11) as f64) < probability * (1_u64 << 53) as f64
}
