//! Deliveries that should not be: phantom, misrouted, resurrected, early.
//!
//! - *Phantom*: C1 gets `hello`, which no producer sent, or `P4#17` before anyone ever sent it.
//! - *Misrouted*: `P4#17` went to T2, and C1 gets it when it polls T3; or C1 got it although it does
//!   not consume T2; or it was acked before C1 asked to subscribe, or stands before the offset
//!   that C1's subscription starts at; or it is of an earlier run on the same broker.
//! - *Resurrected*: `P4#17` was refused, or could not be sent at all, so the producer knows that it
//!   did not happen; C1 gets it. So it is where it was sent again later, and came before that.
//! - *Early*: C1's poll was over before `P4#17` was sent, and had `P4#17` in it.
//!
//! Each such delivery counts as one. They are told apart once, when each delivery's
//! [`Classification`] is worked out, and take no part in the rules on order.

use super::anomaly::{Anomaly, Subject};
use super::facts::{Classification, Facts, Fate, Feed, Seen};
use super::outcome::{CheckOutcome, Promise};
use super::words::{consumer_name, quoted};
use crate::scenario::AnomalyKind;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    for part in facts.parallel(&facts.feeds, |feed| judge(facts, feed)) {
        outcome.extend(part);
    }
    outcome
}

fn judge(facts: &Facts<'_>, feed: &Feed) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    // Most feeds have none, and to look at the classifications alone is quick.
    if feed.classifications.iter().any(|own| kind_of(*own).is_some()) {
        for seen in feed.iter(facts.history) {
            if let Some(kind) = kind_of(seen.classification) {
                let found = outcome.finding(Promise::Always, kind, facts.keep);
                found.add_at(feed.share(), 1, || anomaly(facts, feed, seen));
            }
        }
    }
    outcome
}

const fn kind_of(classification: Classification) -> Option<AnomalyKind> {
    match classification {
        Classification::Phantom => Some(AnomalyKind::Phantom),
        Classification::Resurrected => Some(AnomalyKind::Resurrected),
        Classification::Misrouted => Some(AnomalyKind::Misrouted),
        Classification::Early => Some(AnomalyKind::Early),
        Classification::First
        | Classification::Again
        | Classification::Redelivered
        | Classification::Misnumbered => None,
    }
}

fn anomaly(facts: &Facts<'_>, feed: &Feed, seen: Seen) -> Anomaly {
    let who = consumer_name(facts, feed.consumer);
    let topic = &facts.plan.topics[feed.topic.place()].name;
    let message = seen.delivery.message();
    let what = message.map_or_else(|| quoted(facts, feed, seen), |m| facts.plan.describe(m));
    let title = match seen.classification {
        Classification::Phantom => format!("{who} got {what} on {topic}, and nobody sent it"),
        Classification::Resurrected => {
            let request = message.and_then(|message| facts.requests.of(message));
            let why = match request {
                Some(own) if own.fate != Fate::Refused => "and so far it had only been refused",
                Some(own) if own.sent(facts.history).never_left() => {
                    "and it never left its producer"
                }
                _ => "and it was refused",
            };
            format!("{who} got {what}, {why}")
        }
        Classification::Early => format!("{who} got {what} before it was sent"),
        _ if message.is_none() => format!("{who} got {what} on {topic}, from an earlier run"),
        _ => {
            let own = message.map(|message| facts.plan.stream(message).topic);
            if own == Some(feed.topic) {
                format!("{who} got {what}, from before its subscription to {topic}")
            } else {
                format!("{who} got {what} when it polled {topic}")
            }
        }
    };
    let consumer = Some(feed.consumer);
    let mut anomaly = Anomaly::new(facts.plan, feed.topic, consumer, message.as_slice(), title);
    if message.is_none() {
        anomaly.subject = Subject::Delivery(feed.consumer, seen.place);
    }
    anomaly
}
