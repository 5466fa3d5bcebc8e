//! Lost: a message was acked, it was due to a consumer, and it was not delivered when the drain ended.
//!
//! Example: P4's 17th message was acked, C1 had subscribed before it was sent, and C1 got the 16th
//! and the 18th only. Each message counts once for each consumer that misses it.
//!
//! *Due*: a consumer asked to subscribe at s0 and was confirmed at s1. A message sent after s1 is due
//! to it, one acked before s0 is not. For one in between it is the log's order that decides, for the
//! subscription starts somewhere there: with offsets, at the offset that it starts at; without them
//! only a prefix may be missing, so a message is due if it is proven to be behind one that came: by
//! stamps, by its batch, or by the order of other consumers. Only an order that `expect` promises
//! proves anything: with `per-producer` that of one producer's messages, with `none` no order at all.
//!
//! What is due to a subscription that the broker forgot stays due: it is lost for that reason.
//!
//! A message whose ack is unknown is never lost. Where no consumer got it, it may have been stored
//! and lost, and what is counted is the least of an interval. Where the run ended before a consumer
//! had caught up (see [`crate::history::End`]), what it misses is undecided, which is no violation.
//!
//! Where the logs themselves were read after the run, they say where each message got lost: see
//! [`super::blame`]. What was acked and is in no log is lost whoever got it: see [`not_in_log`]. Where the
//! power was cut, the disk may say more: see [`super::on_disk`]. Where the server does not start again
//! after that, everything is lost, and nothing else is said: see [`gone`].
//!
//! Neighbouring losses of one producer are shown as one range, with its *shape*: all of what was due,
//! a prefix of it, its tail, or from the middle.

mod due;
mod gone;
mod missing;
mod not_in_log;

use std::collections::BTreeMap;
use std::ops::Range;

use super::anomaly::Anomaly;
use super::blame::Blamer;
use super::facts::{Facts, Fate, Feed};
use super::finding::Finding;
use super::on_disk::Disk;
use super::outcome::{CheckOutcome, Promise};
use super::words::{consumer_name, moment};
use crate::history::End;
use crate::input::names;
use crate::numbers;
use crate::plan::{ConsumerIndex, MessageId, TopicIndex};
use crate::scenario::AnomalyKind;
use missing::Lost;

pub(super) use missing::Missing;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    if let Some(outcome) = gone::check(facts) {
        return outcome;
    }
    let mut lost = Finding::new(AnomalyKind::Lost, facts.keep);
    let disk = Disk::of(facts);
    let mut messages: Vec<Range<u32>> = Vec::new();
    let (mut undecided, mut forgotten) = (Vec::new(), Vec::new());
    let mut idle: BTreeMap<TopicIndex, Vec<&Feed>> = BTreeMap::new();
    let mut blamer = None;
    let missing = facts.parallel(&facts.feeds, |feed| Missing::of(facts, feed));
    for (feed, missing) in facts.feeds.iter().zip(missing) {
        let count: u64 = missing.ranges.iter().map(|range| u64::from(range.count())).sum();
        if !facts.undecided(feed) {
            lost.possible += missing.possible;
        }
        if count == 0 {
            if missing.spans.iter().all(Option::is_none) && feed.classifications.is_empty() {
                idle.entry(feed.topic).or_default().push(feed);
            }
            continue;
        }
        if facts.undecided(feed) {
            let fairly = facts.history.end != End::Interrupted && facts.forgot_fairly(feed);
            let group = if fairly { &mut forgotten } else { &mut undecided };
            let first = MessageId(missing.ranges[0].messages.start);
            group.push((feed.consumer, feed.topic, count, first));
            continue;
        }
        let blamer = blamer.get_or_insert_with(|| Blamer::new(facts)).as_ref();
        for range in &missing.ranges {
            let blamed = blamer.map(|blamer| blamer.blame(feed, &range.messages));
            if let Some((blames, _)) = &blamed {
                lost.blames.get_or_insert_default().add(*blames);
            }
            messages.push(range.messages.clone());
            lost.add_at(feed.share(), u64::from(range.count()), || {
                let mut anomaly = anomaly(facts, feed, range, &missing.spans);
                anomaly.evidence.extend(disk.iter().flat_map(|disk| disk.lost(&range.messages)));
                if let Some((blames, lines)) = blamed {
                    anomaly.blames = Some(blames);
                    anomaly.evidence.splice(0..0, lines);
                }
                anomaly
            });
        }
    }
    messages.extend(not_in_log::find(facts, disk.as_ref(), &mut lost));
    lost.traces = disk.and_then(|disk| disk.sum(&messages));
    let mut outcome = CheckOutcome::from((Promise::NoLoss, lost));
    let when = match facts.history.end {
        End::Interrupted => "the run was interrupted",
        End::Idle => "nothing came any more",
        _ => "the deadline passed",
    };
    outcome.inconclusive =
        undecided_words(facts, &undecided, &format!("had not caught up on TOPICS when {when}"));
    outcome.inconclusive.extend(undecided_words(
        facts,
        &forgotten,
        "had no subscription to TOPICS any more after a fault had ended a process",
    ));
    let idle = idle.into_iter();
    outcome
        .inconclusive
        .extend(idle.filter_map(|(topic, feeds)| nothing_due(facts, topic, &feeds)));
    outcome
}

