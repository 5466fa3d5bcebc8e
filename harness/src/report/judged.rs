//! A judgement without the plan: every index replaced by its name, so that it can outlive the run.

use std::path::PathBuf;

use crate::check::{Blames, Finding, Judgement, Kind, Proof, Verdict};
use crate::plan::{MessageId, Plan};
use crate::scenario::Source;

/// What the checks concluded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Fail beats unknown beats pass.
    pub verdict: Verdict,
    /// What breaks a promise, by kind.
    pub violations: Vec<Found>,
    /// What was found and `expect` allows, by kind.
    pub allowed: Vec<Found>,
    /// Why there is no verdict, a sentence each.
    pub doubts: Vec<String>,
}

/// All anomalies of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Of this kind.
    pub kind: Kind,
    /// How many there are.
    pub count: u64,
    /// How many more there may be, where an outcome is unknown.
    pub possible: u64,
    /// Whom they are blamed on, where the logs themselves were read.
    pub blames: Option<Blames>,
    /// The first of them.
    pub proofs: Vec<Proven>,
}

/// One proven anomaly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// Where: `T2`.
    pub topic: String,
    /// To whom, where it is one consumer's: `C1`.
    pub consumer: Option<String>,
    /// The messages that it is about, at most [`NAMES_MAX`]: `P4#17`.
    pub messages: Vec<String>,
    /// How many messages it is about.
    pub message_count: usize,
    /// The line of a producer log that the first of the messages stands on.
    pub place: Option<(PathBuf, u32)>,
    /// One line.
    pub title: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// Whom it is blamed on, where the logs themselves were read.
    pub blames: Option<Blames>,
}

/// So many messages of a proof are named.
pub const NAMES_MAX: usize = 100;

impl Judged {
    /// Looks up everything that `judgement` refers to.
    #[must_use]
    pub fn new(plan: &Plan, judgement: &Judgement) -> Self {
        let found = |findings: &[Finding]| {
            findings.iter().map(|finding| Found::new(plan, finding)).collect()
        };
        Self {
            verdict: judgement.verdict,
            violations: found(&judgement.violations),
            allowed: found(&judgement.allowed),
            doubts: judgement.doubts.clone(),
        }
    }
}

impl Found {
    fn new(plan: &Plan, finding: &Finding) -> Self {
        Self {
            kind: finding.kind,
            count: finding.count,
            possible: finding.possible,
            blames: finding.blames,
            proofs: finding.proofs.iter().map(|proof| Proven::new(plan, proof)).collect(),
        }
    }
}

impl Proven {
    fn new(plan: &Plan, proof: &Proof) -> Self {
        let name = |id: &MessageId| plan.name(*id).to_string();
        Self {
            topic: plan.topics[proof.topic.place()].name.to_string(),
            consumer: proof
                .consumer
                .map(|consumer| format!("C{}", plan.consumers[consumer.place()].number)),
            messages: proof.messages.iter().take(NAMES_MAX).map(name).collect(),
            message_count: proof.messages.len(),
            place: proof.messages.first().and_then(|id| place(plan, *id)),
            title: proof.title.clone(),
            evidence: proof.evidence.clone(),
            blames: proof.blames,
        }
    }
}

/// The log and the line that a message comes from; none where it is generated.
fn place(plan: &Plan, id: MessageId) -> Option<(PathBuf, u32)> {
    let number = plan.producers[plan.stream(id).producer.place()].number;
    let producer = plan.scenario.producers.iter().find(|producer| producer.number == number)?;
    match &producer.source {
        Source::Log(path) => Some((path.clone(), plan.messages.line(id))),
        Source::Generate { .. } => None,
    }
}
