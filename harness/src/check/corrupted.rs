//! Corrupted: the identity names a message, and the payload is not the one that was sent.
//!
//! Example: `P4#17` was sent as `INFO` and C1 gets it as `INFX`. Each such delivery counts as one.
//! The message still counts as delivered: it is not also lost. Where its bits had flipped on the disk, the
//! evidence says so: a broker that keeps a checksum would have noticed.

use super::anomaly::Anomaly;
use super::facts::Facts;
use super::finding::Finding;
use super::on_disk::Disk;
use super::outcome::{CheckOutcome, Promise};
use super::words::{clip, consumer_name};
use crate::plan::ConsumerIndex;
use crate::scenario::AnomalyKind;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut found = Finding::new(AnomalyKind::Corrupted, facts.keep);
    let disk = Disk::of(facts);
    for (consumer, part) in facts.history.consumers.iter().enumerate() {
        let consumer = ConsumerIndex::new(consumer);
        for (place, oddity) in &part.oddities {
            let place = usize::try_from(*place).expect("a place in memory");
            let Some(message) = part.deliveries[place].message() else { continue };
            let sent = facts.plan.messages.payload(message);
            // What was never sent is a phantom, whatever its payload.
            if facts.requests.of(message).is_none() || oddity.payload == sent {
                continue;
            }
            let topic = facts.plan.stream(message).topic;
            found.add_at((consumer, topic), 1, || {
                let (who, what) = (consumer_name(facts, consumer), facts.plan.describe(message));
                let title = format!("{who} got {what} with another payload");
                let mut anomaly =
                    Anomaly::new(facts.plan, topic, Some(consumer), &[message], title);
                anomaly.evidence.push(format!("sent:      {}", clip(sent)));
                anomaly.evidence.push(format!("delivered: {}", clip(&oddity.payload)));
                let rot = disk.iter().flat_map(|disk| disk.rot(|rotten| rotten == message));
                anomaly.evidence.extend(rot);
                anomaly
            });
        }
    }
    (Promise::Always, found).into()
}
