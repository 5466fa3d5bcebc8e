//! What a run proves, judged while its broker is still up: where something is missing, the logs
//! themselves are read, and then it is judged again, so that the loss is blamed on somebody.

use crate::check::{self, Judgement};
use crate::history::History;
use crate::plan::Plan;
use crate::run::{self, Stage};
use crate::scenario::AnomalyKind;

/// An audited broker keeps everything. Up to so many bytes of it are fine beside the usual limit of
/// its memory; a larger run does without the audit.
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

/// Judges what the actors saw; `audits` where the broker may be asked for its logs.
pub(super) async fn judge(
    stage: &Stage,
    mut history: History,
    audits: bool,
) -> (History, Judgement) {
    let mut judgement = blocking(|| check::judge(&stage.plan, &history));
    if audits && judgement.found(AnomalyKind::Lost).next().is_some() {
        history.audit = run::audit(stage, &history).await;
        if !history.audit.is_empty() {
            history.epochs = stage.recorder.epochs();
            judgement = blocking(|| check::judge(&stage.plan, &history));
        }
    }
    if let Some(folder) = &stage.out {
        for doubt in blocking(|| super::logged::compare(&stage.plan, &history, folder)) {
            judgement.mark_inconclusive(doubt);
        }
    }
    (history, judgement)
}

/// Judging takes long, and others work on the same threads; a simulation has one thread.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::current().runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
