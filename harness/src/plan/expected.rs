//! What a run of the plan comes to when everything goes well: totals, and what it takes.

use super::model::{ConsumerIndex, Plan, ProducerIndex, TopicIndex};
use crate::scenario::{
    Acked, Acknowledge, Consumer, Delivery, Network, ORIGINAL_DRIVER, Order, Start,
};

impl Plan {
    /// Messages on a topic over all producers.
    pub fn topic_total(&self, topic: TopicIndex) -> u64 {
        let streams = self.topics[topic.place()].streams.iter();
        streams.map(|stream| u64::from(self.streams[stream.place()].count)).sum()
    }

    /// Messages of a producer over all topics.
    pub fn producer_total(&self, producer: ProducerIndex) -> u64 {
        let streams = self.producers[producer.place()].streams.iter();
        streams.map(|stream| u64::from(self.streams[stream.place()].count)).sum()
    }

    /// Deliveries to a consumer over all its topics, once each.
    pub fn consumer_total(&self, consumer: ConsumerIndex) -> u64 {
        let topics = self.consumers[consumer.place()].topics.iter();
        topics.map(|topic| self.topic_total(*topic)).sum()
    }

    /// Messages that are sent, over all producers.
    pub fn sent_total(&self) -> u64 {
        self.messages.len() as u64
    }

    /// Deliveries over all consumers, once each.
    pub fn delivered_total(&self) -> u64 {
        let on = |(place, topic): (usize, &super::Topic)| {
            self.topic_total(TopicIndex::new(place)) * topic.consumers.len() as u64
        };
        self.topics.iter().enumerate().map(on).sum()
    }

    /// Whether fewer deliveries than [`Plan::delivered_total`] are as good: messages may start before
    /// consumers do, may be lost, or may stay without an ack; and so may those of clients that do
    /// nothing about faults. Where anomalies are expected or allowed, nothing is known before.
    pub fn fewer_may_come(&self) -> bool {
        let expect = &self.scenario.expect;
        self.scenario.start == Start::Together
            || expect.delivery == Delivery::AtMostOnce
            || expect.acked == Acked::Any
            || !expect.anomalies.is_empty()
            || !expect.allow.is_empty()
            || self.helpless()
    }

    /// Whether faults meet clients that do nothing about them, as the original's. On the original
    /// routes all are such: what has an unknown outcome cannot be repeated there, and an answer
    /// that is lost takes its message along.
    fn helpless(&self) -> bool {
        let scenario = &self.scenario;
        let automatic = |own: &Consumer| own.acknowledge == Acknowledge::Automatic;
        self.is_disturbed()
            && (scenario.broker.driver == ORIGINAL_DRIVER
                || scenario.producers.iter().any(|own| !own.retry)
                || scenario.consumers.iter().any(automatic))
    }

    /// Whether anything keeps requests or answers from arriving: faults, or a simulated network that
    /// loses some.
    pub fn is_disturbed(&self) -> bool {
        let loses = |own: &Network| own.lose_request > 0.0 || own.lose_response > 0.0;
        self.scenario.network.as_ref().is_some_and(loses) || !self.scenario.faults.is_empty()
    }

    /// Whether the ledger's lines are known before the run: every message arrives, each producer's
    /// in its order. Else they show planned totals alone.
    pub fn is_exact(&self) -> bool {
        !self.fewer_may_come() && self.scenario.expect.order != Order::None
    }

    /// Connections that are open at once at most: a producer has one for each request of a round, or
    /// for each that may be in flight; a consumer one for each of its topics.
    pub fn connections(&self) -> u64 {
        let widest = |(place, producer): (usize, &super::Producer)| {
            let in_flight = self.scenario.producers[place].in_flight.get() as usize;
            if in_flight > 1 {
                return producer.requests.len().min(producer.streams.len() * in_flight) as u64;
            }
            producer.rounds.iter().map(|round| round.requests.len()).max().unwrap_or(0) as u64
        };
        let producers: u64 = self.producers.iter().enumerate().map(widest).sum();
        let consumers: u64 =
            self.consumers.iter().map(|consumer| consumer.topics.len() as u64).sum();
        producers + consumers
    }
}
