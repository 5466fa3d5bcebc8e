//! Whether each delivery of a feed is as it should be, or which kind of anomaly it is.

use super::bits::Bits;
use super::feed::{Classification, Feed};
use super::places::Places;
use super::repeats;
use super::requests::{Fate, Request, Requests};
use crate::history::{Delivery, History, Offset, Subscribed};
use crate::plan::{MessageId, Plan};
use crate::scenario::NewConsumers;

/// What each delivery of a feed is, and which messages it brought. Where a new subscription begins at
/// the topic's beginning, its messages may be older than it.
pub(super) fn classify(
    plan: &Plan,
    history: &History,
    requests: &Requests,
    places: &Places<'_>,
    feed: &Feed,
) -> (Vec<Classification>, Bits) {
    let may_be_old = plan.scenario.broker.wire.new_consumers == NewConsumers::Beginning;
    let part = &history.consumers[feed.consumer.place()];
    let deliveries = &part.deliveries;
    let total = feed.pieces.last().map_or(0, |last| last.at + last.count);
    let mut classifications = Vec::with_capacity(total);
    let mut got = Bits::new(places.count(feed.topic));
    let mut from_before = Vec::new();
    let mut again = false;
    for piece in &feed.pieces {
        let completed = feed.poll(history, piece.poll).completed.stamp;
        let claim = feed.claim(history, piece.poll);
        let sure = claim.confirmed.map(|confirmed| confirmed.stamp);
        for (place, delivery) in
            (piece.first..).zip(&deliveries[piece.first..piece.first + piece.count])
        {
            let sent = delivery.message().and_then(|m| Some((m, requests.of(m)?)));
            let Some((message, request)) = sent else {
                let odd = part.oddities.get(&(place as u64));
                let is_older = odd.is_some_and(|odd| odd.earlier_run);
                classifications.push(if is_older {
                    Classification::Misrouted
                } else {
                    Classification::Phantom
                });
                continue;
            };
            if request.topic != feed.topic || !feed.planned {
                classifications.push(Classification::Misrouted);
                continue;
            }
            let from = requests.sent_from(message, request);
            let after = sure.is_some_and(|sure| sure < from);
            let offset = offset(history, requests, (message, request), claim, *delivery);
            if !may_be_old && forbidden(claim, request, offset, after) {
                classifications.push(Classification::Misrouted);
                from_before.push(places.of_stream(request.stream, message));
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
                again = true;
                Classification::Again
            });
        }
    }
    // What is due came all the same, and here: it is not also lost. If it came in its place, too,
    // that was no repeat.
    for place in from_before {
        got.insert(place);
    }
    if again {
        repeats::excuse(plan, history, feed, &mut classifications);
        repeats::misnumbered(history, feed, &mut classifications);
    }
    (classifications, got)
}

/// Whether a message may not come under a subscription because it is older. What stands before the
/// offset that the subscription starts at never may, even if it was sent `after` the subscription
/// was confirmed: then the broker contradicts itself. Where there are no offsets only the stamps
/// tell.
fn forbidden(claim: &Subscribed, request: &Request, offset: Option<Offset>, after: bool) -> bool {
    let comparable = !after || request.epoch == claim.epoch;
    let before = claim.offset.zip(offset).is_some_and(|(start, at)| at < start);
    request.acked < claim.invoked.stamp || comparable && before
}

/// The offset of a delivered message. Where it came without one, its ack tells, unless the message may
/// stand in the log twice: then this may be the other one.
#[inline]
fn offset(
    history: &History,
    requests: &Requests,
    (message, request): (MessageId, &Request),
    claim: &Subscribed,
    delivery: Delivery,
) -> Option<Offset> {
    delivery.offset().or_else(|| {
        let is_sure = claim.offset.is_some()
            && request.epoch == claim.epoch
            && !requests.may_stand_twice(message, request);
        if is_sure { request.offset_of(history, message) } else { None }
    })
}
