//! Divergent: two consumers of one topic cannot both be right about its log.
//!
//! *Order*: C1 gets `P1#3` and then `P2#8`, C2 gets `P2#8` and then `P1#3`. Where the broker tells
//! offsets they say which of the two is right, and one walk of each feed finds the one that is not: a
//! first delivery that comes after one with a greater offset is late. Where some or all deliveries of
//! a topic came without offsets, the feeds are also merged into one order. Where no order agrees with
//! all of them (two contradict each other, or three do in a circle), the order of most feeds wins.
//! What comes late against the result is counted, once. Either way two unordered neighbours swapped
//! at one consumer count one. What the acks prove to be late is *reordered* and
//! not counted here again: then it is known which consumer is wrong, and about what.
//!
//! *Place*: C1 gets `P1#3` at offset 12 and C2 gets `P2#8` at offset 12 of the same epoch. Most
//! consumers say what stands at an offset; each run of neighbouring deliveries at a consumer whose
//! offsets hold other messages counts one, or as many as are late in it.
//!
//! Divergence of order breaks a promise only with `order: per-topic`; that of place always.

mod merge;

use std::collections::BTreeMap;

use merge::DeliveryPlaces;

use super::anomaly::Anomaly;
use super::facts::{Facts, Feed, Late, Log};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use super::reordered;
use super::words::consumer_name;
use crate::plan::{MessageId, TopicIndex};
use crate::scenario::AnomalyKind;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut order = Finding::new(AnomalyKind::Divergent);
    let mut place = Finding::new(AnomalyKind::Divergent);
    let mut explained = Explained { facts, late: BTreeMap::new() };
    for topic in (0..facts.plan.topics.len()).map(TopicIndex::new) {
        let mut counted = DeliveryPlaces::new();
        let mut blind = false;
        for log in facts.logs.iter().filter(|log| log.topic == topic) {
            counted.append(&mut misplaced(facts, log, &mut explained, &mut place));
            for late in &log.late {
                if counted.insert((late.feed, late.place)) {
                    explained.add(*late, &mut order);
                }
            }
            blind |= log.blind;
        }
        if blind {
            // Offsets tell nothing of the deliveries that came without; the others are in their
            // places by now, but for those that are counted.
            for late in merge::late(facts, topic, &counted) {
                explained.add(late, &mut order);
            }
        }
    }
    let mut outcome = CheckOutcome::from((Promise::Always, place));
    outcome.add(Promise::OneOrder, order);
    outcome
}

/// What is known to be reordered, by feed, worked out when it is first needed.
struct Explained<'a> {
    facts: &'a Facts<'a>,
    late: BTreeMap<usize, Vec<usize>>,
}

impl Explained<'_> {
    fn reordered(&mut self, feed: usize, place: usize) -> bool {
        let facts = self.facts;
        let late = self.late.entry(feed);
        let late = late.or_insert_with(|| reordered::late(facts, &facts.feeds[feed]));
        late.binary_search(&place).is_ok()
    }

    fn add(&mut self, late: Late, order: &mut Finding) {
        if !self.reordered(late.feed, late.place) {
            order.add(|| out_of_order(self.facts, late));
        }
    }
}

/// Finds the deliveries at offsets that hold another message for most consumers.
fn misplaced(
    facts: &Facts<'_>,
    log: &Log,
    explained: &mut Explained<'_>,
    found: &mut Finding,
) -> DeliveryPlaces {
    let mut places = DeliveryPlaces::new();
    if log.disputed.is_empty() {
        return places;
    }
    let holders = holders(facts, log);
    let home: BTreeMap<MessageId, u64> = holders.iter().map(|(at, m)| (*m, *at)).collect();
    for (place, feed) in facts.feeds.iter().enumerate().filter(|(_, f)| f.topic == log.topic) {
        let mut run: Vec<Misplaced> = Vec::new();
        for (seen, message) in feed.firsts_of_life(facts.history, log.epoch) {
            let Some(offset) = seen.delivery.offset() else {
                close(facts, (place, feed), &mut run, explained, found);
                continue;
            };
            match holders.get(&offset) {
                Some(holder) if *holder != message => {
                    places.insert((place, seen.place));
                    let home = home.get(&message).copied();
                    run.push(Misplaced {
                        place: seen.place,
                        message,
                        offset,
                        holder: *holder,
                        home,
                    });
                }
                _ => close(facts, (place, feed), &mut run, explained, found),
            }
        }
        close(facts, (place, feed), &mut run, explained, found);
    }
    places
}

/// By disputed offset: the message that most consumers have there; of equals the first claim.
fn holders(facts: &Facts<'_>, log: &Log) -> BTreeMap<u64, MessageId> {
    let mut claims: BTreeMap<u64, Vec<(MessageId, u32)>> = BTreeMap::new();
    for feed in facts.feeds_of(log.topic) {
        for (seen, message) in feed.firsts_of_life(facts.history, log.epoch) {
            let Some(offset) = seen.delivery.offset() else { continue };
            if log.disputed.binary_search(&offset).is_ok() {
                let claims = claims.entry(offset).or_default();
                match claims.iter_mut().find(|claim| claim.0 == message) {
                    Some(claim) => claim.1 += 1,
                    None => claims.push((message, 1)),
                }
            }
        }
    }
    let winner = |claims: Vec<(MessageId, u32)>| {
        let most = claims.iter().map(|claim| claim.1).max();
        claims.into_iter().find(|claim| Some(claim.1) == most).map(|claim| claim.0)
    };
    claims.into_iter().filter_map(|(at, claims)| Some((at, winner(claims)?))).collect()
}

/// A delivery at an offset that is another message's.
struct Misplaced {
    place: usize,
    message: MessageId,
    offset: u64,
    holder: MessageId,
    /// The disputed offset that most consumers have it at.
    home: Option<u64>,
}

/// Counts a run of misplaced deliveries and empties it.
fn close(
    facts: &Facts<'_>,
    (place, feed): (usize, &Feed),
    run: &mut Vec<Misplaced>,
    explained: &mut Explained<'_>,
    found: &mut Finding,
) {
    let Some(first) = run.first() else { return };
    let mut top = None;
    let mut late = Vec::new();
    for entry in run.iter().filter(|entry| entry.home.is_some()) {
        if entry.home < top {
            late.push(entry.place);
        }
        top = top.max(entry.home);
    }
    let swapped = !late.is_empty();
    late.retain(|late| !explained.reordered(place, *late));
    let count = if swapped { late.len() as u64 } else { 1 };
    if count > 0 {
        found.add_many(count, || out_of_place(facts, feed, first));
    }
    run.clear();
}

fn out_of_place(facts: &Facts<'_>, feed: &Feed, misplaced: &Misplaced) -> Anomaly {
    let title = format!(
        "{} got {} at offset {} of {}, where others got {}",
        consumer_name(facts, feed.consumer),
        facts.plan.describe(misplaced.message),
        misplaced.offset,
        facts.plan.topics[feed.topic.place()].name,
        facts.plan.describe(misplaced.holder),
    );
    let messages = [misplaced.message, misplaced.holder];
    Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &messages, title)
}

fn out_of_order(facts: &Facts<'_>, late: Late) -> Anomaly {
    let feed = &facts.feeds[late.feed];
    let title = format!(
        "{} got {} after {}, the log has them the other way round",
        consumer_name(facts, feed.consumer),
        facts.plan.describe(late.message),
        facts.plan.describe(late.ahead),
    );
    let messages = [late.message, late.ahead];
    Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &messages, title)
}
