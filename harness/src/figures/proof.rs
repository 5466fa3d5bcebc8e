//! The messages around what the checks found, as diagrams.

use crate::check::{Anomaly, Judgement};
use crate::diagram::{self, Diagram, Focus, Limits};
use crate::history::History;
use crate::plan::{ConsumerIndex, Plan};
use crate::scenario::AnomalyKind;

/// What has room beside a proof.
const LIMITS: Limits = Limits { neighbours: 2, consumers: 3, events: 30 };

/// The diagram of one proof.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The kind of the finding that it is of.
    pub kind: AnomalyKind,
    /// Whether `expect` allows that finding.
    pub is_allowed: bool,
    /// Its place among the proofs of the finding.
    pub place: usize,
    /// What happened around it.
    pub diagram: Diagram,
}

/// A diagram for each proof that is about messages or deliveries.
pub(super) fn of(plan: &Plan, history: &History, judgement: &Judgement) -> Vec<Proof> {
    let mut proofs = Vec::new();
    let mut focuses = Vec::new();
    for (is_allowed, findings) in [(false, &judgement.violations), (true, &judgement.allowed)] {
        for finding in findings {
            for (place, anomaly) in finding.proofs.iter().enumerate() {
                let Some(focus) = focus(plan, history, anomaly) else { continue };
                let diagram = Diagram::default();
                proofs.push(Proof { kind: finding.kind, is_allowed, place, diagram });
                focuses.push(focus);
            }
        }
    }
    // Most runs have no proof, and then there is nothing to look for.
    if focuses.is_empty() {
        return proofs;
    }
    let diagrams = diagram::around(plan, history, &focuses, LIMITS);
    for (proof, diagram) in proofs.iter_mut().zip(diagrams) {
        proof.diagram = diagram;
    }
    proofs
}

/// What a proof is about; none where that is the whole run.
fn focus(plan: &Plan, history: &History, anomaly: &Anomaly) -> Option<Focus> {
    let (messages, delivery) = anomaly.about();
    let deliveries: Vec<(ConsumerIndex, usize)> = delivery.into_iter().collect();
    if messages.is_empty() && deliveries.is_empty() {
        return None;
    }
    let named = |place: &usize| {
        let name = format!("C{}", plan.consumers[*place].number);
        anomaly.consumer.as_ref() == Some(&name)
    };
    let consumers = (0..history.consumers.len()).filter(named).map(ConsumerIndex::new).collect();
    Some(Focus { messages, deliveries, consumers })
}
