//! Sabotage: a store wrapper that is wrong on purpose, in exactly one way, and writes down what it
//! did. It proves the checks: they must find what was written down, all of it, and nothing else.
//!
//! Each way is a [`Trick`] and built so that it is one anomaly and no other. Where it changes what
//! one consumer gets, a poll that is repeated gets the same wrong answer again. Polls without an
//! offset (those of clients that know only the original routes) are answered truly, because what
//! they brought cannot be taken back.
//!
//! - [`answers`]: lose, duplicate, corrupt. [`acks`]: stale-ack, resurrect.
//! - [`ghosts`]: phantom, misroute. [`swaps`]: reorder, diverge. [`early`]: early.

mod acks;
mod answers;
mod early;
mod foresight;
mod ghosts;
mod kind;
mod lanes;
mod places;
mod record;
mod store;
mod swaps;
#[cfg(test)]
mod tests;
mod told;
mod truth;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use broker::store::Store;

use self::foresight::Foresight;
pub use self::kind::{Amount, Kind, Order, USUAL};
pub use self::places::{Place, Places};
pub use self::record::{Injected, Record, read};
use self::store::{Saboteur, Trick};
use self::truth::Truth;
use crate::plan::Plan;

/// Wraps a store that nobody has used yet, so that it does what the order says to a run of this
/// plan, and notes what it does in the record.
#[must_use]
pub fn wrap(
    store: Arc<dyn Store>,
    order: &Order,
    plan: &Arc<Plan>,
    record: Record,
) -> Arc<dyn Store> {
    make(Truth::new(store, record, Places::choose(plan, order)), order.kind, plan)
}

/// What tells the `broker` subcommand to do what the order says to a run of this plan, and to note
/// it in the file `record`.
#[must_use]
pub fn arguments(order: &Order, plan: &Plan, record: &Path) -> Vec<OsString> {
    let scenario = plan.scenario.file.as_os_str().to_owned();
    vec![
        "--sabotage".into(),
        order.to_string().into(),
        "--sabotage-scenario".into(),
        scenario,
        "--sabotage-log".into(),
        record.as_os_str().to_owned(),
    ]
}

fn make(truth: Truth, kind: Kind, plan: &Arc<Plan>) -> Arc<dyn Store> {
    fn boxed(truth: Truth, trick: impl Trick) -> Arc<dyn Store> {
        Arc::new(Saboteur { truth, trick })
    }
    let foresight = || Foresight::new(Arc::clone(plan));
    match kind {
        Kind::Lose => boxed(truth, answers::Answers::new(answers::Change::Lose)),
        Kind::Duplicate => boxed(truth, answers::Answers::new(answers::Change::Duplicate)),
        Kind::Corrupt => boxed(truth, answers::Answers::new(answers::Change::Corrupt)),
        Kind::Reorder => boxed(truth, swaps::Reorder::new(foresight())),
        Kind::Diverge => boxed(truth, swaps::Diverge::default()),
        Kind::Phantom => boxed(truth, ghosts::Phantom::default()),
        Kind::Misroute => boxed(truth, ghosts::Misroute::default()),
        Kind::Resurrect => boxed(truth, acks::Resurrect::default()),
        Kind::StaleAck => boxed(truth, acks::StaleAck::default()),
        Kind::Early => boxed(truth, early::Early::new(foresight())),
    }
}
