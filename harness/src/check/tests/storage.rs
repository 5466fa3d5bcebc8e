//! Faults of the storage: what a power cut forgot, messages that are traced on the disk, bits that rot,
//! and servers that do not start again.

mod explained;
mod gone;
mod require;
mod traces;

use super::small::Case;
use super::*;
use crate::fault::kinds::{disk_full, fail_fsync, power, rot, slow_disk};
use crate::fault::{
    Action, AfterFailedSync, Definition, Effect, Fault, Power, StorageFault, Target, Trigger,
};
use crate::history::{Firing, Forgotten, OnDisk, Rotten, Trace, Traced};
use crate::input::diagnostic::Spot;

const POWER: StorageFault = StorageFault::Power(Power::PLAIN);
const ROT: StorageFault = StorageFault::Rot { bits: 1 };
const FULL: StorageFault = StorageFault::Full;

/// As of a simulated clock: a stamp is a microsecond.
const fn at(stamp: u64) -> Moment {
    Moment { stamp, at: stamp * 1_000 }
}

fn definition(fault: StorageFault) -> &'static Definition {
    match fault {
        StorageFault::Power(_) => &power::POWER,
        StorageFault::Full => &disk_full::DISK_FULL,
        StorageFault::Slow { .. } => &slow_disk::SLOW_DISK,
        StorageFault::FailSync { .. } => &fail_fsync::FAIL_FSYNC,
        StorageFault::Rot { .. } => &rot::ROT,
    }
}

/// Adds a fault to the plan, and a firing of it for each of these: over these stamps, and what it did.
fn fire(
    plan: &mut Plan,
    history: &mut History,
    fault: StorageFault,
    firings: Vec<((u64, u64), OnDisk)>,
) {
    let place = u32::try_from(plan.scenario.faults.len()).unwrap();
    let effect = Effect::Storage(fault);
    let action = Action { definition: definition(fault), target: Target::Storage, effect };
    let (trigger, trigger_spot) = (Trigger::At(std::time::Duration::from_secs(1)), Spot::default());
    plan.scenario.faults.push(Fault { line: 9, trigger_spot, trigger, action, lasts: None });
    history.faults.extend(firings.into_iter().map(|((began, ended), on_disk)| Firing {
        fault: place,
        whom: "broker".to_owned(),
        began: at(began),
        struck: Some(at(began + 1)),
        ended: at(ended),
        met: 3,
        on_disk: Some(on_disk),
    }));
}

impl Case {
    /// With a fault that fired over these stamps.
    fn with(mut self, fault: StorageFault, over: (u64, u64), on_disk: OnDisk) -> Self {
        fire(&mut self.plan, &mut self.history, fault, vec![(over, on_disk)]);
        self
    }

    fn traced(mut self, name: &str, trace: Trace) -> Self {
        let message = self.message(name);
        self.history.traces.push(Traced { message, trace });
        self
    }

    fn rotten(&self, name: &str) -> OnDisk {
        let (message, file) = (self.message(name), "data/1.blk".to_owned());
        let rotten = Some(Rotten { message, file, offset: 1_234, bits: 1 });
        OnDisk { rotten, ..OnDisk::default() }
    }
}

fn forgot(bytes: u64, noise: u64) -> OnDisk {
    let forgotten = Some(Forgotten { bytes, files: 1, noise, ..Forgotten::default() });
    OnDisk { forgotten, ..OnDisk::default() }
}

fn gone() -> OnDisk {
    let words = "nats-server ended with exit status 1; it wrote last:\n  no such stream\n";
    OnDisk { gone: Some(words.to_owned()), ..forgot(500, 0) }
}

/// The evidence of the first of what was found of a kind.
fn evidence(judgement: &Judgement, kind: AnomalyKind) -> String {
    let proof = judgement.found(kind).flat_map(|finding| &finding.proofs).next().unwrap();
    proof.evidence.join("\n")
}

#[track_caller]
fn says(evidence: &str, lines: &[&str]) {
    for line in lines {
        assert!(evidence.lines().any(|own| own == *line), "{line}\nis not in\n{evidence}");
    }
}
