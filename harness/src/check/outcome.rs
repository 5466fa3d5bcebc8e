//! What a check hands back: what it found, which promise that breaks, and why there may be no
//! verdict; and the judgement that follows from all of it.

use super::finding::Finding;
use super::judgement::{Judgement, Verdict};
use super::keep::Keep;
use crate::scenario::{AnomalyKind, Delivery, Expect, Order};

/// The promise that an anomaly breaks: `expect` says whether it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    /// Not made by at-most-once.
    NoLoss,
    /// Not made by at-least-once.
    NoDuplicate,
    /// Not made where the order is none.
    AckedOrder,
    /// Made only where the order is per topic.
    OneOrder,
    /// Made by every broker.
    Always,
}

impl Promise {
    pub(super) fn made(self, expect: &Expect) -> bool {
        match self {
            Self::NoLoss => expect.delivery != Delivery::AtMostOnce,
            Self::NoDuplicate => expect.delivery != Delivery::AtLeastOnce,
            Self::AckedOrder => expect.order != Order::None,
            Self::OneOrder => expect.order == Order::PerTopic,
            Self::Always => true,
        }
    }
}

/// What one check concludes, or all of them.
#[derive(Debug, Default)]
pub(super) struct CheckOutcome {
    findings: Vec<(Promise, Finding)>,
    /// Why there is no verdict, a sentence each.
    pub(super) inconclusive: Vec<String>,
}

impl From<(Promise, Finding)> for CheckOutcome {
    fn from(finding: (Promise, Finding)) -> Self {
        Self { findings: vec![finding], inconclusive: Vec::new() }
    }
}

impl CheckOutcome {
    /// What was found of a kind that breaks this promise; nothing at first.
    pub(super) fn finding(
        &mut self,
        promise: Promise,
        kind: AnomalyKind,
        keep: Keep,
    ) -> &mut Finding {
        let same = |own: &(Promise, Finding)| own.0 == promise && own.1.kind == kind;
        let place = self.findings.iter().position(same).unwrap_or_else(|| {
            self.findings.push((promise, Finding::new(kind, keep)));
            self.findings.len() - 1
        });
        &mut self.findings[place].1
    }

    /// Adds what was found of one kind.
    pub(super) fn add(&mut self, promise: Promise, finding: Finding) {
        self.finding(promise, finding.kind, finding.keep).merge(finding);
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.inconclusive.extend(other.inconclusive);
    }

    /// Sorts what was found into violations and what `expect` allows, and says the verdict.
    pub(super) fn conclude(mut self, expect: &Expect) -> Judgement {
        self.findings.retain(|(_, finding)| !finding.is_empty());
        let found = |kind| self.findings.iter().any(|(_, finding)| finding.kind == kind);
        let missed = expect.anomalies.iter().filter(|kind| !found(**kind));
        let missed =
            missed.map(|kind| format!("the scenario expects to find {kind}, and nothing is"));
        let missed: Vec<String> = missed.collect();
        self.inconclusive.extend(missed);
        let (mut violations, mut allowed) = (Vec::new(), Vec::new());
        for (promise, finding) in self.findings {
            let breaks = promise.made(expect) && !expect.allows(finding.kind);
            put(if breaks { &mut violations } else { &mut allowed }, finding);
        }
        let verdict = if !violations.is_empty() {
            Verdict::Fail
        } else if !self.inconclusive.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Pass
        };
        Judgement { verdict, violations, allowed, inconclusive: self.inconclusive }
    }
}

/// Adds a finding to others that ascend by kind.
fn put(others: &mut Vec<Finding>, finding: Finding) {
    match others.binary_search_by_key(&finding.kind, |other| other.kind) {
        Ok(place) => others[place].merge(finding),
        Err(place) => others.insert(place, finding),
    }
}
