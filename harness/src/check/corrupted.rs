//! Corrupted: the identity names a message, and the payload is not the one that was sent.
//!
//! Example: `P4#17` was sent as `INFO` and C1 gets it as `INFX`. Each such delivery counts as one.
//! The message still counts as delivered: it is not also lost.

use super::Kind;
use super::facts::Facts;
use super::proof::{clip, consumer_name, describe};
use super::tally::{Instance, Opinion, Promise, Tally};
use crate::plan::ConsumerIndex;

pub(super) fn check(facts: &Facts<'_>) -> Opinion {
    let mut tally = Tally::new(Kind::Corrupted, Promise::Always);
    for (consumer, part) in facts.history.consumers.iter().enumerate() {
        let consumer = ConsumerIndex::new(consumer);
        for (place, oddity) in &part.oddities {
            let place = usize::try_from(*place).expect("a place in memory");
            let Some(message) = part.deliveries[place].message() else { continue };
            let sent = facts.plan.messages.payload(message);
            // What nobody sent is a phantom whatever it says.
            if facts.requests.of(message).is_none() || oddity.payload == sent {
                continue;
            }
            tally.add(|| Instance {
                topic: facts.plan.stream(message).topic,
                consumer: Some(consumer),
                messages: vec![message],
                title: format!(
                    "{} got {} with another payload",
                    consumer_name(facts, consumer),
                    describe(facts.plan, message)
                ),
                evidence: vec![
                    format!("sent:      {}", clip(sent)),
                    format!("delivered: {}", clip(&oddity.payload)),
                ],
                place: Some(place),
                blames: None,
            });
        }
    }
    tally.into()
}
