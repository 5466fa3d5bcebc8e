//! What was due and did not come, and what keeps a run from being a pass.

use std::collections::BTreeSet;

use harness::history::{Offset, Subscribed};
use harness::plan::{MessageId, TopicIndex};
use harness::scenario::{Acked, AnomalyKind, Delivery, Order};

use super::order::is_circular;
use super::{Got, Judge, Judged};

impl Judge<'_> {
    pub(super) fn lost(&self, judged: &mut Judged) {
        let breaks = self.plan.scenario.expect.delivery != Delivery::AtMostOnce;
        for (consumer, own) in self.plan.consumers.iter().enumerate() {
            for topic in &own.topics {
                let missing = self.messages().filter(|message| {
                    self.topic(*message) == *topic
                        && self.acked(*message).is_some()
                        && !self.has(consumer, *topic, *message)
                });
                for message in missing {
                    match self.is_due(consumer, *topic, message) {
                        Some(true) => judged.one(AnomalyKind::Lost, breaks),
                        Some(false) => {}
                        None => drop(judged.open.insert(AnomalyKind::Lost)),
                    }
                }
            }
        }
    }

    fn has(&self, consumer: usize, topic: TopicIndex, message: MessageId) -> bool {
        let own = |got: &Got<'_>| {
            got.consumer == consumer && got.topic == topic && got.message == Some(message)
        };
        self.got.iter().any(own)
    }

    fn subscription(&self, consumer: usize, topic: TopicIndex) -> Option<&Subscribed> {
        let own = |claim: &&Subscribed| claim.topic == topic && claim.confirmed.is_some();
        self.history.consumers[consumer].subscriptions.iter().find(own)
    }

    /// None where what would decide it is in dispute.
    fn is_due(&self, consumer: usize, topic: TopicIndex, message: MessageId) -> Option<bool> {
        let Some(claim) = self.subscription(consumer, topic) else { return Some(false) };
        let confirmed = claim.confirmed.unwrap().stamp;
        if self.sent(message).is_some_and(|sent| confirmed < sent) {
            return Some(true);
        }
        if self.acked(message).is_some_and(|acked| acked < claim.invoked.stamp) {
            return Some(false);
        }
        if self.disputed(topic) || self.stale {
            return None;
        }
        let seen = self.got.iter().filter(|got| {
            got.message == Some(message)
                && got.topic == topic
                && got.subscription.epoch == claim.epoch
        });
        let mut places: BTreeSet<Offset> = seen.filter_map(|got| got.offset).collect();
        places.extend(self.acked_in(claim, message));
        if places.len() > 1 {
            return None;
        }
        match (claim.offset, places.first()) {
            (Some(start), Some(offset)) => Some(*offset >= start),
            _ => self.is_behind_what_came(consumer, topic, message),
        }
    }

    /// The offset that its ack named in the life of the store that the subscription is of.
    pub(super) fn acked_in(&self, claim: &Subscribed, message: MessageId) -> Option<Offset> {
        let (epoch, offset) = self.acked_at(message)?;
        (epoch == claim.epoch).then_some(offset)
    }

    /// Whether anything shows that it stands behind something that this consumer got: an ack, or a
    /// consumer that got both in this order.
    fn is_behind_what_came(
        &self,
        consumer: usize,
        topic: TopicIndex,
        message: MessageId,
    ) -> Option<bool> {
        let claim = self.subscription(consumer, topic)?;
        // What came without an offset may be from before, where its ack says so.
        let is_from_there = |got: &&&Got<'_>| {
            let at = self.acked_in(claim, got.message.unwrap());
            got.offset.is_some() || at.is_none_or(|at| Some(at) >= claim.offset)
        };
        let firsts = self.firsts(consumer, topic);
        let came: Vec<&Got<'_>> = firsts.iter().filter(is_from_there).copied().collect();
        let order = self.plan.scenario.expect.order;
        if order == Order::None {
            return Some(false);
        }
        let is_behind = |got: &&Got<'_>| {
            let first = got.message.unwrap();
            self.counts(first, message) && self.is_before(first, message)
        };
        if came.iter().any(is_behind) {
            return Some(true);
        }
        // What may stand in the log twice may be ahead elsewhere, and behind here.
        let own = came.iter().filter(|got| !self.may_be_the_second(got));
        let own: Vec<MessageId> = own.filter_map(|got| got.message).collect();
        let shown = (0..self.plan.consumers.len()).any(|other| {
            let firsts = self.firsts(other, topic);
            let at = firsts.iter().position(|got| got.message == Some(message));
            let is_own = |got: &&Got<'_>| {
                let first = got.message.unwrap();
                own.contains(&first) && self.counts(first, message)
            };
            at.is_some_and(|at| {
                self.reordered(&firsts).is_empty() && firsts[..at].iter().any(is_own)
            })
        });
        // What other consumers show may be false where one of them is out of order.
        if !shown {
            Some(false)
        } else if self.all_agree(topic) {
            Some(true)
        } else {
            None
        }
    }

    fn all_agree(&self, topic: TopicIndex) -> bool {
        let mut edges = BTreeSet::new();
        for consumer in 0..self.plan.consumers.len() {
            let firsts = self.firsts(consumer, topic);
            for (place, got) in firsts.iter().enumerate() {
                edges.extend(firsts[..place].iter().map(|own| (own.message, got.message)));
            }
        }
        for x in self.messages() {
            for y in self.messages() {
                if self.topic(x) == topic && self.topic(y) == topic && self.is_before(x, y) {
                    edges.insert((Some(x), Some(y)));
                }
            }
        }
        !is_circular(&edges)
    }

    pub(super) fn doubts(&self, judged: &mut Judged) {
        let acked = self.messages().filter(|message| self.acked(*message).is_some()).count();
        judged.doubtful |= acked == 0;
        if self.plan.scenario.expect.acked == Acked::All {
            judged.doubtful |= acked < self.plan.messages.len();
        }
        for (consumer, own) in self.plan.consumers.iter().enumerate() {
            for topic in &own.topics {
                let on_topic = |message: &MessageId| {
                    self.topic(*message) == *topic && self.acked(*message).is_some()
                };
                let due = |message| self.is_due(consumer, *topic, message) != Some(false);
                let any_due = self.messages().filter(on_topic).any(due);
                let any =
                    self.got.iter().any(|got| got.consumer == consumer && got.topic == *topic);
                judged.doubtful |= self.messages().any(|m| on_topic(&m)) && !any_due && !any;
            }
        }
    }
}
