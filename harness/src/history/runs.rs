//! The deliveries of a consumer, in runs of the same origin: a batch comes together, so that what is
//! counted of deliveries is counted by run, and ten millions of them cost little.

use super::origins::{Origin, Origins};
use super::{Answer, ConsumerHistory, Polled};
use crate::plan::{Plan, TopicIndex};

/// Deliveries of one poll, one behind the other, whose messages have the same origin.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The poll that brought them.
    pub poll: &'a Polled,
    /// The topic that was polled.
    pub topic: TopicIndex,
    /// None of what was never sent.
    pub origin: Option<&'a Origin>,
    /// How many they are.
    pub count: u64,
    /// How many of them are of a message of this topic that had not come before.
    pub firsts: u64,
}

/// Walks over the deliveries of consumers.
#[derive(Debug)]
pub struct Walk<'a> {
    plan: &'a Plan,
    origins: &'a Origins,
    /// By message: whether it has come to the consumer.
    came: Vec<bool>,
}

impl<'a> Walk<'a> {
    /// For consumers of a run.
    pub fn new(plan: &'a Plan, origins: &'a Origins) -> Self {
        Self { plan, origins, came: vec![false; plan.messages.len()] }
    }

    /// Calls `each` with the runs of a consumer, as they came.
    pub fn runs(&mut self, part: &'a ConsumerHistory, mut each: impl FnMut(Run<'a>)) {
        self.forget(part);
        let mut rest = &part.deliveries[..];
        for poll in &part.polls {
            let Answer::Delivered(count @ 1..) = poll.answer else { continue };
            let topic = part.subscriptions[poll.subscription as usize].topic;
            let (mut own, others) = rest.split_at((count as usize).min(rest.len()));
            rest = others;
            while let Some(first) = own.first() {
                let place = self.origins.place_of(*first);
                let origin = self.origins.at(place);
                let is_own = origin.is_some_and(|origin| origin.topic == topic);
                let (mut count, mut firsts) = (0, 0);
                for delivery in own {
                    if self.origins.place_of(*delivery) != place {
                        break;
                    }
                    count += 1;
                    if let Some(message) = delivery.message().filter(|_| is_own) {
                        let came = &mut self.came[message.place()];
                        firsts += u64::from(!*came);
                        *came = true;
                    }
                }
                own = &own[count..];
                each(Run { poll, topic, origin, count: count as u64, firsts });
            }
        }
    }

    /// Nothing has come to this consumer yet of the topics that it polls: what is looked at is all
    /// that is forgotten, for there may be very many consumers of few messages each.
    fn forget(&mut self, part: &ConsumerHistory) {
        for claim in &part.subscriptions {
            for stream in &self.plan.topics[claim.topic.place()].streams {
                let messages = self.plan.streams[stream.place()].messages();
                self.came[messages.start as usize..messages.end as usize].fill(false);
            }
        }
    }
}
