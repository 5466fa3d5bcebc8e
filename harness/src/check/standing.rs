//! How one message stands with each consumer: what came of it there, and whether it was owed.
//!
//! What is wrong with it the checks say; this says why nothing is, and with the same rules.

use super::facts::{Classification, Facts, Fate, Feed};
use super::lost::Missing;
use crate::history::Offset;
use crate::plan::{ConsumerIndex, MessageId, TopicIndex};

/// One message and what one consumer polled of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whose.
    pub consumer: ConsumerIndex,
    /// The topic that it polled; that of the message, unless it came on another one.
    pub topic: TopicIndex,
    /// Each time that it came, by place among the consumer's deliveries.
    pub came: Vec<(usize, Came)>,
    /// Whether it was owed.
    pub due: Due,
}

/// What one delivery of a planned message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The first one, as it should be.
    First,
    /// One too many.
    Again,
    /// Not the first one, and that is fair: the consumer crashed before it acknowledged it.
    Redelivered,
    /// Not the first one, at an offset that is wrong.
    Misnumbered,
    /// One that should not have come there, or not then, or not at all.
    Wrong,
}

/// Whether a consumer is owed a message, and why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It was acked, and it is behind the start of the subscription.
    Yes,
    /// The scenario does not send that topic there.
    NotPlanned,
    /// No subscription was ever confirmed.
    NoSubscription,
    /// It was never sent.
    NotSent,
    /// It was refused, or never left.
    Refused,
    /// Whether it was stored is unknown.
    OutcomeUnknown,
    /// It was acked before the subscription was asked for.
    Before,
    /// It was on its way while the subscription was, and stands before its start in the log.
    BeforeStart {
        /// The offset that the subscription starts at.
        start: Offset,
        /// The offset that the message was acked at.
        at: Offset,
    },
    /// It was on its way while the subscription was, and nothing proves that it is behind its start.
    Between,
    /// It is missing, and the run ended before that could mean something.
    Undecided,
}

/// In the order of consumers: everyone that is planned to get the message, or got it.
pub(super) fn of(facts: &Facts<'_>, message: MessageId) -> Vec<Standing> {
    let topic = facts.plan.stream(message).topic;
    let standing = |feed: &Feed| {
        let came = came(facts, feed, message);
        let is_own = feed.planned && feed.topic == topic;
        (is_own || !came.is_empty()).then(|| Standing {
            consumer: feed.consumer,
            topic: feed.topic,
            due: if is_own { due(facts, feed, message) } else { Due::NotPlanned },
            came,
        })
    };
    facts.feeds.iter().filter_map(standing).collect()
}

fn came(facts: &Facts<'_>, feed: &Feed, message: MessageId) -> Vec<(usize, Came)> {
    let own = feed.iter(facts.history).filter(|seen| seen.delivery.message() == Some(message));
    let came = own.map(|seen| {
        let came = match seen.classification {
            Classification::First => Came::First,
            Classification::Again => Came::Again,
            Classification::Redelivered => Came::Redelivered,
            Classification::Misnumbered => Came::Misnumbered,
            Classification::Phantom
            | Classification::Misrouted
            | Classification::Resurrected
            | Classification::Early => Came::Wrong,
        };
        (seen.place, came)
    });
    came.collect()
}

fn due(facts: &Facts<'_>, feed: &Feed, message: MessageId) -> Due {
    let Some(claim) = feed.due_from(facts.history) else { return Due::NoSubscription };
    let Some(request) = facts.requests.of(message) else { return Due::NotSent };
    match request.fate {
        Fate::Refused => return Due::Refused,
        Fate::Unknown => return Due::OutcomeUnknown,
        Fate::Acked if request.acked < claim.invoked.stamp => return Due::Before,
        Fate::Acked => {}
    }
    let confirmed = claim
        .confirmed
        .is_some_and(|confirmed| confirmed.stamp < facts.requests.sent_from(message, request));
    let is_missing = Missing::of(facts, feed).has(message);
    if is_missing && facts.undecided(feed) {
        return Due::Undecided;
    }
    if confirmed || is_missing {
        return Due::Yes;
    }
    let is_same_log = request.epoch == claim.epoch;
    let at = request.offset_of(facts.history, message).filter(|_| is_same_log);
    match claim.offset.zip(at) {
        Some((start, at)) if at < start => Due::BeforeStart { start, at },
        _ => Due::Between,
    }
}
