//! Duplicate: a consumer gets a message more than once, or a message stands in a log twice.
//!
//! Example: C1 gets `P4#17` at offset 16 and again at offset 21. Each delivery beyond a consumer's
//! first counts as one. It is fair, and not counted, where the consumer crashed before it
//! acknowledged the first. A message may stand at two offsets although no consumer got it twice (C1
//! subscribed between the two): then each offset beyond one counts.
//!
//! Not counted is what came again at an offset that the consumer got two messages at: it asked for one
//! of them when it acknowledged the other. What is wrong there is the offset, which is *divergent*.

use super::anomaly::Anomaly;
use super::facts::{Bits, Classification, Facts, Feed, Log};
use super::finding::Finding;
use super::outcome::{CheckOutcome, Promise};
use super::words::consumer_name;
use crate::plan::MessageId;
use crate::scenario::AnomalyKind;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut found = Finding::new(AnomalyKind::Duplicate, facts.keep);
    let mut repeated = Bits::new(facts.plan.messages.len());
    for (part, messages) in facts.parallel(&facts.feeds, |feed| judge(facts, feed)) {
        found.merge(part);
        for message in messages {
            repeated.insert(message.place());
        }
    }
    for log in &facts.logs {
        twice_in(facts, log, &repeated, &mut found);
    }
    (Promise::NoDuplicate, found).into()
}

/// The repeats of one feed, and of which messages they are.
fn judge(facts: &Facts<'_>, feed: &Feed) -> (Finding, Vec<MessageId>) {
    let mut found = Finding::new(AnomalyKind::Duplicate, facts.keep);
    let mut messages = Vec::new();
    if feed.classifications.contains(&Classification::Again) {
        for seen in
            feed.iter(facts.history).filter(|seen| seen.classification == Classification::Again)
        {
            let message = seen.delivery.message().expect("a repeat is of a message");
            messages.push(message);
            found.add_at(feed.share(), 1, || {
                let who = consumer_name(facts, feed.consumer);
                let title = format!("{who} got {} again", facts.plan.describe(message));
                Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &[message], title)
            });
        }
    }
    (found, messages)
}

/// Finds messages that are proven to be at two offsets and that no consumer got twice.
fn twice_in(facts: &Facts<'_>, log: &Log, repeated: &Bits, found: &mut Finding) {
    let mut seen = Bits::new(facts.plan.messages.len());
    for (offset, message) in &log.entries {
        let sure = log.proves(*offset, *message);
        if sure && !seen.insert(message.place()) && !repeated.contains(message.place()) {
            found.add(|| {
                let title = format!(
                    "{} stands in the log twice, the second time at offset {offset}",
                    facts.plan.describe(*message)
                );
                Anomaly::new(facts.plan, log.topic, None, &[*message], title)
            });
        }
    }
}
