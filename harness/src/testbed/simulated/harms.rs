//! What is being done to one link at a time, and what traffic each of it met.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::plan::chance;
use crate::scenario::fault::Slowness;
use crate::testbed::{Harm, HarmId};

/// The harms to one link.
#[derive(Debug, Default)]
pub(super) struct Harms(BTreeMap<HarmId, Active>);

#[derive(Debug)]
struct Active {
    harm: Harm,
    met: u64,
}

/// What becomes of something on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It arrives.
    Open,
    /// The connection breaks.
    Cut,
    /// It vanishes.
    Hole,
}

impl Harms {
    pub(super) fn begin(&mut self, id: HarmId, harm: Harm) {
        self.0.insert(id, Active { harm, met: 0 });
    }

    /// Ends a harm: what it was, and how much it met.
    pub(super) fn mend(&mut self, id: HarmId) -> Option<(Harm, u64)> {
        self.0.remove(&id).map(|active| (active.harm, active.met))
    }

    /// Whether a harm has used itself up, or is over.
    pub(super) fn is_spent(&self, id: HarmId) -> bool {
        self.0.get(&id).is_none_or(|active| active.harm == Harm::DropAcks(0))
    }

    /// What becomes of what is on its way now; notes that it met what it did.
    pub(super) fn passage(&mut self) -> Passage {
        // Nearly always there is nothing.
        if self.0.is_empty() {
            return Passage::Open;
        }
        if self.note(|harm| *harm == Harm::Cut) {
            Passage::Cut
        } else if self.note(|harm| *harm == Harm::BlackHole) {
            Passage::Hole
        } else {
            Passage::Open
        }
    }

    /// Whether everything vanishes now.
    pub(super) fn is_hole(&self) -> bool {
        self.0.values().any(|active| active.harm == Harm::BlackHole)
    }

    /// Notes that connections were reset by a cut.
    pub(super) fn note_reset(&mut self) {
        self.note(|harm| *harm == Harm::Cut);
    }

    /// Whether the answer to a produce request is lost.
    pub(super) fn drops_ack(&mut self) -> bool {
        for Active { harm, met } in self.0.values_mut() {
            if let Harm::DropAcks(left @ 1..) = harm {
                *left -= 1;
                *met += 1;
                return true;
            }
        }
        false
    }

    /// How much longer so many bytes take; `number` is what chance says.
    pub(super) fn slowed(&mut self, number: u64, bytes: usize) -> Duration {
        let mut all = Duration::ZERO;
        for Active { harm, met } in self.0.values_mut() {
            if let Harm::Slow(slowness) = harm {
                *met += 1;
                all += slowed(*slowness, number, bytes);
            }
        }
        all
    }

    fn note(&mut self, is_met: impl Fn(&Harm) -> bool) -> bool {
        let mut any = false;
        for Active { harm, met } in self.0.values_mut() {
            if is_met(harm) {
                *met += 1;
                any = true;
            }
        }
        any
    }
}

/// In whole milliseconds: timers are no finer.
fn slowed(slowness: Slowness, number: u64, bytes: usize) -> Duration {
    let Slowness { latency, jitter, bandwidth } = slowness;
    let jitter = millis(jitter);
    let shift = chance::below(number, 2 * jitter + 1);
    let delayed = (millis(latency) + shift).saturating_sub(jitter);
    let carried =
        bandwidth.map_or(0, |rate| (bytes as u64).saturating_mul(1000).div_ceil(rate.max(1)));
    Duration::from_millis(delayed + carried)
}

/// A time of a scenario in milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).expect("times of a scenario are at most a day")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harms_add_up_and_a_cut_beats_the_others() {
        let mut harms = Harms::default();
        assert_eq!(harms.passage(), Passage::Open);
        harms.begin(HarmId(1), Harm::BlackHole);
        assert_eq!(harms.passage(), Passage::Hole);
        harms.begin(HarmId(2), Harm::Cut);
        assert_eq!(harms.passage(), Passage::Cut);
        assert_eq!(harms.mend(HarmId(2)), Some((Harm::Cut, 1)));
        assert_eq!(harms.passage(), Passage::Hole);
        assert_eq!(harms.mend(HarmId(1)), Some((Harm::BlackHole, 2)));
        assert_eq!(harms.passage(), Passage::Open);
    }

    #[test]
    fn answers_are_dropped_as_often_as_asked_and_no_more() {
        let mut harms = Harms::default();
        harms.begin(HarmId(1), Harm::DropAcks(2));
        assert!(!harms.is_spent(HarmId(1)));
        assert_eq!([harms.drops_ack(), harms.drops_ack(), harms.drops_ack()], [true, true, false]);
        assert!(harms.is_spent(HarmId(1)));
        assert_eq!(harms.mend(HarmId(1)), Some((Harm::DropAcks(0), 2)));
    }

    #[test]
    fn slowness_is_latency_jitter_and_bandwidth() {
        let ms = Duration::from_millis;
        let slow = |latency, jitter, bandwidth| Slowness {
            latency: ms(latency),
            jitter: ms(jitter),
            bandwidth,
        };
        assert_eq!(slowed(slow(20, 0, None), u64::MAX, 5000), ms(20));
        assert_eq!(slowed(slow(20, 5, None), 0, 0), ms(15));
        assert_eq!(slowed(slow(20, 5, None), u64::MAX, 0), ms(25));
        assert_eq!(slowed(slow(0, 0, Some(1000)), 0, 1500), ms(1500));
    }
}
