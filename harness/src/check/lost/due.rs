//! Whether a message that was sent while a subscription was on its way is due to it: the log's order
//! decides, as far as anything shows it, and as far as `expect` promises one.
//!
//! Offsets show it whatever is promised. Without them, acks and other consumers show what is behind a
//! message that came: with `order: per-topic` of any producer, with `per-producer` of the same one
//! only, with `none` nothing. A place that consumers disagree about shows nothing, nor does a consumer
//! that contradicts the acks.

use std::cmp::Reverse;

use crate::check::facts::{Bits, Facts, Feed, Log, NEVER, Request};
use crate::check::reordered;
use crate::history::{EpochIndex, History, Stamp, Subscribed};
use crate::plan::MessageId;
use crate::scenario;

/// So many other consumers of a topic are asked.
const WITNESSES: usize = 8;

/// What tells whether a message that was sent while the subscription was on its way is due.
pub(super) struct Order<'a> {
    /// The offset that the subscription starts at, in this life of the store.
    start: Option<u64>,
    history: &'a History,
    epoch: Option<EpochIndex>,
    log: Option<&'a Log>,
    /// By message, ascending: the offsets that are proven to be its own.
    offsets: Vec<(MessageId, u64)>,
    /// By stream's place on its topic: the least ack of what was delivered. Whatever was sent after it
    /// is behind it; [`NEVER`] where no order is promised that says so.
    floors: Vec<Stamp>,
    /// What came at this consumer as it should, by place on the topic: not what came from before the
    /// subscription, or may have, for nothing follows from where that stands.
    came: Bits,
    /// What other consumers got after something that this one got, ascending.
    behind: Vec<MessageId>,
}

impl<'a> Order<'a> {
    /// For the messages that are `asked` about, ascending.
    pub(super) fn of(
        facts: &'a Facts<'_>,
        feed: &Feed,
        claim: &Subscribed,
        asked: &[MessageId],
    ) -> Self {
        let own = |log: &&Log| log.topic == feed.topic && log.epoch == claim.epoch;
        let log = facts.logs.iter().find(own).filter(|_| claim.offset.is_some());
        let entries = log.map(|log| &log.entries[..]).unwrap_or_default();
        let sure = entries.iter().filter(|(offset, message)| {
            asked.binary_search(message).is_ok()
                && log.is_some_and(|log| log.proves(*offset, *message))
        });
        let mut offsets: Vec<_> = sure.map(|(offset, message)| (*message, *offset)).collect();
        offsets.sort_unstable();
        let mut came = Bits::new(facts.places.count(feed.topic));
        for (seen, message) in feed.firsts(facts.history) {
            let acked = || facts.requests.acked_in(facts.history, claim.epoch, message);
            let is_before = || acked().is_some_and(|at| Some(at) < claim.offset);
            if seen.delivery.offset().is_some() || !is_before() {
                came.insert(facts.places.of(message));
            }
        }
        Self {
            start: claim.offset,
            history: facts.history,
            epoch: claim.epoch,
            log,
            offsets,
            floors: floors(facts, feed, &came),
            behind: behind(facts, feed, &came, asked),
            came,
        }
    }

    /// Whether a message came, and its place shows what is behind it.
    pub(super) fn came(&self, facts: &Facts<'_>, message: MessageId) -> bool {
        self.came.contains(facts.places.of(message))
    }

    /// `sent_from`: since when the message may be in the log. `is_begun`: whether something came that
    /// is before it in its batch.
    pub(super) fn proves_due(
        &self,
        request: &Request,
        message: MessageId,
        sent_from: Stamp,
        is_begun: bool,
    ) -> bool {
        self.by_offset(request, message).unwrap_or_else(|| {
            is_begun
                || self.floors[request.slot as usize] < sent_from
                || self.behind.binary_search(&message).is_ok()
        })
    }

