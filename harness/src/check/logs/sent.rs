//! What the plan sends to a topic, payload by payload.

use std::collections::BTreeMap;

use super::sequence::{self, Missing};
use crate::check::outcome::Promise;
use crate::plan::{MessageId, Plan, TopicIndex};
use crate::scenario::{AnomalyKind, Start};

/// What the plan sends to one topic. A payload is known by its place in `payloads`.
pub(super) struct Sent<'a> {
    pub(super) plan: &'a Plan,
    pub(super) topic: TopicIndex,
    pub(super) payloads: BTreeMap<&'a str, u32>,
    /// By payload: the messages that have it.
    pub(super) messages: Vec<Vec<MessageId>>,
    /// By producer of the topic: the payloads in sending order, and the messages.
    pub(super) streams: Vec<(Vec<u32>, MessageId)>,
    /// Whether no payload occurs twice.
    pub(super) unique: bool,
    /// Whether a log may begin late.
    pub(super) prefix_may_miss: bool,
}

impl<'a> Sent<'a> {
    pub(super) fn new(plan: &'a Plan, topic: TopicIndex) -> Self {
        let mut payloads = BTreeMap::new();
        let mut messages: Vec<Vec<MessageId>> = Vec::new();
        let mut streams = Vec::new();
        for stream in &plan.topics[topic.place()].streams {
            let stream = &plan.streams[stream.place()];
            let mut own = Vec::with_capacity(stream.count as usize);
            for id in stream.messages().map(MessageId) {
                let next = MessageId::new(payloads.len()).0;
                let payload = *payloads.entry(plan.messages.payload(id)).or_insert(next);
                if payload == next {
                    messages.push(Vec::new());
                }
                messages[payload as usize].push(id);
                own.push(payload);
            }
            streams.push((own, stream.first));
        }
        let unique = messages.iter().all(|own| own.len() == 1);
        let prefix_may_miss = plan.scenario.start == Start::Together;
        Self { plan, topic, payloads, messages, streams, unique, prefix_may_miss }
    }

    pub(super) fn name(&self) -> &str {
        self.plan.topics[self.topic.place()].name.as_str()
    }

    pub(super) fn text(&self, payload: u32) -> &'a str {
        self.plan.messages.payload(self.messages[payload as usize][0])
    }

    /// The one message with this payload.
    pub(super) fn only(&self, payload: u32) -> Option<MessageId> {
        let own = &self.messages[payload as usize];
        (own.len() == 1).then(|| own[0])
    }

    /// A payload for people: its message where there is but one.
    pub(super) fn describe(&self, payload: u32) -> String {
        match self.only(payload) {
            Some(message) => self.plan.describe(message),
            None => format!("{:?}", self.text(payload)),
        }
    }

    /// How often each payload is missing from lines that hold none too often; only those that are.
    pub(super) fn missing_from(&self, lines: &[u32]) -> Missing {
        let all = (0..).zip(self.messages.iter().map(Vec::len)).collect();
        sequence::without(&all, &sequence::counted(lines))
    }

    /// Which stream a message is of, by place in `streams`.
    pub(super) fn stream(&self, message: MessageId) -> usize {
        self.streams.partition_point(|(_, first)| *first <= message) - 1
    }

    /// Whether a kind of anomaly matters: the promise is made, or the scenario expects to find it.
    pub(super) fn judges(&self, promise: Promise, kind: AnomalyKind) -> bool {
        let expect = &self.plan.scenario.expect;
        promise.made(expect) || expect.anomalies.contains(&kind)
    }

    /// Whether a line may repeat a message and stand for another one with the same payload that was
    /// over before the log began. Then counts prove nothing.
    pub(super) fn is_vague(&self) -> bool {
        self.prefix_may_miss
            && !self.unique
            && !Promise::NoDuplicate.made(&self.plan.scenario.expect)
    }

    pub(super) fn total(&self) -> usize {
        self.messages.iter().map(Vec::len).sum()
    }
}
