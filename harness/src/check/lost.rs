//! Lost: a message was acked, it was due to a consumer, and it was not delivered when the drain ended.
//!
//! Example: P4's 17th message was acked, C1 had subscribed before it was sent, and C1 got the 16th
//! and the 18th only. Each message counts once for each consumer that misses it.
//!
//! *Due*: a consumer asked to subscribe at s0 and was confirmed at s1. A message sent after s1 is due
//! to it, one acked before s0 is not. For one in between it is the log's order that decides, for the
//! subscription starts somewhere there: with offsets, at the offset that it starts at; without them
//! only a prefix may be missing, so a message is due if it is proven to be behind one that came: by
//! stamps, by its batch, or by the order of the consumer that got most of the topic.
//!
//! A message whose ack is unknown is never lost; where it came to nobody, it may have been, and what
//! is counted is the least of an interval. Where the run ended before a consumer had caught up
//! (see [`crate::history::End`]), what it misses is undecided: a doubt and no violation.
//!
//! Where the logs themselves were read after the run, each loss is also blamed: see [`super::blame`].
//!
//! Neighbouring losses of one producer are shown as one range, with its *shape*: all of what was due,
//! a prefix of it, its tail, or from the middle.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::Kind;
use super::blame::Blamer;
use super::facts::{Facts, Fate, Feed, Request, Seen, Standing};
use super::proof::{consumer_name, describe};
use super::tally::{Instance, Opinion, Promise, Tally};
use crate::history::{End, Stamp, Subscribed};
use crate::input::names;
use crate::numbers;
use crate::plan::{ConsumerIndex, MessageId, StreamIndex, TopicIndex};

pub(super) fn check(facts: &Facts<'_>) -> Opinion {
    let mut tally = Tally::new(Kind::Lost, Promise::NoLoss);
    let mut undecided = Vec::new();
    let mut idle: BTreeMap<TopicIndex, Vec<&Feed>> = BTreeMap::new();
    let mut blamer = None;
    let missing = facts.parallel(&facts.feeds, |feed| Missing::of(facts, feed));
    for (feed, missing) in facts.feeds.iter().zip(missing) {
        let count: u64 = missing.ranges.iter().map(|range| u64::from(range.count())).sum();
        if !facts.undecided(feed) {
            tally.possible += missing.possible;
        }
        if count == 0 {
            if missing.spans.iter().all(Option::is_none) && feed.standings.is_empty() {
                idle.entry(feed.topic).or_default().push(feed);
            }
            continue;
        }
        if facts.undecided(feed) {
            undecided.push((feed.consumer, feed.topic, count));
            continue;
        }
        let blamer = blamer.get_or_insert_with(|| Blamer::new(facts)).as_ref();
        for range in &missing.ranges {
            let blamed = blamer.map(|blamer| blamer.blame(feed, &range.messages));
            if let Some((blames, _)) = &blamed {
                tally.blames.get_or_insert_default().add(*blames);
            }
            tally.add_many(u64::from(range.count()), || {
                let mut instance = instance(facts, feed, range, &missing.spans);
                if let Some((blames, lines)) = blamed {
                    instance.blames = Some(blames);
                    instance.evidence.splice(0..0, lines);
                }
                instance
            });
        }
    }
    let mut doubts = doubts(facts, &undecided);
    doubts.extend(idle.into_iter().filter_map(|(topic, feeds)| nothing_due(facts, topic, &feeds)));
    Opinion { tallies: vec![tally], doubts }
}

/// Why feeds that nothing was due to, and that got nothing, prove nothing: they may have come when
/// all was over.
fn nothing_due(facts: &Facts<'_>, topic: TopicIndex, feeds: &[&Feed]) -> Option<String> {
    let acked = facts.requests_of(topic).filter(|request| request.fate == Fate::Acked);
    let acked: u64 = acked.map(|request| u64::from(request.count)).sum();
    let claimed = feeds.iter().filter(|feed| feed.due_from(facts).is_some());
    let consumers: Vec<u32> =
        claimed.map(|feed| facts.plan.consumers[feed.consumer.place()].number).collect();
    let who = names::list(names::Kind::Consumer, &consumers);
    let name = &facts.plan.topics[topic.place()].name;
    let messages = numbers::count(acked, "message");
    let verb = if acked == 1 { "was" } else { "were" };
    (acked > 0 && !consumers.is_empty()).then(|| {
        format!("nothing was due to {who} on {name}, although {messages} {verb} acked on it")
    })
}

/// What one feed misses.
struct Missing {
    /// Neighbouring losses of one stream.
    ranges: Vec<Lost>,
    /// Messages that would be lost, had their ack not stayed unknown.
    possible: u64,
    /// By stream's place on its topic: the first and one past the last message that was due.
    spans: Vec<Option<Range<u32>>>,
}

/// Consecutive messages of one stream.
struct Lost {
    stream: StreamIndex,
    slot: u32,
    messages: Range<u32>,
}

