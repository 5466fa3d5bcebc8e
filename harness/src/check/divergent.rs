//! Divergent: two consumers of one topic cannot both be right about its log.
//!
//! *Order*: C1 gets `P1#3` and then `P2#8`, C2 gets `P2#8` and then `P1#3`. Where the broker tells
//! offsets they say which of the two is right, and one walk of each feed finds the one that is not:
//! counted are the fewest first deliveries without which the others ascend by offset. Where some or
//! all deliveries of a topic came without offsets, the feeds are also merged into one order. Where no
//! order agrees with all of them (two contradict each other, or three do in a circle), the order of
//! most feeds wins. What comes late against the result is counted, once. Either way two unordered
//! neighbours swapped at one consumer count one.
//!
//! Acks decide first. What they prove to be late is *reordered* and not counted here again, and
//! neither that nor what it should have come before takes part in the comparison: it is known which
//! consumer is wrong, and about what.
//!
//! *Place*: C1 gets `P1#3` at offset 12 and C2 gets `P2#8` at offset 12 of the same epoch. What the
//! ack named, else what most consumers got, stands at an offset; each run of neighbouring deliveries
//! at a consumer whose offsets hold other messages counts one, or as many as are late in it. So does a
//! consumer whose offsets begin again with every poll: nothing that it got is then compared by offset.
//!
//! Divergence of order breaks a promise only with `order: per-topic`; that of place always, for one
//! offset holds one message whatever the order is.

mod acks;
mod merge;
mod out_of_order;
mod place;

use self::acks::{Acks, DeliveryPlaces};
use self::out_of_order::OutOfOrder;
use super::facts::{Facts, Log, steps, strays};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use crate::plan::TopicIndex;
use crate::scenario::AnomalyKind;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut order = Finding::new(AnomalyKind::Divergent);
    let mut place = Finding::new(AnomalyKind::Divergent);
    let mut acks = Acks::new(facts);
    for topic in (0..facts.plan.topics.len()).map(TopicIndex::new) {
        let mut counted = DeliveryPlaces::new();
        let mut blind = false;
        for log in facts.logs.iter().filter(|log| log.topic == topic) {
            counted.append(&mut place::misplaced(facts, log, &mut acks, &mut place));
            for feed in &log.uneven {
                by_offset(facts, log, *feed, &mut counted, &mut acks, &mut order);
            }
            blind |= log.blind;
        }
        if blind {
            // Offsets tell nothing of the deliveries that came without; the others are in their
            // places by now, but for those that are counted.
            acks.add_all(topic, &mut counted);
            for late in merge::late(facts, topic, &counted, &acks) {
                order.add(|| late.anomaly(facts));
            }
        }
    }
    let mut outcome = CheckOutcome::from((Promise::Always, place));
    outcome.add(Promise::OneOrder, order);
    outcome
}

/// Counts what is out of order in a feed whose offsets do not ascend.
fn by_offset(
    facts: &Facts<'_>,
    log: &Log,
    feed: usize,
    counted: &mut DeliveryPlaces,
    acks: &mut Acks<'_>,
    order: &mut Finding,
) {
    let mut steps = steps(facts.history, &facts.requests, &facts.feeds[feed], log.epoch);
    steps.retain(|step| !counted.contains(&(feed, step.place)));
    steps.retain(|step| !acks.contradict(feed, step.place));
    for stray in strays(&steps) {
        counted.insert((feed, stray.step.place));
        order.add(|| OutOfOrder::new(feed, &stray).anomaly(facts));
    }
}