/// Why feeds that nothing was due to, and that got nothing, prove nothing: they may have come when
/// all was over.
fn nothing_due(facts: &Facts<'_>, topic: TopicIndex, feeds: &[&Feed]) -> Option<String> {
    let acked = facts.requests.on(topic).filter(|request| request.fate == Fate::Acked);
    let acked: u64 = acked.map(|request| u64::from(request.count)).sum();
    let claimed = feeds.iter().filter(|feed| feed.due_from(facts.history).is_some());
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

/// What is undecided, by consumer, then topic, with the number of messages and the first: a sentence
/// for all consumers that miss something of the same topics. `why` says it of `TOPICS`.
fn undecided_words(
    facts: &Facts<'_>,
    undecided: &[(ConsumerIndex, TopicIndex, u64, MessageId)],
    why: &str,
) -> Vec<String> {
    let mut groups: Vec<(Vec<TopicIndex>, Vec<u32>, u64, MessageId)> = Vec::new();
    for own in undecided.chunk_by(|one, other| one.0 == other.0) {
        let topics: Vec<TopicIndex> = own.iter().map(|(_, topic, ..)| *topic).collect();
        let missing: u64 = own.iter().map(|(_, _, count, _)| count).sum();
        let number = facts.plan.consumers[own[0].0.place()].number;
        match groups.iter_mut().find(|(own, ..)| *own == topics) {
            Some((_, numbers, sum, _)) => {
                numbers.push(number);
                *sum += missing;
            }
            None => groups.push((topics, vec![number], missing, own[0].3)),
        }
    }
    let sentence =
        |(topics, consumers, missing, first): (Vec<TopicIndex>, Vec<u32>, u64, MessageId)| {
            let first = facts.plan.name(first);
            let who = names::list(names::Kind::Consumer, &consumers);
            let name = |topic: &TopicIndex| facts.plan.topics[topic.place()].name.as_str();
            let topics = topics.iter().map(name).collect::<Vec<_>>().join(" ");
            let missing = numbers::count(missing, "delivery");
            let why = why.replace("TOPICS", &topics);
            format!("{who} {why}: {missing} still missing (the first: {first})")
        };
    groups.into_iter().map(sentence).collect()
}

fn anomaly(facts: &Facts<'_>, feed: &Feed, lost: &Lost, spans: &[Option<Range<u32>>]) -> Anomaly {
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
    let first = facts.plan.describe(MessageId(range.start));
    let title = if lost.count() == 1 {
        format!("{who} never got {first}: {shape}")
    } else {
        let last = facts.plan.describe(MessageId(range.end - 1));
        format!("{who} never got {} messages, {first} to {last}: {shape}", lost.count())
    };
    let messages: Vec<MessageId> = range.clone().map(MessageId).collect();
    let mut anomaly = Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &messages, title);
    anomaly.evidence.push(around(facts, feed, range));
    if let Some(forgotten) = facts.forgotten(feed) {
        anomaly.evidence.push(format!(
            "the broker forgot the subscription: {who} polled {topic}, and at {} was told that there \
             is none",
            moment(forgotten)
        ));
    }
    anomaly
}

/// What the consumer got of the same producer on either side of the gap.
fn around(facts: &Facts<'_>, feed: &Feed, range: &Range<u32>) -> String {
    let stream = facts.plan.stream(MessageId(range.start));
    let got = |message: &MessageId| feed.got.contains(facts.places.of(*message));
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
    format!("of P{producer}'s, {} {words}", consumer_name(facts, feed.consumer))
}
