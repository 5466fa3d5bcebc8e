//! Which messages are sabotaged, and at which consumer: chosen from the plan and its seed before
//! anything is sent, so that equal plans are sabotaged at equal places.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

use crate::chance::{Purpose, below, generator};
use crate::input::names::Actor;
use crate::plan::{MessageId, Plan, Stream, StreamIndex};

/// So many messages of a producer lie between two that are chosen, so that one anomaly does not
/// touch another.
pub(super) const APART: u32 = 2;

/// How often. Between two chosen messages of a producer on a topic are two others at least, and its
/// first and last one are never chosen, so more than a third of all is not to be had.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// So many messages in a hundred of all planned ones, above 0 and at most 100; one at least.
    Percent(f64),
    /// So many messages, at least 1.
    Count(u32),
}

/// What is chosen from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// All messages.
    Messages,
    /// The first message of each request.
    Starts,
    /// The last message of each request.
    Ends,
}

/// The chosen messages, each with the consumer that it happens to where it is one consumer's matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen(BTreeMap<MessageId, Actor>);

impl Chosen {
    /// Chooses as many messages as wanted, or as many as there are.
    pub(super) fn new(plan: &Plan, among: Among, amount: Amount) -> Self {
        let mut chance = generator(plan.scenario.seed, Purpose::Sabotage, 0);
        let requests = requests(plan);
        let streams = plan.streams.iter().zip(&requests);
        let candidates: Vec<MessageId> = streams
            .filter(|(stream, _)| !plan.topics[stream.topic.place()].consumers.is_empty())
            .flat_map(|(stream, requests)| candidates(stream, requests, among))
            .collect();
        let wanted = wanted(amount, plan.messages.len()).min(candidates.len());
        let chosen = sample(&mut chance, candidates.len(), wanted).into_iter().map(|place| {
            let message = candidates[place];
            let consumers = &plan.topics[plan.stream(message).topic.place()].consumers;
            let consumer = consumers[index(&mut chance, consumers.len())];
            (message, Actor::consumer(plan.consumers[consumer.place()].number))
        });
        Self(chosen.collect())
    }

    /// The consumer of a message, if it is chosen.
    pub(super) fn consumer(&self, message: MessageId) -> Option<Actor> {
        self.0.get(&message).copied()
    }

    /// The consumer of the first chosen one of these messages.
    pub(super) fn first_of(&self, messages: Range<MessageId>) -> Option<Actor> {
        self.0.range(messages).next().map(|(_, consumer)| *consumer)
    }
}

/// By stream: the messages of each of its requests.
fn requests(plan: &Plan) -> Vec<Vec<Range<u32>>> {
    let mut requests = vec![Vec::new(); plan.streams.len()];
    for request in plan.producers.iter().flat_map(|producer| &producer.requests) {
        let StreamIndex(stream) = request.stream;
        let first = plan.streams[stream as usize].first.0 + request.first;
        requests[stream as usize].push(first..first + request.count);
    }
    requests
}

fn candidates(stream: &Stream, requests: &[Range<u32>], among: Among) -> Vec<MessageId> {
    let all: Vec<u32> = match among {
        Among::Messages => stream.messages().collect(),
        Among::Starts => requests.iter().map(|request| request.start).collect(),
        Among::Ends => requests.iter().map(|request| request.end - 1).collect(),
    };
    let inner = all.get(1..all.len().max(2) - 1).unwrap_or_default();
    inner.iter().step_by(APART as usize + 1).copied().map(MessageId).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a part of a number of messages, which is far below 2^53"
)]
fn wanted(amount: Amount, messages: usize) -> usize {
    match amount {
        Amount::Percent(percent) => ((messages as f64 * percent / 100.0).round() as usize).max(1),
        Amount::Count(count) => count as usize,
    }
}

/// `wanted` different numbers below `all`, ascending, every choice as likely (Floyd's algorithm).
fn sample(chance: &mut Pcg64Mcg, all: usize, wanted: usize) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    for last in all - wanted..all {
        let number = index(chance, last + 1);
        if !chosen.insert(number) {
            chosen.insert(last);
        }
    }
    chosen
}

/// A number below `end`, which is above 0.
fn index(chance: &mut Pcg64Mcg, end: usize) -> usize {
    usize::try_from(below(chance.next_u64(), end as u64)).expect("it was a usize")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn a_sample_has_its_size_and_comes_again_from_its_seed() {
        let draw = |all, wanted| sample(&mut generator(1, Purpose::Sabotage, 0), all, wanted);
        for (all, wanted) in [(0, 0), (1, 1), (10, 10), (1000, 7)] {
            let chosen = draw(all, wanted);
            assert_eq!(chosen.len(), wanted);
            assert!(chosen.iter().all(|number| *number < all));
            assert_eq!(chosen, draw(all, wanted));
        }
    }

    #[test]
    fn the_first_and_the_last_message_of_a_producer_and_neighbours_are_never_chosen() {
        let yaml = "topics: { T1: P1 P2 -> C1 }\n\
                    producers: { P1: { generate: { messages: 9, size: 1..1 }, batch: 2 },\n\
                    P2: { generate: { messages: 2, size: 1..1 } } }\n";
        let (_folder, plan) = fixture::plan(yaml, &[]);
        for (among, expected) in
            [(Among::Messages, vec![1, 4, 7]), (Among::Starts, vec![2]), (Among::Ends, vec![3])]
        {
            let chosen = Chosen::new(&plan, among, Amount::Percent(100.0));
            let places: Vec<u32> = chosen.0.keys().map(|message| message.0).collect();
            assert_eq!(places, expected, "{among:?}");
        }
    }
}
