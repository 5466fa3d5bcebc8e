//! Whether each delivery of a feed is as it should be, or which kind of anomaly it is.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::Bits;
use super::feed::{Classification, Feed};
use super::places::Places;
use super::requests::{Fate, Request, Requests};
use crate::history::{Answer, Delivery, History, Subscribed};
use crate::plan::MessageId;

/// What each delivery of a feed is, and which messages it brought.
pub(super) fn classify(
    history: &History,
    requests: &Requests,
    places: &Places<'_>,
    feed: &Feed,
) -> (Vec<Classification>, Bits) {
    let deliveries = &history.consumers[feed.consumer.place()].deliveries;
    let total = feed.pieces.last().map_or(0, |last| last.at + last.count);
    let mut classifications = Vec::with_capacity(total);
    let mut got = Bits::new(places.count(feed.topic));
    for piece in &feed.pieces {
        let completed = feed.poll(history, piece.poll).completed.stamp;
        let claim = feed.claim(history, piece.poll);
        let sure = claim.confirmed.map(|confirmed| confirmed.stamp);
        for delivery in &deliveries[piece.first..piece.first + piece.count] {
            let sent = delivery.message().and_then(|m| Some((m, requests.of(m)?)));
            let Some((message, request)) = sent else {
                classifications.push(Classification::Phantom);
                continue;
            };
            if request.topic != feed.topic || !feed.planned {
                classifications.push(Classification::Misrouted);
                continue;
            }
            let from = requests.sent_from(message, request);
            let after = sure.is_some_and(|sure| sure < from);
            if forbidden(claim, request, *delivery, after) {
                classifications.push(Classification::Misrouted);
                if after {
                    // It is due all the same, and here: it is not also lost.
                    got.insert(places.of_stream(request.stream, message));
                }
                continue;
            }
            let new = got.insert(places.of_stream(request.stream, message));
            classifications.push(if request.fate == Fate::Refused {
                Classification::Resurrected
            } else if completed < from {
                // While it had only been refused, nothing of it could come.
                if requests.was_tried_by(history, message, completed) {
                    Classification::Resurrected
                } else {
                    Classification::Early
                }
            } else if new {
                Classification::First
            } else {
                Classification::Again
            });
        }
    }
    excuse(history, feed, &mut classifications);
    (classifications, got)
}

/// Whether a message may not come under a subscription because it is older. What stands before the
/// offset that the subscription starts at never may, even if it was sent `after` the subscription
/// was confirmed: then the broker contradicts itself. Where there are no offsets only the stamps
/// tell.
fn forbidden(claim: &Subscribed, request: &Request, delivery: Delivery, after: bool) -> bool {
    let comparable = !after || request.epoch == claim.epoch;
    let before = claim.offset.zip(delivery.offset()).is_some_and(|(start, at)| at < start);
    request.acked < claim.invoked.stamp || comparable && before
}

/// Marks the repeats that follow from a crash of the consumer: every delivery before was brought by
/// the last poll of an incarnation that is over, so it was never acknowledged.
fn excuse(history: &History, feed: &Feed, classifications: &mut [Classification]) {
    let part = &history.consumers[feed.consumer.place()];
    let own = part.subscriptions.iter().filter(|own| own.topic == feed.topic);
    let incarnations: Vec<u32> = own.map(|own| own.incarnation).collect();
    if incarnations.iter().all(|incarnation| *incarnation == incarnations[0]) {
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
        let incarnation = part.subscriptions[subscription].incarnation;
        for (place, delivery) in
            deliveries[piece.first..piece.first + piece.count].iter().enumerate()
        {
            let Some(message) = delivery.message() else { continue };
            let classification = &mut classifications[piece.at + place];
            let crashed = unacknowledged.get(&message).is_some_and(|known| *known < incarnation);
            if *classification == Classification::Again
                && crashed
                && !acknowledged.contains(&message)
            {
                *classification = Classification::Redelivered;
            }
            if last[subscription] == piece.poll {
                unacknowledged.insert(message, incarnation);
            } else {
                acknowledged.insert(message);
            }
        }
    }
}
