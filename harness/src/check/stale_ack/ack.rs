//! What an ack says of its messages, and the words for one that is contradicted by another.

use crate::check::anomaly::Anomaly;
use crate::check::facts::{Facts, Request};
use crate::check::words::epoch_name;

/// How many messages an ack names an offset for: all of a batch, where they stand one behind the
/// other.
pub(super) fn told(facts: &Facts<'_>, request: &Request) -> u32 {
    if facts.history.scattered_batches { 1 } else { request.count }
}

pub(super) fn offset(request: &Request) -> u64 {
    request.offset.expect("only acks with an offset are compared")
}

/// One ack that names what another one contradicts.
pub(super) fn anomaly(facts: &Facts<'_>, stale: &Request, other: &Request, whose: &str) -> Anomaly {
    let batch = |request: &Request| match request.count {
        1 => String::new(),
        count => format!(" in a batch of {count}"),
    };
    let title = format!(
        "{} was acked at offset {} of {}{}{}, and {whose} offset {} for {}{}",
        facts.plan.describe(stale.first),
        offset(stale),
        facts.plan.topics[stale.topic.place()].name,
        epoch_name(facts, stale.epoch),
        batch(stale),
        offset(other),
        facts.plan.describe(other.first),
        batch(other),
    );
    Anomaly::new(facts.plan, stale.topic, None, &[stale.first, other.first], title)
}
