//! What is being done to all connections of one link at a time, and what each of it met.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::plan::chance;
use crate::scenario::fault::Slowness;
use crate::testbed::{Harm, HarmId};

/// All connections of one link.
#[derive(Debug)]
pub(super) struct Wire {
    /// What is being done, as bits of [`Mood`]: all that an unharmed connection looks at.
    mood: AtomicU8,
    /// How many cuts there were. A connection belongs to one generation.
    generation: AtomicU64,
    inside: Mutex<Inside>,
    /// Told when a harm begins, is used up or ends.
    changed: Notify,
}

#[derive(Debug)]
struct Inside {
    harms: BTreeMap<HarmId, Active>,
    /// Connections of this generation.
    connections: u64,
    chance: Pcg64Mcg,
}

#[derive(Debug)]
struct Active {
    harm: Harm,
    met: u64,
    /// Until when a bound on the bandwidth is used up, there and back.
    busy: [Instant; 2],
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From the client to the server.
    There = 0,
    /// From the server to the client.
    Back = 1,
}

/// The kinds of harm that are on a link now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mood(u8);

/// What becomes of a new connection.
pub(super) enum Entry<'a> {
    /// It is carried.
    Open(Life<'a>),
    /// It is reset at once.
    Cut,
    /// It hears nothing while the hole lasts.
    Hole,
}

/// A connection that is carried, until it is dropped.
#[derive(Debug)]
pub(super) struct Life<'a> {
    pub(super) wire: &'a Wire,
    generation: u64,
}

impl Mood {
    const CUT: u8 = 1;
    const HOLE: u8 = 2;
    const SLOW: u8 = 4;
    const DROPS: u8 = 8;

    pub(super) fn is_hole(self) -> bool {
        self.0 & Self::HOLE != 0
    }

    pub(super) fn is_slow(self) -> bool {
        self.0 & Self::SLOW != 0
    }

    pub(super) fn drops_acks(self) -> bool {
        self.0 & Self::DROPS != 0
    }

    fn is_cut(self) -> bool {
        self.0 & Self::CUT != 0
    }

    fn of(harm: Harm) -> u8 {
        match harm {
            Harm::Cut => Self::CUT,
            Harm::BlackHole => Self::HOLE,
            Harm::Slow(_) => Self::SLOW,
            Harm::DropAcks(0) => 0,
            Harm::DropAcks(_) => Self::DROPS,
        }
    }
}

impl Wire {
    /// A link to which nothing is done yet. Chance is what jitter follows.
    pub(super) fn new(chance: Pcg64Mcg) -> Self {
        Self {
            mood: AtomicU8::new(0),
            generation: AtomicU64::new(0),
            inside: Mutex::new(Inside { harms: BTreeMap::new(), connections: 0, chance }),
            changed: Notify::new(),
        }
    }

    pub(super) fn mood(&self) -> Mood {
        Mood(self.mood.load(Ordering::Acquire))
    }

