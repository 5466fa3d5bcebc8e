//! One actor's link to the brokers: what the network does to it by chance, and the faults on it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

use crate::chance;
use crate::fault::{LinkFault, Passage, Way};
use crate::ordered_signal::OrderedSignal;
use crate::scenario::Network as Weather;
use crate::testbed::InjectionId;
use crate::testbed::link_faults::{LinkFaults, Pace};

pub(super) struct SimulatedLink {
    weather: Weather,
    chance: Mutex<Pcg64Mcg>,
    faults: OrderedSignal<LinkFaults>,
    /// How often every connection on it broke.
    breaks: OrderedSignal<u64>,
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

impl SimulatedLink {
    pub(super) fn new(weather: &Weather, chance: Pcg64Mcg) -> Self {
        Self {
            weather: *weather,
            chance: Mutex::new(chance),
            faults: OrderedSignal::new(LinkFaults::new(Pace::Simulated)),
            breaks: OrderedSignal::default(),
        }
    }

    pub(super) fn trip(&self) -> Trip {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let there = way(&mut chance, &self.weather);
        let back = way(&mut chance, &self.weather);
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
        trip.there + self.faults.lock().delay(Way::There, bytes, || trip.jitter.0)
    }

    /// How long an answer of so many bytes is on its way.
    pub(super) fn back(&self, trip: &Trip, bytes: usize) -> Duration {
        trip.back + self.faults.lock().delay(Way::Back, bytes, || trip.jitter.1)
    }

    pub(super) fn pass(&self) -> Passage {
        self.faults.lock().pass()
    }

    /// Waits until what vanished is known to have: the black hole is over.
    pub(super) async fn out_of_the_hole(&self) {
        self.faults.wait_for(|faults| (!faults.is_hole()).then_some(())).await;
    }

    pub(super) fn loses_answer(&self) -> bool {
        let loses = self.faults.lock().loses_answer();
        if loses {
            // The fault may have used itself up.
            self.faults.change(|_| ());
        }
        loses
    }

    /// Completes when every connection on the link breaks; counts from the call on.
    pub(super) fn broken(&self) -> impl Future<Output = ()> + '_ {
        let before = *self.breaks.lock();
        self.breaks.wait_for(move |breaks| (*breaks != before).then_some(()))
    }

    pub(super) fn note_reset(&self) {
        self.faults.lock().meet(Passage::Cut);
    }

    pub(super) fn inject(&self, id: InjectionId, fault: Box<dyn LinkFault>) {
        let is_cut = fault.passage() == Passage::Cut;
        self.faults.lock().begin(id, fault, 0);
        if is_cut {
            self.breaks.change(|breaks| *breaks += 1);
        }
    }

    /// Waits until a fault has used itself up, or is over.
    pub(super) async fn spent(&self, id: InjectionId) {
        self.faults.wait_for(|faults| faults.is_spent(id).then_some(())).await;
    }

    pub(super) fn heal(&self, id: InjectionId) -> u64 {
        self.faults.change(|faults| faults.end(id)).map_or(0, |(_, met)| met)
    }
}

/// In whole milliseconds: timers are no finer.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("times of a scenario are at most a day")
}

fn way(chance: &mut Pcg64Mcg, weather: &Weather) -> Duration {
    let (min, max) = (millis(weather.latency_min), millis(weather.latency_max));
    Duration::from_millis(min + chance::below(chance.next_u64(), max - min + 1))
}

/// Whether a number of chance is one of those that a probability stands for.
fn is_below(number: u64, probability: f64) -> bool {
    // 53 bits are what a double holds.
    ((number >> 11) as f64) < probability * (1_u64 << 53) as f64
}
