//! One order out of many, where the broker tells no offsets.
//!
//! The feeds are merged as long as some message stands at the head of every feed that still has it.
//! If none does, the feeds contradict each other there, in a circle of two or more: the head that
//! most feeds agree on goes next, of equals that of a feed that acks do not contradict. Each feed is
//! then compared with the result. Every step looks at each delivery once; only a contradiction looks
//! at all heads.

use super::acks::{Acks, DeliveryPlaces};
use super::out_of_order::OutOfOrder;
use crate::check::facts::{Bits, Facts, Step, strays};
use crate::plan::{MessageId, TopicIndex};

/// One feed's first deliveries.
struct Input {
    feed: usize,
    entries: Vec<MessageId>,
    /// How many are in the result already, or skipped because they are.
    next: usize,
}

/// The deliveries of one topic that come late against the order that most feeds agree on. Those that
/// are `counted` already are left out of it, and those that may be of the second place of their message
/// in the log; where feeds are equal the first one that acks do not contradict wins.
pub(super) fn late(
    facts: &Facts<'_>,
    topic: TopicIndex,
    counted: &DeliveryPlaces,
    acks: &Acks<'_>,
) -> Vec<OutOfOrder> {
    let feeds = facts.feeds.iter().enumerate().filter(|(_, feed)| feed.topic == topic);
    let mut inputs: Vec<Input> = feeds
        .map(|(place, feed)| Input {
            feed: place,
            entries: feed
                .firsts(facts.history)
                .filter(|(seen, _)| !counted.contains(&(place, seen.place)))
                .filter(|(seen, message)| {
                    let request = facts.requests.of(*message);
                    request.is_none_or(|own| !facts.may_be_the_second(feed, *seen, *message, own))
                })
                .map(|(_, message)| message)
                .collect(),
            next: 0,
        })
        .collect();
    inputs.sort_by_key(|input| !acks.trust(input.feed));
    let rank = Merge::new(facts, topic, &mut inputs).run();
    inputs.sort_by_key(|input| input.feed);
    let mut found = Vec::new();
    for Input { feed, entries, .. } in inputs {
        let step = |(place, message): (usize, MessageId)| Step {
            offset: u64::from(rank[facts.places.of(message)]),
            message,
            place,
            poll: 0,
            trust: 0,
        };
        let steps: Vec<Step> = entries.into_iter().enumerate().map(step).collect();
        found.extend(strays(&steps).into_iter().map(|stray| OutOfOrder::new(feed, &stray)));
    }
    found
}

struct Merge<'a> {
    facts: &'a Facts<'a>,
    inputs: &'a mut [Input],
    /// By place on the topic: in how many inputs it is, and at the head of how many.
    holders: Vec<u32>,
    heads: Vec<u32>,
    done: Bits,
    rank: Vec<u32>,
    next_rank: u32,
    /// At the head of every input that has it.
    ready: Vec<MessageId>,
    left: usize,
}

impl<'a> Merge<'a> {
    fn new(facts: &'a Facts<'a>, topic: TopicIndex, inputs: &'a mut [Input]) -> Self {
        let size = facts.places.count(topic);
        let mut holders = vec![0; size];
        for message in inputs.iter().flat_map(|input| &input.entries) {
            holders[facts.places.of(*message)] += 1;
        }
        let left = holders.iter().filter(|holders| **holders > 0).count();
        Self {
            facts,
            inputs,
            holders,
            heads: vec![0; size],
            done: Bits::new(size),
            rank: vec![0; size],
            next_rank: 0,
            ready: Vec::new(),
            left,
        }
    }

    /// The rank of each message, by place on the topic.
    fn run(mut self) -> Vec<u32> {
        for input in 0..self.inputs.len() {
            self.show_head(input);
        }
        while self.left > 0 {
            let next = match self.ready.pop() {
                Some(next) => next,
                None => self.favourite(),
            };
            self.place(next);
        }
        self.rank
    }

    /// Puts a message into the result and moves the inputs on that it leads.
    fn place(&mut self, message: MessageId) {
        let own = self.facts.places.of(message);
        if !self.done.insert(own) {
            return;
        }
        self.rank[own] = self.next_rank;
        self.next_rank += 1;
        self.left -= 1;
        for input in 0..self.inputs.len() {
            let Input { entries, next, .. } = &self.inputs[input];
            if entries.get(*next).is_some_and(|head| *head == message) {
                self.show_head(input);
            }
        }
    }

    /// Moves a input to its next message that is not in the result.
    fn show_head(&mut self, input: usize) {
        let Input { entries, next, .. } = &mut self.inputs[input];
        while let Some(message) = entries.get(*next) {
            let own = self.facts.places.of(*message);
            if !self.done.contains(own) {
                self.heads[own] += 1;
                if self.heads[own] == self.holders[own] {
                    self.ready.push(*message);
                }
                return;
            }
            *next += 1;
        }
    }

    /// The head that most inputs agree on, relative to how many have it; of equals the first input's.
    fn favourite(&self) -> MessageId {
        let heads = self.inputs.iter().filter_map(|input| input.entries.get(input.next));
        let votes = |message: MessageId| {
            let own = self.facts.places.of(message);
            (self.heads[own], std::cmp::Reverse(self.holders[own]))
        };
        let mut best: Option<MessageId> = None;
        for message in heads {
            if best.is_none_or(|best| votes(best) < votes(*message)) {
                best = Some(*message);
            }
        }
        best.expect("something is left, so an input has a head")
    }
}
