//! Thresholds: what `expect` asks of the figures of a run, and whether it was met.

use schemars::JsonSchema;
use serde::Serialize;

/// A threshold and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Threshold {
    /// As it is written: `ack p99`, `end_to_end p99.9`, `throughput`, `recovery`, `backlog`.
    pub name: String,
    /// With its comparison: `at most 5 ms`, `at least 10,000/s`.
    pub limit: String,
    /// What was measured, in the same unit; none where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
    /// What came of it.
    pub state: State,
    /// Why there is no verdict, or where it was missed: `after kill broker`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What came of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The figures are within the limit.
    Met,
    /// They are not.
    Missed,
    /// There are none, or too few.
    NoData,
}
