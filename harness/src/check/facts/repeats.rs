//! Repeats that are no duplicates: what follows from a crash of the consumer, and what follows from
//! offsets that are wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::feed::{Classification, Feed};
use crate::history::{Answer, Delivery, EpochIndex, History, Subscribed};
use crate::plan::{MessageId, Plan};
use crate::scenario::Acknowledge;

/// Marks the repeats that follow from a crash of the consumer: every delivery before was brought by
/// the last poll of an incarnation that is over, so it was never acknowledged. Where a poll itself
/// acknowledges, what was handed out is acknowledged, and nothing is excused.
pub(super) fn excuse(
    plan: &Plan,
    history: &History,
    feed: &Feed,
    classifications: &mut [Classification],
) {
    let part = &history.consumers[feed.consumer.place()];
    let planned = &plan.scenario.consumers[feed.consumer.place()];
    let own = part.subscriptions.iter().filter(|own| own.topic == feed.topic);
    let incarnations: Vec<u32> = own.map(|own| own.incarnation).collect();
    if planned.acknowledge == Acknowledge::Automatic
        || incarnations.iter().all(|incarnation| *incarnation == incarnations[0])
    {
        return;
    }
    // A poll acknowledges what the one before it on the same subscription brought; one that failed
    // may never have arrived.
    let mut last = vec![0; part.subscriptions.len()];
    for (poll, polled) in part.polls.iter().enumerate() {
        if matches!(polled.answer, Answer::Delivered(_)) {
            last[polled.subscription as usize] = poll;
        }
    }
    let mut unacknowledged = BTreeMap::<MessageId, u32>::new();
    let mut acknowledged = BTreeSet::new();
    let deliveries = &part.deliveries;
    for piece in &feed.pieces {
        let subscription = part.polls[piece.poll].subscription as usize;
        let claim = &part.subscriptions[subscription];
        for (place, delivery) in
            deliveries[piece.first..piece.first + piece.count].iter().enumerate()
        {
            let Some(message) = delivery.message() else { continue };
            let classification = &mut classifications[piece.at + place];
            let crashed =
                unacknowledged.get(&message).is_some_and(|known| *known < claim.incarnation);
            if *classification == Classification::Again
                && crashed
                && !acknowledged.contains(&message)
            {
                *classification = Classification::Redelivered;
            }
            if last[subscription] == piece.poll && can_acknowledge(history, claim, *delivery) {
                unacknowledged.insert(message, claim.incarnation);
            } else {
                acknowledged.insert(message);
            }
        }
    }
}

/// Whether a consumer acknowledges by offset, or apart from polling: a subscription that knows none,
/// as one of the original routes, acknowledges by the poll itself.
fn can_acknowledge(history: &History, claim: &Subscribed, delivery: Delivery) -> bool {
    history.acknowledged_apart || claim.offset.is_some() || delivery.offset().is_some()
}

/// Marks the repeats at offsets that this consumer got two messages at, both for the first time. They
/// say nothing of the broker but that those offsets are wrong, which is said once.
pub(super) fn misnumbered(history: &History, feed: &Feed, classifications: &mut [Classification]) {
    let part = &history.consumers[feed.consumer.place()];
    let all = || {
        feed.pieces.iter().flat_map(|piece| {
            let epoch = feed.claim(history, piece.poll).epoch;
            let own = &part.deliveries[piece.first..piece.first + piece.count];
            (piece.at..).zip(own).map(move |(at, delivery)| (at, epoch, delivery))
        })
    };
    // Of the offsets that something came again at: the message that came first, and whether another
    // one came there for the first time, too.
    let mut places: BTreeMap<(Option<EpochIndex>, u64), Option<MessageId>> = BTreeMap::new();
    for (at, epoch, delivery) in all() {
        if let (Classification::Again, Some(offset)) = (classifications[at], delivery.offset()) {
            places.insert((epoch, offset), None);
        }
    }
    let mut shared = BTreeSet::new();
    for (at, epoch, delivery) in all() {
        let (Classification::First, Some(offset)) = (classifications[at], delivery.offset()) else {
            continue;
        };
        let Some(first) = places.get_mut(&(epoch, offset)) else { continue };
        if first.is_some() {
            shared.insert((epoch, offset));
        }
        *first = delivery.message();
    }
    if shared.is_empty() {
        return;
    }
    for (at, epoch, delivery) in all() {
        if let (Classification::Again, Some(offset)) = (classifications[at], delivery.offset())
            && shared.contains(&(epoch, offset))
        {
            classifications[at] = Classification::Misnumbered;
        }
    }
}
