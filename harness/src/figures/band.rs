//! When faults were, for drawing them beside what they did.

use std::time::Duration;

use serde::Serialize;

use super::latency::nanos;

/// So many firings are kept.
pub const BANDS_MAX: usize = 200;

/// One firing of a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Band {
    /// Its place among the summary's faults.
    pub fault: usize,
    /// The key that asks for it: `kill`.
    pub key: String,
    /// What it was about: `broker`, `database`, or actors (`P4 C2`).
    pub target: String,
    /// Since the run began.
    #[serde(rename = "began_ns", serialize_with = "nanos")]
    pub began: Duration,
    /// Since the run began.
    #[serde(rename = "ended_ns", serialize_with = "nanos")]
    pub ended: Duration,
    /// How much traffic it met.
    pub met: u64,
    /// Acked and not yet delivered when it had taken effect; none where that moment was not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u64>,
}
