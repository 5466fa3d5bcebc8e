//! Duplicate: a consumer gets a message more than once, or a message stands in a log twice.
//!
//! Example: C1 gets `P4#17` at offset 16 and again at offset 21. Each delivery beyond a consumer's
//! first counts as one. It is fair, and not counted, where the consumer crashed before it
//! acknowledged the first. A message may stand at two offsets although nobody got it twice (C1
//! subscribed between the two): then each offset beyond one counts.

use super::Kind;
use super::facts::{Bits, Facts, Feed, Log, Standing};
use super::proof::{consumer_name, describe};
use super::tally::{Instance, Opinion, Promise, Tally};
use crate::plan::MessageId;

pub(super) fn check(facts: &Facts<'_>) -> Opinion {
    let mut tally = Tally::new(Kind::Duplicate, Promise::NoDuplicate);
    let mut repeated = Bits::new(facts.plan.messages.len());
    for (part, messages) in facts.parallel(&facts.feeds, |feed| judge(facts, feed)) {
        tally.merge(part);
        for message in messages {
            repeated.insert(message.place());
        }
    }
    for log in &facts.logs {
        twice_in(facts, log, &repeated, &mut tally);
    }
    tally.into()
}

/// The repeats of one feed, and of which messages they are.
fn judge(facts: &Facts<'_>, feed: &Feed) -> (Tally, Vec<MessageId>) {
    let mut tally = Tally::new(Kind::Duplicate, Promise::NoDuplicate);
    let mut messages = Vec::new();
    if feed.standings.contains(&Standing::Again) {
        for seen in feed.iter(facts.history).filter(|seen| seen.standing == Standing::Again) {
            let message = seen.delivery.message().expect("a repeat is of a message");
            messages.push(message);
            tally.add(|| Instance {
                topic: feed.topic,
                consumer: Some(feed.consumer),
                messages: vec![message],
                title: format!(
                    "{} got {} again",
                    consumer_name(facts, feed.consumer),
                    describe(facts.plan, message)
                ),
                evidence: Vec::new(),
                place: Some(seen.place),
                blames: None,
            });
        }
    }
    (tally, messages)
}

/// Finds messages at two offsets that nobody disputes and that no consumer got twice.
fn twice_in(facts: &Facts<'_>, log: &Log, repeated: &Bits, tally: &mut Tally) {
    let mut seen = Bits::new(facts.plan.messages.len());
    for (offset, message) in &log.entries {
        let undisputed = log.disputed.binary_search(offset).is_err();
        if undisputed && !seen.insert(message.place()) && !repeated.contains(message.place()) {
            tally.add(|| Instance {
                topic: log.topic,
                consumer: None,
                messages: vec![*message],
                title: format!(
                    "{} stands in the log twice, the second time at offset {offset}",
                    describe(facts.plan, *message)
                ),
                evidence: Vec::new(),
                place: None,
                blames: None,
            });
        }
    }
}
