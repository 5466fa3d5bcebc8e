//! Reordered: x was acked before y was sent, so x is before y in the log; a consumer got y first.
//!
//! Example: P1 sends `P1#1`, waits for its ack, sends `P1#2`; C1 gets `P1#2` and then `P1#1`. With
//! `order: per-topic` the same holds between any two producers of the topic, for the ack of one was
//! in before the other's message left. Within one batch the earlier message is before the later.
//!
//! Where a producer has several requests under way at a time (`in_flight`), the driver promises that
//! the broker stores them in the order in which they were issued: then one that was acked and left
//! before another under the same registration is before it, even if that one left before the ack.
//!
//! An ack that is unknown counts as never, so it proves nothing: that one rule covers time-outs and
//! retries. Only first deliveries count; what is a repeat, too early or from elsewhere has its own
//! kind. One sweep of a feed keeps the greatest invoke stamp seen so far: a message that was acked
//! before it is late. Each late delivery counts as one, so two neighbours swapped are one.

use std::collections::BTreeMap;

use super::anomaly::Anomaly;
use super::facts::{Facts, Fate, Feed, Request, Seen};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use super::words::consumer_name;
use crate::history::Stamp;
use crate::plan::{MessageId, StreamIndex};
use crate::scenario::{AnomalyKind, Order};

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut found = Finding::new(AnomalyKind::Reordered, facts.keep);
    for part in facts.parallel(&facts.feeds, |feed| judge(facts, feed)) {
        found.merge(part);
    }
    (Promise::AckedOrder, found).into()
}

fn judge(facts: &Facts<'_>, feed: &Feed) -> Finding {
    let mut found = Finding::new(AnomalyKind::Reordered, facts.keep);
    sweep(facts, feed, |late, witness| {
        found.add_at(feed.share(), 1, || anomaly(facts, feed, late, witness));
    });
    found
}

/// The places (among the consumer's deliveries) of what the acks prove to be out of order in a feed,
/// ascending: each late delivery, and the first that came before it and is behind it. Where two are
/// swapped these are the two, wherever they stand.
pub(super) fn displaced(facts: &Facts<'_>, feed: &Feed) -> Vec<usize> {
    let mut late = Vec::new();
    sweep(facts, feed, |seen, _| late.push(seen.place));
    if late.is_empty() {
        return late;
    }
    let streams = facts.plan.topics[feed.topic.place()].streams.len();
    let one_order = facts.plan.scenario.expect.order == Order::PerTopic;
    // Of what is compared with each other: the deliveries that left later than all before them.
    let mut newest: Vec<Vec<(Stamp, usize)>> =
        vec![Vec::new(); if one_order { 1 } else { streams }];
    // Of the batches: what came of them, and where.
    let mut batches: BTreeMap<u32, Vec<(MessageId, usize)>> = BTreeMap::new();
    // By stream's place on its topic, where several requests are under way: the same of one
    // registration.
    let in_flight = in_flight(facts, feed);
    let mut issued: Vec<BTreeMap<u32, Vec<(Stamp, usize)>>> = vec![BTreeMap::new(); streams];
    let mut ahead = Vec::new();
    for (seen, message) in feed.firsts(facts.history) {
        let request = facts.requests.of(message).expect("a first delivery was sent");
        let from = facts.requests.sent_from(message, request);
        let newest = &mut newest[if one_order { 0 } else { request.slot as usize }];
        if late.binary_search(&seen.place).is_ok() {
            let first = newest.partition_point(|(from, _)| *from <= request.acked);
            let by_ack = newest.get(first).map(|(_, place)| *place);
            let batch = batches.get(&facts.requests.place_of(message));
            let by_batch = batch.and_then(|came| came.iter().find(|(other, _)| *other > message));
            let by_issue = issued[request.slot as usize].get(&session(facts, request));
            let by_issue = by_issue.filter(|_| !request.repeated).and_then(|came| {
                came.get(came.partition_point(|(from, _)| *from <= request.invoked))
            });
            let others = by_batch.map(|(_, place)| *place).into_iter();
            let others = others.chain(by_issue.map(|(_, place)| *place));
            ahead.extend(by_ack.into_iter().chain(others).min());
        }
        if in_flight[request.slot as usize] && !request.repeated {
            let came = issued[request.slot as usize].entry(session(facts, request)).or_default();
            if came.last().is_none_or(|(from, _)| *from < request.invoked) {
                came.push((request.invoked, seen.place));
            }
        }
        if request.count > 1 {
            let came = batches.entry(facts.requests.place_of(message)).or_default();
            came.push((message, seen.place));
        }
        if newest.last().is_none_or(|(newest, _)| *newest < from) {
            newest.push((from, seen.place));
        }
    }
    late.append(&mut ahead);
    late.sort_unstable();
    late.dedup();
    late
}

