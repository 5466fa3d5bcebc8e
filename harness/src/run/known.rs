//! Which messages are acknowledged so far, and how often each came, while a run goes on: of one of
//! them bits are to rot.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::history::{Delivery, Sent};
use crate::lock::lock;
use crate::plan::{MessageId, Plan};

/// At most so many are looked for on a disk.
const MOST: usize = 1_000;

/// Shorter payloads are anywhere.
const BYTES_LEAST: usize = 4;

/// Told by the actors.
#[derive(Debug)]
pub struct Known {
    acked: Mutex<Vec<MessageId>>,
    /// By message.
    came: Vec<AtomicU32>,
}

impl Known {
    /// Of a plan of which nothing is done yet.
    pub fn new(plan: &Plan) -> Self {
        let came = (0..plan.messages.len()).map(|_| AtomicU32::new(0)).collect();
        Self { acked: Mutex::default(), came }
    }

    /// Messages were acked.
    pub fn acked(&self, plan: &Plan, sent: &Sent) {
        let first = plan.streams[sent.stream.place()].first.0 + sent.first;
        lock(&self.acked).extend((first..first + sent.count).map(MessageId));
    }

    /// Messages came to a consumer.
    pub fn came(&self, deliveries: &[Delivery]) {
        for message in deliveries.iter().filter_map(|delivery| delivery.message()) {
            self.came[message.place()].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Acked messages that can be told apart from others on a disk: those that did not come to every
    /// consumer of their topic first, for whoever has one is not hurt by its loss.
    pub fn to_rot(&self, plan: &Plan) -> Vec<MessageId> {
        let acked = lock(&self.acked).clone();
        let long = acked.into_iter().filter(|id| plan.messages.payload(*id).len() >= BYTES_LEAST);
        let is_everywhere = |id: &MessageId| {
            let topic = plan.streams[plan.messages.stream(*id).place()].topic;
            let consumers = plan.topics[topic.place()].consumers.len();
            self.came[id.place()].load(Ordering::Relaxed) as usize >= consumers
        };
        let (came, due): (Vec<_>, Vec<_>) = long.partition(is_everywhere);
        due.into_iter().chain(came).take(MOST).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Known;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, plan};
    use crate::history::Delivery;

    #[test]
    fn what_is_still_due_comes_first() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let known = Known::new(&plan);
        assert!(known.to_rot(&plan).is_empty(), "nothing is acked");
        let history = complete(&plan);
        for sent in history.producers.iter().flat_map(|part| &part.sends) {
            known.acked(&plan, sent);
        }
        let acked = known.to_rot(&plan);
        let is_long = |id: &&_| plan.messages.payload(**id).len() >= 4;
        assert!(!acked.is_empty() && acked.iter().all(|id| is_long(&id)));
        let first = acked[0];
        let topic = plan.streams[plan.messages.stream(first).place()].topic;
        for _ in &plan.topics[topic.place()].consumers {
            assert_eq!(known.to_rot(&plan)[0], first);
            known.came(&[Delivery::new(Some(first), None)]);
        }
        assert_eq!(known.to_rot(&plan).last(), Some(&first));
    }
}
