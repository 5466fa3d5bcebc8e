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
mod merge;
mod out_of_order;
mod place;

use std::collections::BTreeMap;

use self::acks::{Acks, DeliveryPlaces};
use self::out_of_order::OutOfOrder;
use super::facts::{Facts, Log, Stray, strays};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use crate::plan::{MessageId, TopicIndex};
use crate::scenario::{AnomalyKind, Delivery, Order};

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut order = Finding::new(AnomalyKind::Divergent);
    let mut place = Finding::new(AnomalyKind::Divergent);
    let mut acks = Acks::new(facts);
    for topic in (0..facts.plan.topics.len()).map(TopicIndex::new) {
        let mut counted = DeliveryPlaces::new();
        let mut blind = false;
        for log in facts.logs.iter().filter(|log| log.topic == topic) {
            counted.append(&mut place::misplaced(facts, log, &mut acks, &mut place));
            let named = Named::of(facts, log);
            let sure = if log.uneven.is_empty() { BTreeMap::new() } else { places(log) };
            for feed in &log.uneven {
                for stray in by_offset(facts, log, *feed, &named, &mut counted, &mut acks) {
                    // What acks or others contradict is at a wrong place, whatever the order is.
                    let is_elsewhere = named.contradict(&stray)
                        || is_elsewhere_for_others(facts, log, &sure, &stray);
                    let found = if is_elsewhere { &mut place } else { &mut order };
                    found.add(|| OutOfOrder::new(*feed, &stray).anomaly(facts));
                }
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

/// What is out of order in a feed whose offsets do not ascend, and is not counted yet.
fn by_offset(
    facts: &Facts<'_>,
    log: &Log,
    feed: usize,
    named: &Named,
    counted: &mut DeliveryPlaces,
    acks: &mut Acks<'_>,
) -> Vec<Stray> {
    let mut steps = log.steps(facts.history, &facts.requests, &facts.feeds[feed]);
    steps.retain(|step| !counted.contains(&(feed, step.place)));
    let mut found = Vec::new();
    if facts.plan.scenario.expect.order == Order::None {
        // It is no answer that the acks know a better order, for none is promised.
        found = strays(&steps);
        found.retain(|stray| named.contradict(stray));
        counted.extend(found.iter().map(|stray| (feed, stray.step.place)));
        steps.retain(|step| !counted.contains(&(feed, step.place)));
    }
    steps.retain(|step| !acks.contradict(feed, step.place));
    let strays = strays(&steps);
    counted.extend(strays.iter().map(|stray| (feed, stray.step.place)));
    found.extend(strays);
    found
}

/// The offsets that acks named in a log that is not even, ascending.
struct Named {
    by_offset: Vec<(u64, MessageId)>,
    by_message: Vec<(MessageId, u64)>,
}

impl Named {
    fn of(facts: &Facts<'_>, log: &Log) -> Self {
        let mut by_offset = Vec::new();
        if !log.uneven.is_empty() {
            for request in facts.requests.on(log.topic).filter(|own| own.epoch == log.epoch) {
                let messages = request.messages().map(MessageId::new);
                let offset = |own| Some((request.offset_of(facts.history, own)?, own));
                by_offset.extend(messages.filter_map(offset));
            }
        }
        by_offset.sort_unstable();
        let mut by_message: Vec<_> = by_offset.iter().map(|(at, own)| (*own, *at)).collect();
        by_message.sort_unstable();
        Self { by_offset, by_message }
    }

    /// Whether acks named another offset for a message, or its offset for another message only.
    fn contradict(&self, stray: &Stray) -> bool {
        let (offset, message) = stray.step.entry();
        if self.by_offset.binary_search(&(offset, message)).is_ok() {
            return false;
        }
        let place = self.by_offset.partition_point(|(at, _)| *at < offset);
        let is_taken = self.by_offset.get(place).is_some_and(|(at, _)| *at == offset);
        let place = self.by_message.partition_point(|(own, _)| *own < message);
        is_taken || self.by_message.get(place).is_some_and(|(own, _)| *own == message)
    }
}

/// By message, the offset at which a delivery in its order proves it.
fn places(log: &Log) -> BTreeMap<MessageId, u64> {
    let sure = log.entries.iter().filter(|(offset, message)| log.proves(*offset, *message));
    sure.map(|(offset, message)| (*message, *offset)).collect()
}

/// Whether other consumers prove that a message stands at another offset, where it may stand at one
/// only. Proven at both, it stands there twice, which is a duplicate.
fn is_elsewhere_for_others(
    facts: &Facts<'_>,
    log: &Log,
    sure: &BTreeMap<MessageId, u64>,
    stray: &Stray,
) -> bool {
    let (message, offset) = (stray.step.message, stray.step.offset);
    facts.plan.scenario.expect.delivery != Delivery::AtLeastOnce
        && sure.get(&message).is_some_and(|known| *known != offset)
        && !log.proves(offset, message)
}
