//! Stale ack: an ack names an offset that is another message's already.
//!
//! Example: P1 is told that `P1#7` stands at offset 12, and P2 that `P2#3` stands at offset 12 too;
//! or one session is told 12 and then, for a later message, 11; or P1 is told 12 and everyone gets
//! `P1#7` at offset 9. Offsets may have gaps, so only the offset that an ack names is compared, and
//! only within one epoch. Counted are the acks that name another offset than their first message was
//! delivered at, then the fewest acks of a session without which its offsets ascend, and each further
//! ack that shares an offset with one that is not counted yet.

mod elsewhere;

use std::collections::{BTreeMap, BTreeSet};

use super::anomaly::Anomaly;
use super::facts::{Facts, Request};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use super::words::epoch_name;
use crate::plan::TopicIndex;
use crate::scenario::AnomalyKind;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut found = Finding::new(AnomalyKind::StaleAck);
    let mut sessions: BTreeMap<(usize, u32), Vec<&Request>> = BTreeMap::new();
    let elsewhere: BTreeSet<(usize, usize)> = elsewhere::find(facts, &mut found);
    for request in facts.requests.all.iter().filter(|request| request.offset.is_some()) {
        if elsewhere.contains(&request.source) {
            continue;
        }
        let (producer, send) = request.source;
        let session = facts.history.producers[producer].sends[send].session;
        sessions.entry((producer, session)).or_default().push(request);
    }
    let mut straight = Vec::with_capacity(facts.requests.all.len());
    for acks in sessions.into_values() {
        if acks.is_sorted_by(|earlier, later| earlier.offset < later.offset) {
            straight.extend(acks);
        } else {
            straight.extend(straighten(facts, &acks, &mut found));
        }
    }
    shared(facts, straight, &mut found);
    (Promise::Always, found).into()
}

/// Counts as few acks of a session as possible so that the rest ascend, and returns the rest: the
/// longest ascending part, found by patience sorting.
fn straighten<'a>(
    facts: &Facts<'_>,
    acks: &[&'a Request],
    found: &mut Finding,
) -> Vec<&'a Request> {
    // By length: the end of the ascending part of that length that ends lowest.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous = vec![None; acks.len()];
    for (place, ack) in acks.iter().enumerate() {
        let length = ends.partition_point(|end| acks[*end].offset < ack.offset);
        previous[place] = length.checked_sub(1).map(|shorter| ends[shorter]);
        match ends.get_mut(length) {
            None => ends.push(place),
            Some(end) if ack.offset < acks[*end].offset => *end = place,
            Some(_) => {}
        }
    }
    let mut kept = Vec::new();
    let mut next = ends.last().copied();
    while let Some(place) = next {
        kept.push(place);
        next = previous[place];
    }
    kept.reverse();
    for place in (0..acks.len()).filter(|place| kept.binary_search(place).is_err()) {
        let after = kept.partition_point(|kept| *kept < place);
        let earlier = after.checked_sub(1).map(|before| acks[kept[before]]);
        let goes_back = earlier.filter(|earlier| earlier.offset >= acks[place].offset);
        let other = goes_back.or_else(|| kept.get(after).map(|after| acks[*after]));
        let other = other.or(earlier).expect("one ack ascends by itself");
        found.add(|| anomaly(facts, acks[place], other, "its session was told"));
    }
    kept.into_iter().map(|place| acks[place]).collect()
}

/// Finds the acks that share an offset. Each session's offsets ascend by now, so a sort that knows
/// runs does little more than merge them.
fn shared(facts: &Facts<'_>, mut acks: Vec<&Request>, found: &mut Finding) {
    let key = |ack: &&Request| -> (TopicIndex, Option<u32>, Option<u64>) {
        (ack.topic, ack.epoch.map(|epoch| epoch.0), ack.offset)
    };
    acks.sort_by_key(|ack| (key(ack), ack.acked));
    for pair in acks.windows(2) {
        if key(&pair[0]) == key(&pair[1]) {
            found.add(|| anomaly(facts, pair[1], pair[0], "another ack said"));
        }
    }
}

fn anomaly(facts: &Facts<'_>, stale: &Request, other: &Request, whose: &str) -> Anomaly {
    let offset = |request: &Request| request.offset.expect("only acks with an offset are compared");
    let title = format!(
        "{} was acked at offset {} of {}{}, and {whose} offset {} for {}",
        facts.plan.describe(stale.first),
        offset(stale),
        facts.plan.topics[stale.topic.place()].name,
        epoch_name(facts, stale.epoch),
        offset(other),
        facts.plan.describe(other.first),
    );
    Anomaly::new(facts.plan, stale.topic, None, &[stale.first, other.first], title)
}
