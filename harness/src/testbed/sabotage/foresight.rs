//! Knows from the plan what a producer sends next.
//!
//! A broker's id does not say which planned producer it is, and the payloads do: every stream of
//! the topic that does not explain what came so far is out. What all others send next is known.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use broker::store::Append;
use broker_client::wire::{ProducerId, Sequence};

use super::truth::lock;
use crate::plan::{MessageId, Plan};

/// What is known of who is who.
pub(super) struct Foresight {
    plan: Arc<Plan>,
    /// By stream: the messages of each of its requests, by id.
    requests: Vec<Vec<Range<u32>>>,
    known: Mutex<BTreeMap<ProducerId, Known>>,
}

/// What is known of one id.
struct Known {
    /// The streams that it may be.
    streams: Vec<usize>,
    /// How many requests it sent.
    requests: usize,
    next: Sequence,
}

impl Foresight {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        let mut requests = vec![Vec::new(); plan.streams.len()];
        for request in plan.producers.iter().flat_map(|producer| &producer.requests) {
            let first = plan.streams[request.stream.place()].first.0 + request.first;
            requests[request.stream.place()].push(first..first + request.count);
        }
        Self { plan, requests, known: Mutex::default() }
    }

    /// Takes note of a request, and says the payloads of the same producer's next one on the topic
    /// where that is sure. Nothing for a request that is repeated or has no sequence.
    pub(super) fn next(&self, append: &Append<'_>) -> Option<Vec<&str>> {
        let sequence = append.sequence?;
        let mut all = lock(&self.known);
        let known = all.entry(append.producer).or_insert_with(|| Known {
            streams: self.streams(append.topic),
            requests: 0,
            next: 0,
        });
        if sequence < known.next {
            return None;
        }
        if sequence > known.next {
            // Something was missed, so nothing is sure any more.
            known.streams.clear();
        }
        let place = known.requests;
        known.streams.retain(|stream| {
            let planned = self.requests[*stream].get(place);
            planned.is_some_and(|messages| self.payloads(messages).eq(append.payloads))
        });
        known.requests += 1;
        known.next = sequence + append.payloads.len() as Sequence;

        let mut nexts = known.streams.iter().map(|stream| self.requests[*stream].get(place + 1));
        let next = nexts.next().flatten()?;
        let same = |other: Option<&Range<u32>>| {
            other.is_some_and(|other| self.payloads(other).eq(self.payloads(next)))
        };
        nexts.all(same).then(|| self.payloads(next).collect())
    }

    fn streams(&self, topic: &str) -> Vec<usize> {
        let mut topics = self.plan.topics.iter();
        let topic = topics.find(|known| known.name.as_str() == topic);
        topic.map_or_else(Vec::new, |topic| {
            topic.streams.iter().map(|stream| stream.place()).collect()
        })
    }

    fn payloads(&self, messages: &Range<u32>) -> impl Iterator<Item = &str> {
        messages.clone().map(|id| self.plan.messages.payload(MessageId(id)))
    }
}
