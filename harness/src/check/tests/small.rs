//! Histories of a few messages, written down stamp by stamp: what was attacked, and its brothers.

use super::*;
use crate::history::{EpochIndex, Polled, ProducerHistory, Sent, Session, Subscribed};
use crate::plan::{StreamIndex, TopicIndex};

/// One topic, `T1`, of which each producer sends as many messages as the largest number named.
pub(super) struct Case {
    pub(super) plan: Plan,
    pub(super) history: History,
    per_producer: u32,
    stamp: u64,
}

const fn at(stamp: u64) -> Moment {
    Moment { stamp, at: stamp * 1_000 }
}

impl Case {
    /// Every consumer has subscribed from offset 0 before anything is sent, at stamps below 10.
    pub(super) fn new(producers: u32, consumers: u32, messages: u32) -> Self {
        let mut plan = plan(&Shape { topics: 1, producers, consumers, messages, batch: 1 });
        // A case sends no more than it needs.
        plan.scenario.expect.acked = Acked::Any;
        let session = |producer| ProducerHistory {
            sessions: vec![Session {
                incarnation: 0,
                stream: StreamIndex(producer),
                broker: 1,
                id: Some(producer.to_string()),
                epoch: Some(EpochIndex(0)),
                base: 0,
                invoked: at(1),
                confirmed: at(2),
            }],
            sends: Vec::new(),
        };
        let subscribed = Subscribed {
            incarnation: 0,
            topic: TopicIndex(0),
            id: Some("0".to_owned()),
            epoch: Some(EpochIndex(0)),
            offset: Some(0),
            invoked: at(3),
            confirmed: Some(at(4)),
            forgotten: None,
        };
        let consumer =
            ConsumerHistory { subscriptions: vec![subscribed], ..ConsumerHistory::default() };
        let history = History {
            epochs: vec!["e1".to_owned()],
            producers: (0..producers).map(session).collect(),
            consumers: vec![consumer; consumers as usize],
            ..History::default()
        };
        Self { plan, history, per_producer: messages, stamp: 1_000 }
    }

    /// With a second life of the store, `e2`.
    pub(super) fn of_two_lives(mut self) -> Self {
        self.history.epochs.push("e2".to_owned());
        self
    }

    /// As the original routes: no epoch and no start.
    pub(super) fn plain(producers: u32, consumers: u32, messages: u32) -> Self {
        let mut case = Self::new(producers, consumers, messages);
        for session in case.history.producers.iter_mut().flat_map(|own| &mut own.sessions) {
            session.epoch = None;
        }
        for consumer in &mut case.history.consumers {
            let own = &mut consumer.subscriptions[0];
            (own.epoch, own.offset) = (None, None);
        }
        case
    }

    pub(super) fn order(mut self, order: Order) -> Self {
        self.plan.scenario.expect.order = order;
        self
    }

    /// Every producer may have so many requests under way.
    pub(super) fn in_flight(mut self, count: u32) -> Self {
        let count = std::num::NonZeroU32::new(count).unwrap();
        self.plan.scenario.producers.iter_mut().for_each(|own| own.in_flight = count);
        self
    }

    pub(super) fn delivery(mut self, delivery: scenario::Delivery) -> Self {
        self.plan.scenario.expect.delivery = delivery;
        self
    }

    pub(super) fn expecting(mut self, kinds: &[AnomalyKind]) -> Self {
        self.plan.scenario.expect.anomalies = kinds.iter().copied().collect();
        self
    }

    /// Of `P2#1` the message.
    pub(super) fn message(&self, name: &str) -> MessageId {
        let (producer, number) = name[1..].split_once('#').unwrap();
        let (producer, number): (u32, u32) = (producer.parse().unwrap(), number.parse().unwrap());
        MessageId((producer - 1) * self.per_producer + number - 1)
    }

    /// A request of so many messages from this one on.
    pub(super) fn sends(
        mut self,
        name: &str,
        count: u32,
        stamps: (u64, u64),
        outcome: Outcome,
    ) -> Self {
        let message = self.message(name);
        let producer = message.0 / self.per_producer;
        let sends = &mut self.history.producers[producer as usize].sends;
        sends.push(Sent {
            session: 0,
            stream: StreamIndex(producer),
            first: message.0 % self.per_producer,
            count,
            intended: at(stamps.0).at,
            invoked: at(stamps.0),
            completed: at(stamps.1),
            attempts: 1,
            tries: Vec::new(),
            outcome,
        });
        self
    }

    /// Messages one after the other, each acked before the next leaves, at offsets from 0 on.
    pub(super) fn in_turn(mut self, names: &[&str]) -> Self {
        for (offset, name) in (0..).zip(names) {
            self = self.acked(name, (10 + 2 * offset, 11 + 2 * offset), Some(offset));
        }
        self
    }

    pub(super) fn acked(self, name: &str, stamps: (u64, u64), offset: Option<u64>) -> Self {
        let offsets = offset.map_or(Offsets::Untold, Offsets::From);
        self.sends(name, 1, stamps, Outcome::Acked { offsets })
    }

    pub(super) fn claim(&mut self, consumer: usize) -> &mut Subscribed {
        self.history.consumers[consumer - 1].subscriptions.last_mut().unwrap()
    }

    pub(super) fn subscribed(
        mut self,
        consumer: usize,
        stamps: (u64, u64),
        offset: Option<u64>,
    ) -> Self {
        let own = self.claim(consumer);
        (own.invoked, own.confirmed, own.offset) = (at(stamps.0), Some(at(stamps.1)), offset);
        self
    }

    /// A crash, after which the consumer goes on with its subscription.
    pub(super) fn crashed(mut self, consumer: usize) -> Self {
        let mut again = self.claim(consumer).clone();
        again.incarnation += 1;
        self.history.consumers[consumer - 1].subscriptions.push(again);
        self
    }

    /// A poll that brings `P1#1@0 P1#2` under the consumer's last subscription, after everything else.
    pub(super) fn gets(mut self, consumer: usize, deliveries: &str) -> Self {
        let delivery = |word: &str| {
            let (name, offset) = word
                .split_once('@')
                .map_or((word, None), |(name, offset)| (name, Some(offset.parse().unwrap())));
            Delivery::new(Some(self.message(name)), offset)
        };
        let own: Vec<Delivery> = deliveries.split_whitespace().map(delivery).collect();
        self.stamp += 2;
        let part = &mut self.history.consumers[consumer - 1];
        part.polls.push(Polled {
            subscription: u32::try_from(part.subscriptions.len() - 1).unwrap(),
            invoked: at(self.stamp),
            completed: at(self.stamp + 1),
            answer: Answer::Delivered(u32::try_from(own.len()).unwrap()),
        });
        part.deliveries.extend(own);
        self
    }

    #[track_caller]
    pub(super) fn finds(&self, expected: &[(AnomalyKind, u64)]) -> Judgement {
        check(&self.plan, &self.history, expected)
    }

    /// The titles of what breaks a promise, after a look at the kinds.
    #[track_caller]
    pub(super) fn titles(&self, expected: &[(AnomalyKind, u64)]) -> Vec<String> {
        let proofs = self.finds(expected).violations.into_iter().flat_map(|own| own.proofs);
        proofs.map(|proof| proof.title).collect()
    }
}
