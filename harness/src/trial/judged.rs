//! What a run proves, judged when all of it is over: by the checks, and by the consumers' logs.

use std::path::Path;

use crate::check::{self, Judgement};
use crate::history::History;
use crate::plan::Plan;

/// A broker that can be audited keeps everything. Up to so many bytes of it are fine beside the usual
/// limit of its memory; a larger run does without the audit.
const KEPT_MAX: u64 = 256 << 20;

/// What a message costs in memory beside its payload, in bytes.
const EACH: u64 = 100;

/// Whether our own broker is to keep everything for an audit: where something is done to the run on
/// purpose, as far as its memory allows.
pub(super) fn wants_audit(plan: &Plan) -> bool {
    let scenario = &plan.scenario;
    !scenario.faults.is_empty() && (scenario.broker.store.has_database() || fits(plan))
}

fn fits(plan: &Plan) -> bool {
    let messages = plan.messages.len() as u64;
    plan.messages.bytes() as u64 + messages * EACH <= KEPT_MAX
}

/// Judges what the actors saw; their logs are in `out`, if they wrote any.
pub(super) fn judge(plan: &Plan, history: &History, out: Option<&Path>) -> Judgement {
    let work = || {
        let mut judgement = check::judge(plan, history);
        for doubt in out.map(|out| super::logged::compare(plan, history, out)).into_iter().flatten()
        {
            judgement.mark_inconclusive(doubt);
        }
        judgement
    };
    // Judging takes long, and others work on the same threads; a simulation has one thread.
    match tokio::runtime::Handle::current().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
