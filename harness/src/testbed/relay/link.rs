//! All connections of one link: what the faults that are on it let them do, and which of them a cut
//! has ended.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;
use tokio::sync::futures::Notified;
use tokio::time::Instant;

use crate::fault::{LinkFault, Passage, Way};
use crate::ordered_signal::OrderedSignal;
use crate::testbed::InjectionId;
use crate::testbed::link_faults::{LinkFaults, Pace};

/// All connections of one link.
#[derive(Debug)]
pub(super) struct RelayedLink {
    /// What the faults do: all that a connection without faults looks at.
    is_hole: AtomicBool,
    delays: AtomicBool,
    /// How many cuts there were. A connection belongs to one generation.
    generation: AtomicU64,
    inside: OrderedSignal<Inside>,
}

#[derive(Debug)]
struct Inside {
    faults: LinkFaults,
    /// Connections of this generation.
    connections: u64,
    chance: Pcg64Mcg,
}

pub(super) enum Admission<'a> {
    Open(Connection<'a>),
    Cut,
    /// It hears nothing while the hole lasts.
    Hole,
}

/// A connection that is carried, until it is dropped.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    pub(super) link: &'a RelayedLink,
    generation: u64,
}

impl RelayedLink {
    /// A link without faults. Chance is what jitter follows.
    pub(super) fn new(chance: Pcg64Mcg) -> Self {
        let inside = Inside { faults: LinkFaults::new(Pace::Real), connections: 0, chance };
        Self {
            is_hole: AtomicBool::new(false),
            delays: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            inside: OrderedSignal::new(inside),
        }
    }

    /// Whether everything vanishes now.
    pub(super) fn is_hole(&self) -> bool {
        self.is_hole.load(Ordering::Acquire)
    }

    /// Whether anything is delayed now.
    pub(super) fn delays(&self) -> bool {
        self.delays.load(Ordering::Acquire)
    }

    /// Completes when a fault begins, is used up or ends; listens once it is enabled or polled.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.inside.changed()
    }

    pub(super) fn enter(&self) -> Admission<'_> {
        let mut inside = self.inside.lock();
        match inside.faults.pass() {
            Passage::Cut => Admission::Cut,
            Passage::Hole => Admission::Hole,
            Passage::Open => {
                inside.connections += 1;
                let generation = self.generation.load(Ordering::Acquire);
                Admission::Open(Connection { link: self, generation })
            }
        }
    }

    pub(super) fn note_vanished(&self) {
        self.inside.lock().faults.meet(Passage::Hole);
    }

    /// Whether the answer to a produce request, which begins to come, is lost.
    pub(super) fn loses_answer(&self) -> bool {
        let loses = self.inside.lock().faults.loses_answer();
        if loses {
            // The fault may have used itself up.
            self.change(|_| ());
        }
        loses
    }

    /// When so many bytes that came now may go on.
    pub(super) fn due(&self, way: Way, bytes: usize) -> Instant {
        let mut inside = self.inside.lock();
        let Inside { faults, chance, .. } = &mut *inside;
        let due = Instant::now() + faults.delay(way, bytes, || chance.next_u64());
        // A fault may delay only so much.
        self.show(&inside);
        due
    }

    /// How many bytes to take at once at most, so that a narrow link does not carry them in lumps.
    pub(super) fn portion(&self, most: usize) -> usize {
        let narrowest = self.inside.lock().faults.bandwidth().unwrap_or(u64::MAX);
        // Twenty portions a second look even.
        usize::try_from(narrowest / 20).unwrap_or(usize::MAX).clamp(1, most)
    }

    pub(super) async fn out_of_the_hole(&self) {
        self.inside.wait_for(|inside| (!inside.faults.is_hole()).then_some(())).await;
    }

    pub(super) fn inject(&self, id: InjectionId, fault: Box<dyn LinkFault>) {
        self.change(|inside| {
            let mut met = 0;
            if fault.passage() == Passage::Cut {
                // All of them are of an earlier generation now, and reset themselves as they notice.
                met = std::mem::take(&mut inside.connections);
                self.generation.fetch_add(1, Ordering::AcqRel);
            }
            inside.faults.begin(id, fault, met);
        });
    }

    /// What a fault met so far; none for one that is not on this link.
    pub(super) fn met(&self, id: InjectionId) -> Option<u64> {
        self.inside.lock().faults.met(id)
    }

    /// Completes when the fault has used itself up, or is over.
    pub(super) async fn spent(&self, id: InjectionId) {
        self.inside.wait_for(|inside| inside.faults.is_spent(id).then_some(())).await;
    }

    /// Takes a fault off and says what it met; none for one that is not there.
    pub(super) fn heal(&self, id: InjectionId) -> Option<u64> {
        self.change(|inside| inside.faults.end(id).map(|(_, met)| met))
    }

    /// Changes what the faults do, and tells the connections.
    fn change<R>(&self, change: impl FnOnce(&mut Inside) -> R) -> R {
        self.inside.change(|inside| {
            let result = change(inside);
            self.show(inside);
            result
        })
    }

    /// Puts what the faults do where connections see it, while nothing else changes it.
    fn show(&self, inside: &Inside) {
        self.is_hole.store(inside.faults.is_hole(), Ordering::Release);
        self.delays.store(inside.faults.delays(), Ordering::Release);
    }
}

