//! The answer to the one question, with its proofs: what checks conclude and reports show.

use schemars::JsonSchema;
use serde::Serialize;

use super::finding::Finding;
use crate::scenario::AnomalyKind;

/// The answer to the one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every acknowledged message reached every consumer entitled to it, as promised.
    Pass,
    /// At least one promise is proven broken.
    Fail,
    /// Nothing is proven broken, and something keeps it from being proven kept.
    Unknown,
}

/// What the checks conclude. It has names and no indices, so that it can outlive the plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Judgement {
    /// Fail beats unknown beats pass.
    pub verdict: Verdict,
    /// What breaks a promise: one entry a kind that was found, in the order of [`AnomalyKind::ALL`].
    pub violations: Vec<Finding>,
    /// What was found and `expect` allows, in the same order.
    pub allowed: Vec<Finding>,
    /// Why there is no verdict, a sentence each; empty on a plain pass.
    #[serde(rename = "doubts")]
    pub inconclusive: Vec<String>,
}

/// What a reason begins with that is about something which the scenario requires and that did not
/// happen.
pub(super) const VACUOUS: &str = "vacuous: ";

/// Whether there is no verdict because what the scenario requires did not happen.
#[must_use]
pub fn is_vacuous(reason: &str) -> bool {
    reason.starts_with(VACUOUS)
}

impl Judgement {
    /// What was found of a kind, violations and what is allowed.
    pub fn found(&self, kind: AnomalyKind) -> impl Iterator<Item = &Finding> {
        let all = self.violations.iter().chain(&self.allowed);
        all.filter(move |finding| finding.kind == kind)
    }

    /// Adds a reason why there is no verdict; what was proven stays proven.
    pub fn mark_inconclusive(&mut self, why: String) {
        self.inconclusive.insert(0, why);
        if self.verdict == Verdict::Pass {
            self.verdict = Verdict::Unknown;
        }
    }
}
