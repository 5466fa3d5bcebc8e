//! The faults that are on one link at a time, and what traffic each of them met. Relays of real links
//! and the simulated network keep the same books.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::InjectionId;
use crate::fault::{LinkFault, Passage, Portion, Way};

/// How times pass on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// In nanoseconds. Connections share the bandwidth of their link.
    Real,
    /// In whole milliseconds, because simulated timers are no finer. Each exchange has the bandwidth
    /// for itself.
    Simulated,
}

/// The faults on one link.
#[derive(Debug)]
pub(super) struct LinkFaults {
    pace: Pace,
    active: BTreeMap<InjectionId, Active>,
}

#[derive(Debug)]
struct Active {
    fault: Box<dyn LinkFault>,
    met: u64,
    /// Until when each way is taken by what came before.
    busy: [Instant; 2],
}

impl Pace {
    const fn tick(self) -> Duration {
        match self {
            Self::Real => Duration::from_nanos(1),
            Self::Simulated => Duration::from_millis(1),
        }
    }
}

impl LinkFaults {
    pub(super) const fn new(pace: Pace) -> Self {
        Self { pace, active: BTreeMap::new() }
    }

    /// Puts a fault on the link. `met` is what it met by beginning.
    pub(super) fn begin(&mut self, id: InjectionId, fault: Box<dyn LinkFault>, met: u64) {
        self.active.insert(id, Active { fault, met, busy: [Instant::now(); 2] });
    }

    /// Takes a fault off: what it let pass, and what it met; none for one that is not there.
    pub(super) fn end(&mut self, id: InjectionId) -> Option<(Passage, u64)> {
        let active = self.active.remove(&id)?;
        Some((active.fault.passage(), active.met))
    }

    /// What a fault met so far; none for one that is not there.
    pub(super) fn met(&self, id: InjectionId) -> Option<u64> {
        self.active.get(&id).map(|active| active.met)
    }

    /// Whether a fault has used itself up, or is over.
    pub(super) fn is_spent(&self, id: InjectionId) -> bool {
        self.active.get(&id).is_none_or(|active| active.fault.is_spent())
    }

    /// What becomes of what is under way now.
    pub(super) fn passage(&self) -> Passage {
        let mut worst = Passage::Open;
        for active in self.active.values() {
            match active.fault.passage() {
                Passage::Cut => return Passage::Cut,
                Passage::Hole => worst = Passage::Hole,
                Passage::Open => {}
            }
        }
        worst
    }

    /// Whether everything vanishes now, unless it is cut.
    pub(super) fn is_hole(&self) -> bool {
        self.active.values().any(|active| active.fault.passage() == Passage::Hole)
    }

    /// Whether anything is delayed now.
    pub(super) fn delays(&self) -> bool {
        self.active.values().any(|active| active.fault.delays())
    }

    /// The same as [`LinkFaults::passage`], for something that has come: the faults that decide it
    /// have met it.
    pub(super) fn pass(&mut self) -> Passage {
        let passage = self.passage();
        if passage != Passage::Open {
            self.meet(passage);
        }
        passage
    }

    /// Notes that something met the faults that do this.
    pub(super) fn meet(&mut self, passage: Passage) {
        for active in self.active.values_mut() {
            if active.fault.passage() == passage {
                active.met += 1;
            }
        }
    }

    /// Whether the answer to a produce request, which begins to come, is lost.
    pub(super) fn loses_answer(&mut self) -> bool {
        for active in self.active.values_mut() {
            if active.fault.loses_answer() {
                active.met += 1;
                return true;
            }
        }
        false
    }

    /// How much longer something takes that came now. Chance is drawn for each fault that delays.
    pub(super) fn delay(
        &mut self,
        way: Way,
        bytes: usize,
        mut chance: impl FnMut() -> u64,
    ) -> Duration {
        // Nearly always there is nothing.
        if self.active.is_empty() {
            return Duration::ZERO;
        }
        let now = Instant::now();
        let tick = self.pace.tick();
        let (mut left, mut latency) = (now, Duration::ZERO);
        for Active { fault, met, busy } in self.active.values_mut() {
            if !fault.delays() {
                continue;
            }
            let portion = Portion { way, bytes, chance: chance(), tick };
            let Some(delay) = fault.delay(portion) else { continue };
            *met += 1;
            latency += delay.latency;
            if self.pace == Pace::Real {
                left = left.max(busy[way as usize]);
            }
            left += delay.transmission;
            busy[way as usize] = left;
        }
        left - now + latency
    }

    /// The narrowest bound on the bandwidth, in bytes a second.
    pub(super) fn bandwidth(&self) -> Option<u64> {
        self.active.values().filter_map(|active| active.fault.bandwidth()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::kinds::black_hole::BlackHole;
    use crate::fault::kinds::cut::Cut;
    use crate::fault::kinds::drop_ack::DropAcks;
    use crate::fault::kinds::slow::Slow;

    fn begin(faults: &mut LinkFaults, id: u64, fault: impl LinkFault + 'static) {
        faults.begin(InjectionId(id), Box::new(fault), 0);
    }

    #[test]
    fn a_cut_beats_a_hole_and_each_counts_what_it_met() {
        let mut faults = LinkFaults::new(Pace::Simulated);
        assert_eq!(faults.pass(), Passage::Open);
        begin(&mut faults, 1, BlackHole);
        assert_eq!(faults.pass(), Passage::Hole);
        begin(&mut faults, 2, Cut);
        assert_eq!(faults.pass(), Passage::Cut);
        assert_eq!(faults.end(InjectionId(2)), Some((Passage::Cut, 1)));
        assert_eq!(faults.pass(), Passage::Hole);
        assert_eq!(faults.end(InjectionId(1)), Some((Passage::Hole, 2)));
        assert_eq!(faults.end(InjectionId(1)), None);
        assert_eq!(faults.pass(), Passage::Open);
    }

    #[test]
    fn answers_are_lost_as_often_as_asked_and_no_more() {
        let mut faults = LinkFaults::new(Pace::Simulated);
        begin(&mut faults, 1, DropAcks(2));
        assert!(!faults.is_spent(InjectionId(1)));
        let lost = [faults.loses_answer(), faults.loses_answer(), faults.loses_answer()];
        assert_eq!(lost, [true, true, false]);
        assert!(faults.is_spent(InjectionId(1)));
        assert_eq!(faults.met(InjectionId(1)), Some(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_narrow_link_is_shared_where_it_is_real_but_not_by_its_ways() {
        let ms = Duration::from_millis;
        let slow = Slow { latency: ms(0), jitter: ms(0), bandwidth: Some(1000) };
        let ways = [Way::There, Way::There, Way::Back];
        for (pace, expected) in [(Pace::Real, [500, 1000, 500]), (Pace::Simulated, [500; 3])] {
            let mut faults = LinkFaults::new(pace);
            begin(&mut faults, 1, slow);
            assert_eq!(ways.map(|way| faults.delay(way, 500, || 0)), expected.map(ms), "{pace:?}");
            assert_eq!((faults.met(InjectionId(1)), faults.bandwidth()), (Some(3), Some(1000)));
        }
    }
}
