//! What the first line of a history says of the rest: its version, and which plan it belongs to.

use crate::fnv::Fnv;
use crate::plan::{MessageId, Plan};

/// The version that is written and read.
pub(super) const VERSION: u32 = 1;

/// A digest of all that gives a history its meaning: names, and each message with its payload.
pub(super) fn fingerprint(plan: &Plan) -> String {
    let mut digest = Fnv::default();
    for topic in &plan.topics {
        add_text(&mut digest, topic.name.as_str());
    }
    let consumers = plan.consumers.iter().map(|consumer| consumer.number);
    for number in plan.producers.iter().map(|producer| producer.number).chain(consumers) {
        digest.add(&number.to_le_bytes());
    }
    for stream in &plan.streams {
        digest.add(&stream.producer.0.to_le_bytes());
        digest.add(&stream.topic.0.to_le_bytes());
        digest.add(&stream.count.to_le_bytes());
        for id in stream.messages().map(MessageId) {
            digest.add(&plan.messages.line(id).to_le_bytes());
            add_text(&mut digest, plan.messages.payload(id));
        }
    }
    format!("{:016x}", digest.finish())
}

/// Adds a text after its length, so that it shows where one text ends and the next begins.
fn add_text(digest: &mut Fnv, text: &str) {
    digest.add(&(text.len() as u64).to_le_bytes());
    digest.add(text.as_bytes());
}
