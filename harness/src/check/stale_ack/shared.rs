//! Acks of one topic and life of the store that name one offset for two messages.

use std::collections::BTreeSet;

use super::ack::{anomaly, offset, told};
use crate::check::facts::{Facts, Request};
use crate::check::finding::Finding;
use crate::history::{EpochIndex, Offsets, Outcome, Stamp};
use crate::plan::TopicIndex;

/// Neighbouring offsets that an ack names for neighbouring messages.
#[derive(Clone, Copy)]
struct Claim<'a> {
    ack: &'a Request,
    /// The first message's, and one past the last.
    from: u64,
    to: u64,
    /// The first message's id.
    message: u32,
}

impl Claim<'_> {
    fn key(&self) -> (TopicIndex, Option<EpochIndex>, u64, Stamp) {
        (self.ack.topic, self.ack.epoch, self.from, self.ack.acked)
    }

    fn same_log(&self, other: &Self) -> bool {
        (self.ack.topic, self.ack.epoch) == (other.ack.topic, other.ack.epoch)
    }

    /// Whether it has the same messages at the offsets that both have.
    fn agrees(&self, other: &Self) -> bool {
        self.from.wrapping_sub(u64::from(self.message))
            == other.from.wrapping_sub(u64::from(other.message))
    }
}

/// Counts the fewest acks without which no offset holds two messages. Each session's offsets ascend by
/// now, so a sort that knows runs does little more than merge them.
pub(super) fn find(facts: &Facts<'_>, acks: &[&Request], found: &mut Finding) {
    let mut claims: Vec<Claim<'_>> = Vec::with_capacity(acks.len());
    for ack in acks {
        claim(facts, ack, &mut claims);
    }
    claims.sort_by_key(Claim::key);
    let mut counted = BTreeSet::new();
    // Of those so far that are not counted, the one that reaches furthest.
    let mut reach: Option<Claim<'_>> = None;
    for claim in claims {
        if counted.contains(&claim.ack.source) {
            continue;
        }
        let over = |own: &Claim<'_>| counted.contains(&own.ack.source) || !own.same_log(&claim);
        let Some(own) = reach.filter(|own| !over(own) && claim.from < own.to) else {
            reach = Some(claim);
            continue;
        };
        if own.agrees(&claim) {
            if own.to < claim.to {
                reach = Some(claim);
            }
            continue;
        }
        // The one that ends later is in the way of more.
        let (stale, other) = if own.to <= claim.to { (claim, own) } else { (own, claim) };
        counted.insert(stale.ack.source);
        found.add(|| anomaly(facts, stale.ack, other.ack, "another ack said"));
        reach = Some(other);
    }
}

/// What an ack says of its messages.
fn claim<'a>(facts: &Facts<'_>, ack: &'a Request, claims: &mut Vec<Claim<'a>>) {
    let (producer, send) = ack.source;
    let one = |message: u32, from: u64, count: u32| Claim {
        ack,
        from,
        to: from.saturating_add(u64::from(count)),
        message,
    };
    match &facts.history.producers[producer].sends[send].outcome {
        Outcome::Acked { offsets: Offsets::Each(each) } => {
            claims.extend((ack.first.0..).zip(each).map(|(message, from)| one(message, *from, 1)));
        }
        _ => claims.push(one(ack.first.0, offset(ack), told(facts, ack))),
    }
}