    /// Completes when a harm begins, is used up or ends; listens once it is enabled or polled.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    /// Takes in a new connection, and notes what it met.
    pub(super) fn enter(&self) -> Entry<'_> {
        let mut inside = self.inside();
        let mood = inside.mood();
        if mood.is_cut() {
            inside.note(|harm| harm == Harm::Cut, 1);
            return Entry::Cut;
        }
        if mood.is_hole() {
            inside.note(|harm| harm == Harm::BlackHole, 1);
            return Entry::Hole;
        }
        inside.connections += 1;
        Entry::Open(Life { wire: self, generation: self.generation.load(Ordering::Acquire) })
    }

    /// Notes that something vanished.
    pub(super) fn note_vanished(&self) {
        self.inside().note(|harm| harm == Harm::BlackHole, 1);
    }

    /// Whether the answer to a produce request is to be lost; takes one of those that are planned.
    pub(super) fn drops_ack(&self) -> bool {
        let mut inside = self.inside();
        for active in inside.harms.values_mut() {
            if let Harm::DropAcks(left @ 1..) = &mut active.harm {
                *left -= 1;
                active.met += 1;
                self.tell(&inside);
                return true;
            }
        }
        false
    }

    /// When so many bytes that came now may go on, on a link that is slow.
    pub(super) fn hold(&self, way: Way, bytes: usize) -> Instant {
        let mut inside = self.inside();
        let Inside { harms, chance, .. } = &mut *inside;
        let mut due = Instant::now();
        let mut latency = Duration::ZERO;
        for active in harms.values_mut() {
            let Harm::Slow(slowness) = active.harm else { continue };
            active.met += 1;
            latency += late(slowness, chance.next_u64());
            if let Some(rate) = slowness.bandwidth {
                due = due.max(active.busy[way as usize]) + carried(bytes, rate);
                active.busy[way as usize] = due;
            }
        }
        due + latency
    }

    /// How many bytes to take at once at most, so that a narrow link does not carry them in lumps.
    pub(super) fn portion(&self, most: usize) -> usize {
        let inside = self.inside();
        let rates = inside.harms.values().filter_map(|active| match active.harm {
            Harm::Slow(slowness) => slowness.bandwidth,
            _ => None,
        });
        let narrowest = rates.min().unwrap_or(u64::MAX);
        // Twenty portions a second look even.
        usize::try_from(narrowest / 20).unwrap_or(usize::MAX).clamp(1, most)
    }

    /// Waits until the link is no black hole.
    pub(super) async fn out_of_the_hole(&self) {
        self.wait_for(|| !self.mood().is_hole()).await;
    }

    pub(super) fn harm(&self, id: HarmId, harm: Harm) {
        let mut inside = self.inside();
        let mut met = 0;
        if harm == Harm::Cut {
            // All of them belong to the past now, and reset themselves as they notice.
            met = std::mem::take(&mut inside.connections);
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        let busy = [Instant::now(); 2];
        inside.harms.insert(id, Active { harm, met, busy });
        self.tell(&inside);
    }

    pub(super) fn is_harmed_by(&self, id: HarmId) -> bool {
        self.inside().harms.contains_key(&id)
    }

    pub(super) fn met(&self, id: HarmId) -> Option<u64> {
        self.inside().harms.get(&id).map(|active| active.met)
    }

    /// Completes when the harm has used itself up, or is over.
    pub(super) async fn spent(&self, id: HarmId) {
        let is_spent = || {
            let inside = self.inside();
            inside.harms.get(&id).is_none_or(|active| active.harm == Harm::DropAcks(0))
        };
        self.wait_for(is_spent).await;
    }

    /// Ends a harm and says what it met; none for one that is not there.
    pub(super) fn mend(&self, id: HarmId) -> Option<u64> {
        let mut inside = self.inside();
        let met = inside.harms.remove(&id)?.met;
        self.tell(&inside);
        Some(met)
    }

    async fn wait_for(&self, says: impl Fn() -> bool) {
        loop {
            // Before the look: what changes after it wakes this up.
            let changed = self.changed.notified();
            if says() {
                return;
            }
            changed.await;
        }
    }

    /// Puts what is done now where connections see it, while nothing else changes it.
    fn tell(&self, inside: &Inside) {
        self.mood.store(inside.mood().0, Ordering::Release);
        self.changed.notify_waiters();
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Nothing under this lock can leave it half-changed.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn mood(&self) -> Mood {
        Mood(self.harms.values().fold(0, |mood, active| mood | Mood::of(active.harm)))
    }

    fn note(&mut self, is_met: impl Fn(Harm) -> bool, times: u64) {
        for active in self.harms.values_mut().filter(|active| is_met(active.harm)) {
            active.met += times;
        }
    }
}

impl Life<'_> {
    /// Whether a cut has ended it.
    pub(super) fn is_broken(&self) -> bool {
        self.wire.generation.load(Ordering::Acquire) != self.generation
    }

    /// Completes when a cut has ended it.
    pub(super) async fn broken(&self) {
        self.wire.wait_for(|| self.is_broken()).await;
    }
}

impl Drop for Life<'_> {
    fn drop(&mut self) {
        let mut inside = self.wire.inside();
        if !self.is_broken() {
            inside.connections -= 1;
        }
    }
}