impl Connection<'_> {
    /// Whether a cut has ended it.
    pub(super) fn is_broken(&self) -> bool {
        self.link.generation.load(Ordering::Acquire) != self.generation
    }

    /// Completes when a cut has ended it.
    pub(super) async fn broken(&self) {
        self.link.inside.wait_for(|_| self.is_broken().then_some(())).await;
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let mut inside = self.link.inside.lock();
        if !self.is_broken() {
            inside.connections -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chance::{Purpose, generator};
    use crate::fault::kinds::black_hole::BlackHole;
    use crate::fault::kinds::cut::Cut;
    use crate::fault::kinds::drop_ack::DropAcks;
    use crate::fault::kinds::slow::Slow;

    fn link() -> RelayedLink {
        RelayedLink::new(generator(1, Purpose::Relay, 0))
    }

    fn inject(link: &RelayedLink, id: u64, fault: impl LinkFault + 'static) {
        link.inject(InjectionId(id), Box::new(fault));
    }

    #[test]
    fn a_cut_meets_the_connections_that_are_there_and_those_that_come() {
        let link = link();
        let Admission::Open(first) = link.enter() else { panic!("nothing is done yet") };
        let Admission::Open(second) = link.enter() else { panic!("nothing is done yet") };
        drop(second);
        inject(&link, 1, Cut);
        assert!(first.is_broken());
        assert!(matches!(link.enter(), Admission::Cut));
        // One that has ended for the first cut does not meet the second one.
        inject(&link, 2, Cut);
        assert_eq!(link.heal(InjectionId(2)), Some(0));
        assert_eq!(link.heal(InjectionId(1)), Some(2));
        assert_eq!(link.heal(InjectionId(1)), None);
        assert!(first.is_broken(), "it stays so when the cut is over");
        drop(first);
        let Admission::Open(third) = link.enter() else { panic!("nothing is done any more") };
        assert!(!third.is_broken());
    }

    #[test]
    fn a_cut_beats_a_hole_and_both_end() {
        let link = link();
        inject(&link, 1, BlackHole);
        assert!(matches!(link.enter(), Admission::Hole));
        inject(&link, 2, Cut);
        assert!(matches!(link.enter(), Admission::Cut));
        assert_eq!((link.heal(InjectionId(2)), link.heal(InjectionId(1))), (Some(1), Some(1)));
        assert!(!link.is_hole() && !link.delays());
    }

    #[tokio::test]
    async fn answers_are_lost_as_often_as_asked_and_no_more() {
        let link = link();
        inject(&link, 1, DropAcks(2));
        assert_eq!(
            [link.loses_answer(), link.loses_answer(), link.loses_answer()],
            [true, true, false]
        );
        link.spent(InjectionId(1)).await;
        assert_eq!(link.heal(InjectionId(1)), Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_link_carries_small_portions() {
        let link = link();
        let none = Duration::ZERO;
        inject(&link, 1, Slow { latency: none, jitter: none, bandwidth: Some(1000) });
        assert!(link.delays());
        let now = Instant::now();
        assert_eq!(link.due(Way::There, 500) - now, Duration::from_millis(500));
        assert_eq!(link.portion(16_384), 50);
        assert_eq!(link.heal(InjectionId(1)), Some(1));
        assert_eq!(link.portion(16_384), 16_384);
    }
}
