//! Stale ack: an ack names an offset that is another message's already.
//!
//! Example: P1 is told that `P1#7` stands at offset 12, and P2 that `P2#3` stands at offset 12 too;
//! or one session is told 12 and then, for a message that left after that ack, 11; or P1 is told 12 and everyone gets
//! `P1#7` at offset 9. Offsets may have gaps, so only the offsets that an ack names are compared, and
//! only within one epoch. Where the driver says that the messages of a batch stand one behind the
//! other, the ack of a batch names an offset for each of them. Counted are the acks that name another
//! offset than one of their messages was delivered at, then the fewest acks of a session without which
//! its offsets ascend, then the fewest without which no offset holds two messages. An ack that says
//! again what one before it said, of a request or a part of it, contradicts nothing.

mod ack;
mod elsewhere;
mod shared;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use self::ack::{anomaly, offset, told};
use super::facts::{Facts, Request};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use crate::scenario::AnomalyKind;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut found = Finding::new(AnomalyKind::StaleAck, facts.keep);
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
            let acks = without_repeats(facts, &acks);
            straight.extend(straighten(facts, &acks, &mut found));
        }
    }
    shared::find(facts, &straight, &mut found);
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
    let mut excused = Vec::new();
    for place in (0..acks.len()).filter(|place| kept.binary_search(place).is_err()) {
        let mut others = kept.iter().chain(&excused).map(|place| acks[*place]);
        if !is_contradicted(facts, acks[place], &mut others) {
            excused.push(place);
            continue;
        }
        let after = kept.partition_point(|kept| *kept < place);
        let earlier = after.checked_sub(1).map(|before| acks[kept[before]]);
        let goes_back = earlier.filter(|earlier| earlier.offset >= acks[place].offset);
        let other = goes_back.or_else(|| kept.get(after).map(|after| acks[*after]));
        let other = other.or(earlier).expect("one ack ascends by itself");
        found.add(|| anomaly(facts, acks[place], other, "its session was told"));
    }
    kept.append(&mut excused);
    kept.into_iter().map(|place| acks[place]).collect()
}

/// Whether an ack that goes back in its session says something else than those that do not. Of
/// requests that were under way together the broker may have stored either first: that is then out
/// of order, and no fault of the acks.
fn is_contradicted<'a>(
    facts: &Facts<'_>,
    own: &Request,
    others: &mut impl Iterator<Item = &'a Request>,
) -> bool {
    !facts.has_several_in_flight(own.stream)
        || others.any(|other| {
            other.acked < own.invoked && other.offset >= own.offset
                || own.acked < other.invoked && other.offset <= own.offset
        })
}

/// Leaves out what says again of messages what an ack before it said; one that says all of that and
/// more takes its place. Ids and offsets ascend alike in a request, so it is their distance that tells.
fn without_repeats<'a>(facts: &Facts<'_>, acks: &[&'a Request]) -> Vec<&'a Request> {
    let mut said: BTreeMap<u64, Range<u32>> = BTreeMap::new();
    // By distance and first message: where the ack stands among those that are left.
    let mut places: BTreeMap<(u64, u32), usize> = BTreeMap::new();
    let mut left: Vec<&Request> = Vec::new();
    for ack in acks {
        let messages = ack.first.0..ack.first.0 + told(facts, ack);
        let distance = offset(ack).wrapping_sub(u64::from(messages.start));
        let known = said.entry(distance).or_insert(messages.start..messages.start);
        let is_new = messages.start < known.start || known.end < messages.end;
        *known = known.start.min(messages.start)..known.end.max(messages.end);
        if !is_new {
            continue;
        }
        match places.entry((distance, messages.start)) {
            Entry::Occupied(shorter) => left[*shorter.get()] = ack,
            Entry::Vacant(entry) => {
                entry.insert(left.len());
                left.push(ack);
            }
        }
    }
    left
}
