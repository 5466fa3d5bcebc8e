//! Judges consumer logs made by any program: files with a line per message, `T1     INFO`.
//!
//! A log says neither when nor at which offset a message came, and the same payload may have been
//! sent many times. What can be known all the same:
//!
//! - *How many*: the plan sends each payload of a topic a known number of times. A consumer that
//!   logged it less often lost some, one that logged it more often got a duplicate; a payload that
//!   only another topic has was misrouted, and one that no topic has is a phantom. Every planned
//!   message is taken to have been sent and acked.
//! - *The same for all*: two consumers of one topic that got everything have equal logs. One that
//!   lacks lines has what is left of the other's, which shows between which lines they are missing.
//! - *An order that can be*: the log of a topic is an interleaving of what its producers sent, each
//!   in its own order. If there is none that gives this log, the order was broken. If there is one
//!   and payloads repeat, then the order is *not refuted*, which is less than proven.
//!
//! With `start: together` a log may begin late: only a prefix may be missing. Whether what another
//! consumer has of it is lost or was never due cannot be known from logs, and leaves no verdict; so
//! does a log that has nothing of a topic.

mod compare;
mod count;
mod explain;
mod feed;
mod found;
mod order;
mod parse;
mod sent;
mod strays;
#[cfg(test)]
mod tests;

pub use found::Reading;
pub use parse::{Lines, parse, parse_as};

use crate::plan::{ConsumerIndex, Plan, TopicIndex};
use feed::Feed;
use found::Found;
use sent::Sent;

/// Judges the logs of all consumers, in the plan's order.
#[must_use]
pub fn judge(plan: &Plan, logs: &[Lines]) -> Reading {
    let mut found = Found::default();
    let everything: Vec<Sent<'_>> =
        (0..plan.topics.len()).map(|topic| Sent::new(plan, TopicIndex::new(topic))).collect();
    for (consumer, lines) in logs.iter().enumerate() {
        strays::judge(plan, &everything, ConsumerIndex::new(consumer), lines, &mut found);
    }
    for sent in &everything {
        let own = plan.topics[sent.topic.place()].consumers.iter();
        let mut feeds: Vec<Feed<'_>> =
            own.map(|consumer| Feed::new(plan, *consumer, sent, &logs[consumer.place()])).collect();
        for feed in &mut feeds {
            feed.begins_late = order::begins_late(sent, feed, &mut found.budget);
        }
        for feed in &feeds {
            count::judge(sent, feed, &feeds, &mut found);
        }
        let reordered = order::judge(sent, &feeds, &mut found);
        compare::judge(sent, &feeds, &reordered, &mut found);
    }
    found.conclude(plan)
}
