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

mod beginning;
mod compare;
mod count;
mod ending;
mod ends;
mod explain;
mod feed;
mod found;
#[cfg(test)]
mod fuzz;
mod gaps;
mod lack;
mod merge;
mod order;
mod parse;
mod sent;
mod sequence;
mod strays;
mod study;
#[cfg(test)]
mod tests;
mod torn;

pub use found::Reading;
pub use parse::{Lines, parse, parse_as};

use std::collections::BTreeSet;

use crate::plan::{ConsumerIndex, Plan, TopicIndex};
use ending::Ending;
use feed::Feed;
use found::Found;
use sent::Sent;
use study::{Order, Study};

/// Judges the logs of all consumers, in the plan's order.
#[must_use]
pub fn judge(plan: &Plan, logs: &[Lines]) -> Reading {
    let mut found = Found::default();
    let everything: Vec<Sent<'_>> =
        (0..plan.topics.len()).map(|topic| Sent::new(plan, TopicIndex::new(topic))).collect();
    let mut endings: Vec<Ending<'_>> = Vec::with_capacity(logs.len());
    for (consumer, lines) in logs.iter().enumerate() {
        let consumer = ConsumerIndex::new(consumer);
        let ending = torn::resolve(plan, &everything, consumer, lines, &mut found);
        strays::judge(plan, &everything, consumer, lines, &ending, &mut found);
        endings.push(ending);
    }
    for sent in &everything {
        let feed = |consumer: &ConsumerIndex| {
            let place = consumer.place();
            Feed::new(plan, *consumer, sent, &logs[place], &endings[place])
        };
        let consumers = plan.topics[sent.topic.place()].consumers.iter();
        let feeds: Vec<Feed<'_>> = consumers.map(feed).collect();
        if sent.unique {
            named(sent, &feeds, &mut found);
        } else {
            repeated(sent, &feeds, &mut found);
        }
    }
    found.conclude(plan)
}

/// Judges the logs of a topic where every payload names its message.
fn named(sent: &Sent<'_>, feeds: &[Feed<'_>], found: &mut Found) {
    let mut reordered = BTreeSet::new();
    for feed in feeds {
        let order = order::named(sent, feed, &mut reordered, found);
        let study = Study { order, lack: lack::named(sent, feed, feeds) };
        count::judge(sent, feed, feeds, &study, found);
    }
    compare::named(sent, feeds, &reordered, found);
}

/// Judges the logs of a topic where payloads repeat.
fn repeated(sent: &Sent<'_>, feeds: &[Feed<'_>], found: &mut Found) {
    let merged = compare::merged(sent, feeds);
    let studied = study::judge(sent, feeds, merged.as_deref(), &mut found.budget);
    for (feed, study) in feeds.iter().zip(&studied.studies) {
        count::judge(sent, feed, feeds, study, found);
        order::searched(sent, feed, study, found);
    }
    let with = |wanted: fn(Order) -> bool| -> Vec<&Feed<'_>> {
        let own = feeds.iter().zip(&studied.studies);
        own.filter(|(_, study)| wanted(study.order)).map(|(feed, _)| feed).collect()
    };
    if sent.prefix_may_miss {
        let late = with(|order| matches!(order, Order::Fits | Order::FitsLate));
        if !compare::late(sent, &late, found) {
            return;
        }
    }
    if !studied.merged_fits {
        // What no order explains is said already, and shows nothing of the others.
        compare::counted(sent, &with(|order| !matches!(order, Order::Broken(_))), found);
    }
}