/// Latency and jitter, for what chance says.
fn late(slowness: Slowness, number: u64) -> Duration {
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4);
    let jitter = nanos(slowness.jitter);
    let shift = chance::below(number, 2 * jitter + 1);
    Duration::from_nanos((nanos(slowness.latency) + shift).saturating_sub(jitter))
}

/// How long so many bytes take at a rate of bytes a second.
fn carried(bytes: usize, rate: u64) -> Duration {
    let nanos = (bytes as u128 * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::chance::{Purpose, generator};

    fn wire() -> Wire {
        Wire::new(generator(1, Purpose::Relay, 0))
    }

    fn slow(latency: u64, jitter: u64, bandwidth: Option<u64>) -> Slowness {
        let ms = Duration::from_millis;
        Slowness { latency: ms(latency), jitter: ms(jitter), bandwidth }
    }

    #[test]
    fn a_cut_meets_the_connections_that_are_there_and_those_that_come() {
        let wire = wire();
        let Entry::Open(first) = wire.enter() else { panic!("nothing is done yet") };
        let Entry::Open(second) = wire.enter() else { panic!("nothing is done yet") };
        drop(second);
        wire.harm(HarmId(1), Harm::Cut);
        assert!(first.is_broken());
        assert!(matches!(wire.enter(), Entry::Cut));
        // One that has ended for the first cut does not meet the second one.
        wire.harm(HarmId(2), Harm::Cut);
        assert_eq!(wire.mend(HarmId(2)), Some(0));
        assert_eq!(wire.mend(HarmId(1)), Some(2));
        assert_eq!(wire.mend(HarmId(1)), None);
        assert!(first.is_broken(), "it stays so when the cut is over");
        drop(first);
        let Entry::Open(third) = wire.enter() else { panic!("nothing is done any more") };
        assert!(!third.is_broken());
    }

    #[test]
    fn a_cut_beats_a_hole_and_both_end() {
        let wire = wire();
        wire.harm(HarmId(1), Harm::BlackHole);
        assert!(matches!(wire.enter(), Entry::Hole));
        wire.harm(HarmId(2), Harm::Cut);
        assert!(matches!(wire.enter(), Entry::Cut));
        assert_eq!((wire.mend(HarmId(2)), wire.mend(HarmId(1))), (Some(1), Some(1)));
        assert_eq!(wire.mood(), Mood::default());
    }

    #[tokio::test]
    async fn answers_are_dropped_as_often_as_asked_and_no_more() {
        let wire = wire();
        wire.harm(HarmId(1), Harm::DropAcks(2));
        assert!(wire.mood().drops_acks());
        assert_eq!([wire.drops_ack(), wire.drops_ack(), wire.drops_ack()], [true, true, false]);
        assert!(!wire.mood().drops_acks());
        wire.spent(HarmId(1)).await;
        assert_eq!(wire.mend(HarmId(1)), Some(2));
    }

    #[test]
    fn slowness_is_latency_and_jitter_and_a_rate() {
        let ms = Duration::from_millis;
        assert_eq!(late(slow(20, 0, None), u64::MAX), ms(20));
        assert_eq!(late(slow(20, 5, None), 0), ms(15));
        assert_eq!(late(slow(20, 5, None), u64::MAX), ms(25));
        assert_eq!(carried(1500, 1000), ms(1500));
        assert_eq!(carried(0, 1), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_link_is_shared_by_its_connections_but_not_by_the_ways() {
        let wire = wire();
        wire.harm(HarmId(1), Harm::Slow(slow(0, 0, Some(1000))));
        let now = Instant::now();
        assert_eq!(wire.hold(Way::There, 500) - now, Duration::from_millis(500));
        assert_eq!(wire.hold(Way::There, 500) - now, Duration::from_secs(1));
        assert_eq!(wire.hold(Way::Back, 500) - now, Duration::from_millis(500));
        assert_eq!(wire.portion(16_384), 50);
        assert_eq!(wire.mend(HarmId(1)), Some(3));
        assert_eq!(wire.portion(16_384), 16_384);
    }
}
