//! Stale ack: an ack names an offset that is another message's already.
//!
//! Example: P1 is told that `P1#7` stands at offset 12, and P2 that `P2#3` stands at offset 12 too;
//! or one session is told 12 and then, for a later message, 11. Offsets may have gaps, so only the
//! offset that an ack names is compared, and only within one epoch. Each ack whose offset is not
//! past what its session was told before counts as one, and so does each further ack that shares an
//! offset with one that is not counted yet.

use std::collections::BTreeMap;

use super::Kind;
use super::facts::{Facts, Request};
use super::proof::{describe, epoch_name};
use super::tally::{Instance, Opinion, Promise, Tally};
use crate::plan::TopicIndex;

pub(super) fn check(facts: &Facts<'_>) -> Opinion {
    let mut tally = Tally::new(Kind::StaleAck, Promise::Always);
    let mut straight = Vec::with_capacity(facts.requests.len());
    let mut sessions: BTreeMap<(usize, u32), &Request> = BTreeMap::new();
    for request in &facts.requests {
        let Some(offset) = request.offset else { continue };
        let (producer, send) = request.source;
        let session = facts.history.producers[producer].sends[send].session;
        match sessions.get(&(producer, session)) {
            Some(told) if told.offset >= Some(offset) => {
                tally.add(|| instance(facts, request, told, "its session was told"));
            }
            _ => {
                sessions.insert((producer, session), request);
                straight.push(request);
            }
        }
    }
    shared(facts, straight, &mut tally);
    tally.into()
}

/// Finds the acks that share an offset. Each session's offsets ascend by now, so a sort that knows
/// runs does little more than merge them.
fn shared(facts: &Facts<'_>, mut acks: Vec<&Request>, tally: &mut Tally) {
    let key = |ack: &&Request| -> (TopicIndex, Option<u32>, Option<u64>) {
        (ack.topic, ack.epoch.map(|epoch| epoch.0), ack.offset)
    };
    acks.sort_by_key(|ack| (key(ack), ack.acked));
    for pair in acks.windows(2) {
        if key(&pair[0]) == key(&pair[1]) {
            tally.add(|| instance(facts, pair[1], pair[0], "another ack said"));
        }
    }
}

fn instance(facts: &Facts<'_>, stale: &Request, other: &Request, whose: &str) -> Instance {
    let offset = |request: &Request| request.offset.expect("only acks with an offset are compared");
    Instance {
        topic: stale.topic,
        consumer: None,
        messages: vec![stale.first, other.first],
        title: format!(
            "{} was acked at offset {} of {}{}, and {whose} offset {} for {}",
            describe(facts.plan, stale.first),
            offset(stale),
            facts.plan.topics[stale.topic.place()].name,
            epoch_name(facts, stale.epoch),
            offset(other),
            describe(facts.plan, other.first),
        ),
        evidence: Vec::new(),
        place: None,
    }
}