    /// Whether it stands behind the start of the subscription; none where offsets do not tell, or
    /// contradict each other.
    fn by_offset(&self, request: &Request, message: MessageId) -> Option<bool> {
        let start = self.start?;
        // Offsets of another life of the store mean nothing here.
        let told = request.offset.filter(|_| request.epoch == self.epoch);
        let disputed =
            |offset| self.log.is_some_and(|log| log.disputed.binary_search(&offset).is_ok());
        let told = told.filter(|offset| !disputed(*offset));
        let from = self.offsets.partition_point(|(id, _)| *id < message);
        let seen = self.offsets[from..].iter().take_while(|(id, _)| *id == message);
        let own = told.and_then(|_| request.offset_of(self.history, message));
        let own = own.filter(|offset| !disputed(*offset));
        let mut places = seen.map(|(_, offset)| *offset).chain(own).map(|offset| offset >= start);
        match places.next() {
            Some(due) => places.all(|other| other == due).then_some(due),
            // Offsets ascend within a batch.
            None => told.filter(|first| *first >= start).map(|_| true),
        }
    }
}

/// By stream's place on its topic: the least ack of what came and is before it in a promised order.
fn floors(facts: &Facts<'_>, feed: &Feed, came: &Bits) -> Vec<Stamp> {
    let mut floors = vec![NEVER; facts.plan.topics[feed.topic.place()].streams.len()];
    let firsts = feed.firsts(facts.history).map(|(_, message)| message);
    for message in firsts.filter(|message| came.contains(facts.places.of(*message))) {
        let Some(request) = facts.requests.of(message) else { continue };
        let floor = &mut floors[request.slot as usize];
        *floor = request.acked.min(*floor);
    }
    match facts.plan.scenario.expect.order {
        scenario::Order::PerTopic => {
            let least = floors.iter().copied().min().unwrap_or(NEVER);
            floors.fill(least);
        }
        scenario::Order::PerProducer => {}
        scenario::Order::None => floors.fill(NEVER),
    }
    floors
}

/// Which of the messages another consumer got after something that came at `feed`, where no consumer
/// got the two the other way round. Asked are the consumers that got most of the topic, so that this
/// stays linear; one that got something against the acks proves nothing.
fn behind(facts: &Facts<'_>, feed: &Feed, came: &Bits, asked: &[MessageId]) -> Vec<MessageId> {
    let order = facts.plan.scenario.expect.order;
    if order == scenario::Order::None {
        return Vec::new();
    }
    let others = facts.feeds_of(feed.topic).filter(|other| other.consumer != feed.consumer);
    let mut others: Vec<&Feed> = others.collect();
    others.sort_by_key(|other| (Reverse(other.classifications.len()), other.consumer));
    others.truncate(WITNESSES);
    others.retain(|other| reordered::displaced(facts, other).is_empty());
    // What may stand in the log twice may be ahead elsewhere, and behind here.
    let mut shown = came.clone();
    for (seen, message) in feed.firsts(facts.history) {
        let request = facts.requests.of(message);
        if request.is_none_or(|own| facts.may_be_the_second(feed, seen, message, own)) {
            shown.remove(facts.places.of(message));
        }
    }
    let ranks: Vec<Vec<u32>> = others.iter().map(|other| ranks(facts, other)).collect();
    let is_disputed = |first: MessageId, later: MessageId| {
        let (first, later) = (facts.places.of(first), facts.places.of(later));
        ranks.iter().any(|rank| rank[first] != ABSENT && rank[later] < rank[first])
    };
    let mut behind = Vec::new();
    for other in others {
        // By stream, or of all where there is one order for all: the first of what came at `feed`.
        let mut reached = vec![None; facts.plan.topics[feed.topic.place()].streams.len()];
        for (_, message) in other.firsts(facts.history) {
            let Some(request) = facts.requests.of(message) else { continue };
            let is_own = order == scenario::Order::PerProducer;
            let reached = &mut reached[if is_own { request.slot as usize } else { 0 }];
            if shown.contains(facts.places.of(message)) {
                reached.get_or_insert(message);
            } else if asked.binary_search(&message).is_ok()
                && reached.is_some_and(|first| !is_disputed(first, message))
            {
                behind.push(message);
            }
        }
    }
    behind.sort_unstable();
    behind
}

/// The rank of what did not come.
const ABSENT: u32 = u32::MAX;

/// By place on the topic: as which one of its first deliveries a message came at a consumer.
fn ranks(facts: &Facts<'_>, feed: &Feed) -> Vec<u32> {
    let mut ranks = vec![ABSENT; facts.places.count(feed.topic)];
    for (rank, (_, message)) in (0..).zip(feed.firsts(facts.history)) {
        ranks[facts.places.of(message)] = rank;
    }
    ranks
}
