//! What the checks concluded, in the JSON report.

use serde::Serialize;

use crate::check::{self, Anomaly, Blames, Finding, Verdict};

/// What the checks concluded.
#[derive(Serialize)]
pub(super) struct Judgement<'a> {
    /// `pass`, `fail` or `unknown`.
    verdict: &'static str,
    violations: Vec<Anomalies<'a>>,
    /// Found, and allowed by `expect`.
    allowed: Vec<Anomalies<'a>>,
    /// Why there is no verdict.
    doubts: &'a [String],
}

#[derive(Serialize)]
struct Anomalies<'a> {
    /// `lost`, `duplicate`, ...
    kind: &'static str,
    count: u64,
    /// How many more there may be, where an outcome is unknown.
    possible: u64,
    /// Where they got lost, where the logs themselves were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blame>,
    /// The first of them.
    proofs: Vec<Proof<'a>>,
}

#[derive(Serialize)]
struct Proof<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<&'a str>,
    /// The first hundred.
    messages: &'a [String],
    message_count: usize,
    /// The producer log and the line that the first message comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    title: &'a str,
    evidence: &'a [String],
    /// Of its messages alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blame>,
}

/// Lost deliveries by where they got lost.
#[derive(Serialize)]
struct Blame {
    never_stored: u64,
    not_delivered: u64,
    log_gone: u64,
    unread: u64,
}

impl<'a> Judgement<'a> {
    pub(super) fn new(judgement: &'a check::Judgement) -> Self {
        let all = |findings: &'a [Finding]| findings.iter().map(Anomalies::new).collect();
        Self {
            verdict: match judgement.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "fail",
                Verdict::Unknown => "unknown",
            },
            violations: all(&judgement.violations),
            allowed: all(&judgement.allowed),
            doubts: &judgement.inconclusive,
        }
    }
}

impl<'a> Anomalies<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            kind: finding.kind.as_str(),
            count: finding.count,
            possible: finding.possible,
            blame: finding.blames.map(Blame::new),
            proofs: finding.proofs.iter().map(Proof::new).collect(),
        }
    }
}

impl<'a> Proof<'a> {
    fn new(anomaly: &'a Anomaly) -> Self {
        Self {
            topic: &anomaly.topic,
            consumer: anomaly.consumer.as_deref(),
            messages: &anomaly.messages,
            message_count: anomaly.message_count,
            file: anomaly.origin.as_ref().map(|(file, _)| file.display().to_string()),
            line: anomaly.origin.as_ref().map(|(_, line)| *line),
            title: &anomaly.title,
            evidence: &anomaly.evidence,
            blame: anomaly.blames.map(Blame::new),
        }
    }
}

impl Blame {
    const fn new(blames: Blames) -> Self {
        let Blames { never_stored, not_delivered, log_gone, unread } = blames;
        Self { never_stored, not_delivered, log_gone, unread }
    }
}
