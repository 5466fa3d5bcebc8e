//! The messages around what the checks found, as diagrams.

use crate::diagram::Diagram;
use crate::scenario::AnomalyKind;

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
