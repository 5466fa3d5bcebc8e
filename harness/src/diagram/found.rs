//! Where the messages that diagrams are around are in the history.

use std::collections::{BTreeMap, BTreeSet};

use super::focus::Focus;
use crate::history::{History, Sent};
use crate::plan::{ConsumerIndex, MessageId, Plan, ProducerIndex};

/// Where the messages of all focuses are in the history.
#[derive(Default)]
pub(super) struct Found {
    sends: BTreeMap<MessageId, Vec<(ProducerIndex, usize)>>,
    deliveries: BTreeMap<MessageId, Vec<(ConsumerIndex, usize)>>,
}

impl Found {
    pub(super) fn look(plan: &Plan, history: &History, focuses: &[Focus]) -> Self {
        let mut found = Self::default();
        let mut wanted = vec![false; plan.messages.len()];
        let mut producers = BTreeSet::new();
        for message in focuses.iter().flat_map(|focus| &focus.messages) {
            wanted[message.place()] = true;
            producers.insert(plan.stream(*message).producer);
        }
        for producer in producers {
            for (place, sent) in history.producers[producer.place()].sends.iter().enumerate() {
                for message in carried(plan, sent).filter(|id| wanted[id.place()]) {
                    found.sends.entry(message).or_default().push((producer, place));
                }
            }
        }
        for (consumer, part) in history.consumers.iter().enumerate() {
            for (place, delivery) in part.deliveries.iter().enumerate() {
                if let Some(message) = delivery.message().filter(|id| wanted[id.place()]) {
                    let at = (ConsumerIndex::new(consumer), place);
                    found.deliveries.entry(message).or_default().push(at);
                }
            }
        }
        found
    }

    pub(super) fn sends(&self, message: MessageId) -> &[(ProducerIndex, usize)] {
        self.sends.get(&message).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn deliveries(&self, message: MessageId) -> &[(ConsumerIndex, usize)] {
        self.deliveries.get(&message).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The messages of a request.
pub(super) fn carried(plan: &Plan, sent: &Sent) -> impl Iterator<Item = MessageId> + use<> {
    let first = plan.streams[sent.stream.place()].first.0 + sent.first;
    (first..first + sent.count).map(MessageId)
}
