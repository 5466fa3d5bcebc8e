//! What a broker's retention deleted before a consumer had it. That is no loss: the broker keeps
//! messages for a time, or up to a size, and says so to a consumer that comes later.

use std::ops::Range;

use super::{Answer, ConsumerHistory, EpochIndex, History, Moment, Offset};
use crate::numbers;
use crate::plan::{Plan, TopicIndex};

/// What was deleted before one consumer had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Of this topic.
    pub topic: TopicIndex,
    /// In this life of the store.
    pub epoch: Option<EpochIndex>,
    /// At these offsets.
    pub offsets: Range<Offset>,
    /// When it was told.
    pub told: Moment,
}

impl ConsumerHistory {
    /// What was deleted before it had it, in the order in which it was told.
    pub fn deleted(&self) -> impl Iterator<Item = Deleted> {
        self.polls.iter().filter_map(|poll| {
            let Answer::Deleted(offsets) = &poll.answer else { return None };
            let claim = &self.subscriptions[poll.subscription as usize];
            let (topic, epoch, offsets) = (claim.topic, claim.epoch, offsets.clone());
            Some(Deleted { topic, epoch, offsets, told: poll.completed })
        })
    }
}

/// A sentence for each consumer and topic of which something was deleted.
#[must_use]
pub fn deleted_words(plan: &Plan, history: &History) -> Vec<String> {
    let mut sentences = Vec::new();
    for (consumer, part) in plan.consumers.iter().zip(&history.consumers) {
        for &topic in &consumer.topics {
            let own = part.deleted().filter(|deleted| deleted.topic == topic);
            let count = own.map(|deleted| deleted.offsets.end - deleted.offsets.start).sum();
            if count > 0 {
                let messages = numbers::count(count, "message");
                let (name, number) = (&plan.topics[topic.place()].name, consumer.number);
                sentences.push(format!(
                    "the broker's retention deleted {messages} of {name} before C{number} had \
                     them: they do not count as lost"
                ));
            }
        }
    }
    sentences
}
