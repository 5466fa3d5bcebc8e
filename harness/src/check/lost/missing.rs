//! What one feed misses of what was due to it.

use std::ops::Range;

use super::due::Order;
use crate::check::facts::{Facts, Fate, Feed, Request};
use crate::history::deleted::Deleted;
use crate::history::{Stamp, Subscribed};
use crate::plan::{MessageId, StreamIndex};
use crate::scenario;

pub(in crate::check) struct Missing {
    /// Neighbouring losses of one stream.
    pub(super) ranges: Vec<Lost>,
    /// Messages that would be lost, had their ack not stayed unknown.
    pub(super) possible: u64,
    /// What the broker had deleted before the consumer had it: no loss.
    deleted: Vec<Deleted>,
    /// By stream's place on its topic: the first and one past the last message that was due.
    pub(super) spans: Vec<Option<Range<u32>>>,
}

/// Consecutive messages of one stream.
pub(super) struct Lost {
    pub(super) stream: StreamIndex,
    pub(super) slot: u32,
    pub(super) messages: Range<u32>,
}

impl Lost {
    pub(super) const fn count(&self) -> u32 {
        self.messages.end - self.messages.start
    }
}

/// Whether this is the request that decides about the message: one sent again is judged once.
pub(super) fn carries(facts: &Facts<'_>, request: &Request, message: MessageId) -> bool {
    !request.repeated || facts.requests.of(message).is_some_and(|own| own.source == request.source)
}

/// How many messages of a request whose outcome is unknown did not come.
fn possible(facts: &Facts<'_>, feed: &Feed, request: &Request) -> u64 {
    let own = request.messages().map(MessageId::new).zip(facts.places.of_request(request));
    let missing = own
        .filter(|(message, place)| !feed.got.contains(*place) && carries(facts, request, *message));
    missing.count() as u64
}

impl Missing {
    pub(in crate::check) fn of(facts: &Facts<'_>, feed: &Feed) -> Self {
        let streams = facts.plan.topics[feed.topic.place()].streams.len();
        let own = facts.history.consumers[feed.consumer.place()].deleted();
        let mut missing = Self {
            ranges: Vec::new(),
            possible: 0,
            deleted: own.filter(|deleted| deleted.topic == feed.topic).collect(),
            spans: vec![None; streams],
        };
        let Some(claim) = feed.due_from(facts.history) else { return missing };
        let confirmed = claim.confirmed.map_or(Stamp::MAX, |moment| moment.stamp);
        let mut between = Vec::new();
        for request in facts.requests.on(feed.topic) {
            if request.fate == Fate::Unknown && request.invoked > confirmed {
                missing.possible += possible(facts, feed, request);
            }
            if request.fate != Fate::Acked || request.acked < claim.invoked.stamp {
                continue;
            }
            if request.invoked > confirmed && !request.repeated {
                missing.take_over(facts, feed, request);
            } else {
                between.push(request);
            }
        }
        if !between.is_empty() {
            missing.judge_between(facts, feed, claim, &between);
        }
        missing
    }

    /// Whether it is among what is missing.
    pub(in crate::check) fn has(&self, message: MessageId) -> bool {
        self.ranges.iter().any(|range| range.messages.contains(&message.0))
    }

    /// Adds what is missing of a request that is due as a whole.
    fn take_over(&mut self, facts: &Facts<'_>, feed: &Feed, request: &Request) {
        let first = request.first.0;
        self.span(request, first..first + request.count);
        let places = facts.places.of_request(request);
        let mut rest = places.clone();
        while let Some(place) = feed.got.first_missing(rest.clone()) {
            self.lose(facts, request, first + MessageId::new(place - places.start).0);
            rest.start = place + 1;
        }
    }

    /// Notes that the messages were due.
    fn span(&mut self, request: &Request, messages: Range<u32>) {
        let span = &mut self.spans[request.slot as usize];
        let old = span.get_or_insert(messages.clone());
        *old = old.start.min(messages.start)..old.end.max(messages.end);
    }

    fn lose(&mut self, facts: &Facts<'_>, request: &Request, message: u32) {
        if self.is_deleted(facts, MessageId(message)) {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if last.stream == request.stream && last.messages.end == message => {
                last.messages.end += 1;
            }
            _ => self.ranges.push(Lost {
                stream: request.stream,
                slot: request.slot,
                messages: message..message + 1,
            }),
        }
    }

    /// Whether the broker had deleted it, as it told the consumer: it was acked at an offset of those.
    fn is_deleted(&self, facts: &Facts<'_>, message: MessageId) -> bool {
        self.deleted.iter().any(|deleted| {
            let at = facts.requests.acked_in(facts.history, deleted.epoch, message);
            at.is_some_and(|at| deleted.offsets.contains(&at))
        })
    }

    /// Judges the requests that were on their way while the subscription was.
    fn judge_between(
        &mut self,
        facts: &Facts<'_>,
        feed: &Feed,
        claim: &Subscribed,
        between: &[&Request],
    ) {
        let absent =
            |request: &&Request| feed.got.first_missing(facts.places.of_request(request)).is_some();
        if !between.iter().any(absent) {
            return;
        }
        let messages = between.iter().flat_map(|own| own.messages()).map(MessageId::new);
        let got = |message: &MessageId| feed.got.contains(facts.places.of(*message));
        let mut asked: Vec<MessageId> = messages.filter(|message| !got(message)).collect();
        asked.sort_unstable();
        let order = Order::of(facts, feed, claim, &asked);
        let confirmed = claim.confirmed.map_or(Stamp::MAX, |moment| moment.stamp);
        // What came of a batch is before what is behind it there, if any order is promised.
        let ordered = facts.plan.scenario.expect.order != scenario::Order::None;
        for request in between {
            let mut started = false;
            for message in request.messages().map(MessageId::new) {
                if !carries(facts, request, message) {
                    continue;
                }
                let got = got(&message);
                let from = facts.requests.sent_from(message, request);
                let due =
                    got || from > confirmed || order.proves_due(request, message, from, started);
                if due {
                    self.span(request, message.0..message.0 + 1);
                }
                if due && !got {
                    self.lose(facts, request, message.0);
                }
                started |= ordered && order.came(facts, message);
            }
        }
        self.ranges.sort_by_key(|range| (range.slot, range.messages.start));
    }
}
