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
//! neither that nor the first that it should have come before takes part in the comparison: it is known
//! which consumer is wrong, and about what. Nor is compared, where offsets do not tell, what may be of
//! the second place of its message in the log.
//!
//! *Place*: C1 gets `P1#3` at offset 12 and C2 gets `P2#8` at offset 12 of the same epoch. What the
//! ack named, else what most consumers got, stands at an offset; each run of neighbouring deliveries
//! at a consumer whose offsets hold other messages counts one, or as many as are late in it. So does a
//! consumer whose offsets begin again with every poll: nothing that it got is then compared by offset.
//!
//! Divergence of order breaks a promise only with `order: per-topic`; that of place always, for one
//! offset holds one message whatever the order is. A delivery that is out of order at another offset
//! than its ack named, or at one that another's ack named, is wrong about the place.

mod acks;
mod known;
mod merge;
mod out_of_order;
mod place;

use self::acks::{Acks, DeliveryPlaces};
use self::known::Known;
use self::out_of_order::OutOfOrder;
use super::facts::{Facts, Log, Stray, strays};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use crate::plan::TopicIndex;
use crate::scenario::{AnomalyKind, Order};

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut order = Finding::new(AnomalyKind::Divergent, facts.keep);
    let mut place = Finding::new(AnomalyKind::Divergent, facts.keep);
    let mut acks = Acks::new(facts);
    for topic in (0..facts.plan.topics.len()).map(TopicIndex::new) {
        let mut counted = DeliveryPlaces::new();
        let mut blind = false;
        for log in facts.logs.iter().filter(|log| log.topic == topic) {
            counted.append(&mut place::misplaced(facts, log, &mut acks, &mut place));
            let known = Known::of(facts, log);
            for feed in &log.uneven {
                for stray in by_offset(facts, log, *feed, &known, &mut counted, &mut acks) {
                    // What is known to be elsewhere is at a wrong place, whatever the order is.
                    let found = if known.contradicts(&stray) { &mut place } else { &mut order };
                    let out = OutOfOrder::new(*feed, &stray);
                    found.add_at(out.share(facts), 1, || out.anomaly(facts));
                }
            }
            blind |= log.blind;
        }
        if blind {
            // Offsets tell nothing of the deliveries that came without; the others are in their
            // places by now, but for those that are counted.
            acks.add_all(topic, &mut counted);
            for late in merge::late(facts, topic, &counted, &acks) {
                order.add_at(late.share(facts), 1, || late.anomaly(facts));
            }
        }
    }
    let mut outcome = CheckOutcome::from((Promise::Always, place));
    outcome.add(Promise::OneOrder, order);
    outcome
}

/// What is out of order in a feed whose offsets do not ascend, and is not counted yet.
fn by_offset(
    facts: &Facts<'_>,
    log: &Log,
    feed: usize,
    known: &Known,
    counted: &mut DeliveryPlaces,
    acks: &mut Acks<'_>,
) -> Vec<Stray> {
    let mut steps = log.steps(facts.history, &facts.requests, &facts.feeds[feed]);
    steps.retain(|step| !counted.contains(&(feed, step.place)));
    let mut found = Vec::new();
    if facts.plan.scenario.expect.order == Order::None {
        // It is no answer that the acks know a better order, for none is promised.
        found = strays(&steps);
        found.retain(|stray| known.acks_contradict(stray));
        counted.extend(found.iter().map(|stray| (feed, stray.step.place)));
        steps.retain(|step| !counted.contains(&(feed, step.place)));
    }
    steps.retain(|step| !acks.contradict(feed, step.place));
    let strays = strays(&steps);
    counted.extend(strays.iter().map(|stray| (feed, stray.step.place)));
    found.extend(strays);
    found
}
