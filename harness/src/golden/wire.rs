//! What only a run shows about the lines of its ledger: which wire its broker speaks.

use crate::history::History;
use crate::plan::Plan;
use crate::scenario::DEFAULT_DRIVER;

/// Whether faults met a broker that turned out to know only the original routes: nothing is repeated
/// there, so that fewer messages may come than the plan says, and others each time.
///
/// The plan says so itself of `driver: original`. Where the driver finds out, a registration shows
/// it: only our wire has epochs.
pub fn found_helpless(plan: &Plan, history: &History) -> bool {
    let mut sessions = history.producers.iter().flat_map(|part| &part.sessions);
    plan.is_disturbed()
        && plan.scenario.broker.driver == DEFAULT_DRIVER
        && sessions.any(|session| session.epoch.is_none())
}