impl Lost {
    const fn count(&self) -> u32 {
        self.messages.end - self.messages.start
    }
}

/// How many messages of a request a feed did not bring.
fn missing_of(facts: &Facts<'_>, feed: &Feed, request: &Request) -> u64 {
    let first = facts.local(request.stream, request.first);
    let messages = first..first + request.count as usize;
    messages.filter(|place| !feed.got.contains(*place)).count() as u64
}

impl Missing {
    fn of(facts: &Facts<'_>, feed: &Feed) -> Self {
        let streams = facts.plan.topics[feed.topic.place()].streams.len();
        let mut missing = Self { ranges: Vec::new(), possible: 0, spans: vec![None; streams] };
        let Some(claim) = feed.due_from(facts) else { return missing };
        let confirmed = claim.confirmed.map_or(Stamp::MAX, |moment| moment.stamp);
        let mut between = Vec::new();
        for request in facts.requests_of(feed.topic) {
            if request.fate == Fate::Unknown && request.invoked > confirmed {
                missing.possible += missing_of(facts, feed, request);
            }
            if request.fate != Fate::Acked || request.acked < claim.invoked.stamp {
                continue;
            }
            if request.invoked > confirmed {
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

    /// Adds what is missing of a request that is due as a whole.
    fn take_over(&mut self, facts: &Facts<'_>, feed: &Feed, request: &Request) {
        let range = request.first.0..request.first.0 + request.count;
        self.span(request, range.clone());
        let first = facts.local(request.stream, request.first);
        let end = first + request.count as usize;
        let mut from = first;
        while let Some(place) = feed.got.first_missing(from..end) {
            self.lose(request, range.start + MessageId::new(place - first).0);
            from = place + 1;
        }
    }

    /// Notes that the messages were due.
    fn span(&mut self, request: &Request, messages: Range<u32>) {
        let span = &mut self.spans[request.slot as usize];
        let old = span.get_or_insert(messages.clone());
        *old = old.start.min(messages.start)..old.end.max(messages.end);
    }

    fn lose(&mut self, request: &Request, message: u32) {
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

    /// Judges the requests that were on their way while the subscription was.
    fn judge_between(
        &mut self,
        facts: &Facts<'_>,
        feed: &Feed,
        claim: &Subscribed,
        between: &[&Request],
    ) {
        let absent = |request: &&&Request| {
            let first = facts.local(request.stream, request.first);
            feed.got.first_missing(first..first + request.count as usize).is_some()
        };
        if !between.iter().any(|request| absent(&request)) {
            return;
        }
        let order = Order::of(facts, feed, claim);
        for request in between {
            let mut started = false;
            for message in request.messages().map(MessageId::new) {
                let got = feed.got.contains(facts.local(request.stream, message));
                if !got && (started || order.proves_due(request, message)) {
                    self.lose(request, message.0);
                }
                if got || started || order.proves_due(request, message) {
                    self.span(request, message.0..message.0 + 1);
                }
                started |= got;
            }
        }
        self.ranges.sort_by_key(|range| (range.slot, range.messages.start));
    }
}

/// What tells whether a message that was sent while the subscription was on its way is due.
struct Order {
    /// The offset that the subscription starts at.
    start: Option<u64>,
    /// By message, ascending: its offset, where a consumer saw it.
    offsets: Vec<(MessageId, u64)>,
    /// The least ack of what was delivered: whatever was sent after it is behind it.
    floor: Stamp,
    /// What another consumer got after something that this one got, ascending.
    behind: Vec<MessageId>,
}

impl Order {
    fn of(facts: &Facts<'_>, feed: &Feed, claim: &Subscribed) -> Self {
        let first = |seen: &Seen| seen.standing == Standing::First;
        let request = |seen: Seen| seen.delivery.message().and_then(|m| facts.request(m));
        let acks = feed.iter(facts).filter(first).filter_map(request).map(|r| r.acked);
        let mut offsets = Vec::new();
        if claim.offset.is_some() {
            let logs = facts.logs.iter();
            let own = logs.filter(|log| log.topic == feed.topic && log.epoch == claim.epoch);
            let entries = own.flat_map(|log| &log.entries);
            offsets.extend(entries.map(|(offset, message)| (*message, *offset)));
            offsets.sort_unstable();
        }
        Self {
            start: claim.offset,
            offsets,
            floor: acks.min().unwrap_or(Stamp::MAX),
            behind: behind(facts, feed),
        }
    }

    fn proves_due(&self, request: &Request, message: MessageId) -> bool {
        let seen = self.offsets.binary_search_by_key(&message, |entry| entry.0);
        let seen = seen.ok().map(|place| self.offsets[place].1);
        let told = request.offset.filter(|_| message == request.first);
        if let (Some(start), Some(offset)) = (self.start, seen.or(told)) {
            return offset >= start;
        }
        // Offsets ascend within a batch.
        let batch = self.start.zip(request.offset).is_some_and(|(start, first)| first >= start);
        batch || self.floor < request.invoked || self.behind.binary_search(&message).is_ok()
    }
}

/// What the consumer that got most of this topic got after something that `feed` got, ascending.
fn behind(facts: &Facts<'_>, feed: &Feed) -> Vec<MessageId> {
    let others = facts.feeds_of(feed.topic).filter(|other| other.consumer != feed.consumer);
    let most =
        others.max_by_key(|other| (other.standings.len(), std::cmp::Reverse(other.consumer)));
    let Some(witness) = most else { return Vec::new() };
    let first = witness.iter(facts).filter(|seen| seen.standing == Standing::First);
    let messages = first.filter_map(|seen| seen.delivery.message());
    let mut behind: Vec<MessageId> =
        messages.skip_while(|message| !feed.got.contains(facts.local_of(*message))).collect();
    behind.sort_unstable();
    behind
}

/// What is undecided, by consumer, topic and number of messages: a sentence for all consumers that
/// miss something of the same topics.
fn doubts(facts: &Facts<'_>, undecided: &[(ConsumerIndex, TopicIndex, u64)]) -> Vec<String> {
    let mut by_consumer: BTreeMap<ConsumerIndex, (BTreeSet<TopicIndex>, u64)> = BTreeMap::new();
    for (consumer, topic, count) in undecided {
        let (topics, missing) = by_consumer.entry(*consumer).or_default();
        topics.insert(*topic);
        *missing += count;
    }
    let mut groups: Vec<(BTreeSet<TopicIndex>, Vec<u32>, u64)> = Vec::new();
    for (consumer, (topics, missing)) in by_consumer {
        let number = facts.plan.consumers[consumer.place()].number;
        match groups.iter_mut().find(|(own, ..)| *own == topics) {
            Some((_, numbers, sum)) => {
                numbers.push(number);
                *sum += missing;
            }
            None => groups.push((topics, vec![number], missing)),
        }
    }
    let sentence = |(topics, consumers, missing): (BTreeSet<TopicIndex>, Vec<u32>, u64)| {
        let who = names::list(names::Kind::Consumer, &consumers);
        let name = |topic: &TopicIndex| facts.plan.topics[topic.place()].name.as_str();
        let topics = topics.iter().map(name).collect::<Vec<_>>().join(" ");
        let missing = numbers::count(missing, "delivery");
        let when = match facts.history.end {
            End::Interrupted => "the run was interrupted",
            _ => "the deadline passed",
        };
        format!("{who} had not caught up on {topics} when {when}: {missing} still missing")
    };
    groups.into_iter().map(sentence).collect()
}

fn instance(facts: &Facts<'_>, feed: &Feed, lost: &Lost, spans: &[Option<Range<u32>>]) -> Instance {
    let who = consumer_name(facts, feed.consumer);
    let range = &lost.messages;
    let stream = &facts.plan.streams[lost.stream.place()];
    let producer = facts.plan.producers[stream.producer.place()].number;
    let topic = &facts.plan.topics[feed.topic.place()].name;
    let whose = format!("of what P{producer} sent to {topic} that was due to {who}");
    let (from_start, to_end) = spans[lost.slot as usize]
        .as_ref()
        .map_or((false, false), |span| (span.start == range.start, span.end == range.end));
    let shape = match (from_start, to_end) {
        (true, true) => format!("all {whose}"),
        (true, false) => format!("the prefix {whose}"),
        (false, true) => format!("the tail {whose}"),
        (false, false) => format!("from the middle {whose}"),
    };
    let first = describe(facts.plan, MessageId(range.start));
    let title = if lost.count() == 1 {
        format!("{who} never got {first}: {shape}")
    } else {
        let last = describe(facts.plan, MessageId(range.end - 1));
        format!("{who} never got {} messages, {first} to {last}: {shape}", lost.count())
    };
    Instance {
        topic: feed.topic,
        consumer: Some(feed.consumer),
        messages: range.clone().map(MessageId).collect(),
        title,
        evidence: around(facts, feed, range),
        place: None,
        blames: None,
    }
}

/// What the consumer got of the same producer on either side of the gap.
fn around(facts: &Facts<'_>, feed: &Feed, range: &Range<u32>) -> Vec<String> {
    let stream = facts.plan.stream(MessageId(range.start));
    let got = |message: &MessageId| feed.got.contains(facts.local_of(*message));
    let own = stream.messages();
    let before = (own.start..range.start).rev().map(MessageId).find(got);
    let after = (range.end..own.end).map(MessageId).find(got);
    let name = |message| facts.plan.name(message);
    let words = match (before, after) {
        (Some(before), Some(after)) => {
            format!("got {} and then {}", name(before), name(after))
        }
        (Some(before), None) => format!("got {} and nothing after it", name(before)),
        (None, Some(after)) => format!("got {} first", name(after)),
        (None, None) => "got nothing at all".to_owned(),
    };
    let producer = facts.plan.producers[stream.producer.place()].number;
    vec![format!("of P{producer}'s, {} {words}", consumer_name(facts, feed.consumer))]
}