/// Calls `found` with each late delivery and the message, delivered before, that it is behind.
fn sweep(facts: &Facts<'_>, feed: &Feed, mut found: impl FnMut(Seen, MessageId)) {
    let streams = facts.plan.topics[feed.topic.place()].streams.len();
    let one_order = facts.plan.scenario.expect.order == Order::PerTopic;
    let mut newest = vec![Newest::default(); if one_order { 1 } else { streams }];
    let mut batches = vec![Batches::default(); streams];
    let in_flight = in_flight(facts, feed);
    let mut issued: Vec<BTreeMap<u32, Newest>> = vec![BTreeMap::new(); streams];
    feed.iter(facts.history).for_each(|seen| {
        let Some(message) = seen.first() else { return };
        let request = facts.requests.of(message).expect("a first delivery was sent");
        let (slot, from) = (request.slot as usize, facts.requests.sent_from(message, request));
        let newest = &mut newest[if one_order { 0 } else { slot }];
        let in_batch = if request.count > 1 {
            batches[slot].ahead(request, facts.requests.place_of(message), message)
        } else {
            None
        };
        let by_issue = if in_flight[slot] && !request.repeated {
            let newest = issued[slot].entry(session(facts, request)).or_default();
            let ahead = (request.fate == Fate::Acked && request.invoked < newest.from)
                .then_some(MessageId(newest.message));
            if newest.from < request.invoked {
                *newest = Newest { from: request.invoked, message: message.0 };
            }
            ahead
        } else {
            None
        };
        if request.acked < newest.from {
            found(seen, MessageId(newest.message));
        } else if let Some(ahead) = in_batch.or(by_issue) {
            // The end of a batch may come before its beginning where the two are of two copies of it,
            // and so may a request before one that left earlier.
            if !facts.may_be_the_second(feed, seen, message, request) {
                found(seen, ahead);
            }
        }
        if newest.from < from {
            *newest = Newest { from, message: message.0 };
        }
    });
}

/// By stream's place on a topic: whether its producer has several requests under way at a time.
fn in_flight(facts: &Facts<'_>, feed: &Feed) -> Vec<bool> {
    let streams = facts.plan.topics[feed.topic.place()].streams.iter();
    let several = |stream: &StreamIndex| facts.has_several_in_flight(*stream);
    streams.map(several).collect()
}

/// The registration that a request was made under, among its producer's.
fn session(facts: &Facts<'_>, request: &Request) -> u32 {
    request.sent(facts.history).session
}

/// The delivered message that left last.
#[derive(Clone, Copy, Default)]
struct Newest {
    from: Stamp,
    message: u32,
}

/// How far each batch of one stream got. A stream mostly has one request in flight, so there is a
/// current one, and the others matter only if they were left before their end.
#[derive(Clone, Default)]
struct Batches {
    /// The place of the current request, and one past the greatest id seen of it.
    current: Option<(u32, u32)>,
    left: BTreeMap<u32, u32>,
}

impl Batches {
    /// Takes note of `message`; the greatest one of its batch that came before, if it is greater.
    #[inline]
    fn ahead(&mut self, request: &Request, place: u32, message: MessageId) -> Option<MessageId> {
        if self.current.is_none_or(|(current, _)| current != place) {
            if let Some((old, reached)) = self.current {
                self.left.insert(old, reached);
            }
            let reached = self.left.remove(&place).unwrap_or(request.first.0);
            self.current = Some((place, reached));
        }
        let (_, reached) = self.current.as_mut().expect("set above");
        if message.0 < *reached {
            return Some(MessageId(*reached - 1));
        }
        *reached = message.0 + 1;
        None
    }
}

fn anomaly(facts: &Facts<'_>, feed: &Feed, late: Seen, witness: MessageId) -> Anomaly {
    let message = late.delivery.message().expect("a first delivery is of a message");
    let (own, other) = (facts.requests.place_of(message), facts.requests.place_of(witness));
    let who = consumer_name(facts, feed.consumer);
    let [behind, ahead] = [message, witness].map(|message| facts.plan.describe(message));
    let title = format!("{who} got {behind} after {ahead}, which is behind it");
    let with = |proof| {
        let messages = [message, witness];
        let mut anomaly =
            Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &messages, title);
        anomaly.evidence.push(proof);
        anomaly
    };
    let proof = if own == other {
        "the two went out in one batch, in the other order".to_owned()
    } else {
        let [own, other] = [own, other].map(|place| &facts.requests.all[place as usize]);
        let left = facts.requests.sent_from(witness, other);
        if own.acked >= left {
            return with(format!(
                "the former was issued (stamp {}) before the latter (stamp {}) under one \
                 registration, and acked",
                own.invoked, other.invoked
            ));
        }
        format!(
            "the ack of the former was in (stamp {}) before the latter left (stamp {})",
            own.acked, left
        )
    };
    with(proof)
}
