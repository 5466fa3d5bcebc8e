//! When faults were, for drawing them beside what they did.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::latency::nanos;
use crate::history::History;
use crate::plan::Plan;

/// So many firings are kept.
pub const BANDS_MAX: usize = 200;

/// One firing of a fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Band {
    /// Its place among the summary's faults.
    pub fault: usize,
    /// The key that asks for it: `kill`.
    pub key: String,
    /// What it was about: `broker`, `database`, or actors (`P4 C2`).
    pub target: String,
    /// Since the run began.
    #[serde(rename = "began_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub began: Duration,
    /// Since the run began.
    #[serde(rename = "ended_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub ended: Duration,
    /// How much traffic it met.
    pub met: u64,
    /// Acked and not yet delivered when it had taken effect; none where that moment was not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backlog: Option<u64>,
}

/// The firings of a run, and how many are left out; `backlogs` is by firing.
pub(super) fn bands(plan: &Plan, history: &History, backlogs: &[Option<u64>]) -> (Vec<Band>, u64) {
    let mut firings: Vec<_> = history.faults.iter().zip(backlogs).collect();
    firings.sort_by_key(|(firing, _)| firing.began);
    let left_out = firings.len().saturating_sub(BANDS_MAX);
    let bands = firings.into_iter().take(BANDS_MAX).map(|(firing, backlog)| {
        let fault = plan.scenario.faults.get(firing.fault as usize);
        Band {
            fault: firing.fault as usize,
            key: fault.map(|own| own.action.key().to_owned()).unwrap_or_default(),
            target: firing.whom.clone(),
            began: Duration::from_nanos(firing.began.at),
            ended: Duration::from_nanos(firing.ended.at),
            met: firing.met,
            backlog: *backlog,
        }
    });
    (bands.collect(), left_out as u64)
}
