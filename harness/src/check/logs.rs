//! Judges consumer logs made by any program: files with a line per message, `T1     INFO`.
//!
//! A log says neither when nor at which offset a message came, and the same payload may have been
//! sent many times. What can be known all the same:
//!
//! - *How many*: each payload of a topic was sent so often by the plan. A consumer that logged it
//!   less often lost some, one that logged it more often got a duplicate; a payload that only
//!   another topic has was misrouted, and one that nobody has is a phantom. It is taken that every
//!   planned message was sent and acked.
//! - *The same for all*: two consumers of one topic that got everything have equal logs. One that
//!   lacks lines has what is left of the other's, which shows between which lines they are missing.
//! - *An order that can be*: the log of a topic is an interleaving of what its producers sent, each
//!   in its own order. If there is none that gives this log, the order was broken. If there is one
//!   and payloads repeat, then the order is *not refuted*, which is less than proven.
//!
//! With `start: together` a log may begin late: only a prefix may be missing.

mod compare;
mod explain;
mod order;
mod parse;
#[cfg(test)]
mod tests;

pub use parse::{Error, Lines, parse};

use std::collections::BTreeMap;

use super::tally::{Instance, Promise, Tally};
use super::{Finding, Judgement, Kind, Proof, Verdict};
use crate::numbers;
use crate::plan::{ConsumerIndex, MessageId, Plan, TopicIndex};
use crate::scenario::{Start, names};

/// What logs say: the verdict, and what is known beside it.
#[derive(Debug)]
pub struct Reading {
    /// Violations, doubts and the verdict.
    pub judgement: Judgement,
    /// A line a topic: what can be said of its order, in order or not refuted.
    pub notes: Vec<String>,
}

/// Judges the logs of all consumers, in the plan's order.
#[must_use]
pub fn judge(plan: &Plan, logs: &[Lines]) -> Reading {
    let mut found = Found::default();
    for (consumer, lines) in logs.iter().enumerate() {
        strays(plan, ConsumerIndex::new(consumer), lines, &mut found);
    }
    for topic in (0..plan.topics.len()).map(TopicIndex::new) {
        let sent = Sent::new(plan, topic);
        let own = plan.topics[topic.place()].consumers.iter();
        let feeds: Vec<Feed<'_>> = own
            .map(|consumer| Feed::new(plan, *consumer, &sent, &logs[consumer.place()]))
            .collect();
        for feed in &feeds {
            count(&sent, feed, &feeds, &mut found);
        }
        let reordered = order::judge(&sent, &feeds, &mut found);
        compare::judge(&sent, &feeds, &reordered, &mut found);
    }
    found.conclude(plan)
}

/// What is found along the way.
#[derive(Default)]
struct Found {
    tallies: BTreeMap<(Kind, u8), Tally>,
    doubts: Vec<String>,
    /// Topic, the number of a consumer, and what can be said of its order.
    notes: Vec<(TopicIndex, u32, String)>,
}

impl Found {
    fn add(&mut self, kind: Kind, promise: Promise, count: u64, instance: Instance) {
        let key = (kind, promise as u8);
        let tally = self.tallies.entry(key).or_insert_with(|| Tally::new(kind, promise));
        tally.add_many(count, || instance);
    }

    fn note(&mut self, sent: &Sent<'_>, feed: &Feed<'_>, words: String) {
        self.notes.push((sent.topic, feed.number, words));
    }

    fn conclude(self, plan: &Plan) -> Reading {
        let sorted = |made: bool| {
            let own = self.tallies.values();
            let own = own.filter(move |tally| tally.promise.made(plan.scenario.expect) == made);
            own.map(finding).collect::<Vec<_>>()
        };
        let (violations, allowed) = (sorted(true), sorted(false));
        let verdict = if !violations.is_empty() {
            Verdict::Fail
        } else if !self.doubts.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Pass
        };
        let judgement = Judgement { verdict, violations, allowed, doubts: self.doubts };
        Reading { judgement, notes: notes(plan, &self.notes) }
    }
}

/// A line a topic; consumers of whom the same can be said are named together.
fn notes(plan: &Plan, notes: &[(TopicIndex, u32, String)]) -> Vec<String> {
    let line = |own: &[(TopicIndex, u32, String)]| {
        let mut groups: Vec<(&str, Vec<u32>)> = Vec::new();
        for (_, consumer, what) in own {
            match groups.iter_mut().find(|(known, _)| known == what) {
                Some((_, consumers)) => consumers.push(*consumer),
                None => groups.push((what, vec![*consumer])),
            }
        }
        let part = |(what, consumers): &(&str, Vec<u32>)| {
            format!("of {}: {what}", names::list(names::Kind::Consumer, consumers))
        };
        let parts: Vec<String> = groups.iter().map(part).collect();
        format!("{} {}", plan.topics[own[0].0.place()].name, parts.join("; "))
    };
    notes.chunk_by(|one, other| one.0 == other.0).map(line).collect()
}

fn finding(tally: &Tally) -> Finding {
    let proof = |instance: &Instance| Proof {
        topic: instance.topic,
        consumer: instance.consumer,
        messages: instance.messages.clone(),
        title: instance.title.clone(),
        evidence: instance.evidence.clone(),
    };
    Finding {
        kind: tally.kind,
        count: tally.count,
        proofs: tally.instances.iter().map(proof).collect(),
    }
}

/// What the plan sends to one topic. A payload is known by its place in `payloads`.
struct Sent<'a> {
    plan: &'a Plan,
    topic: TopicIndex,
    payloads: BTreeMap<&'a str, u32>,
    /// By payload: the messages that have it.
    messages: Vec<Vec<MessageId>>,
    /// By producer of the topic: the payloads in sending order, and the messages.
    streams: Vec<(Vec<u32>, MessageId)>,
    /// Whether no payload occurs twice.
    unique: bool,
    /// Whether a log may begin late.
    prefix_may_miss: bool,
}

impl<'a> Sent<'a> {
    fn new(plan: &'a Plan, topic: TopicIndex) -> Self {
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

    fn name(&self) -> &str {
        self.plan.topics[self.topic.place()].name.as_str()
    }

    fn text(&self, payload: u32) -> &'a str {
        self.plan.messages.payload(self.messages[payload as usize][0])
    }

    /// The one message with this payload.
    fn only(&self, payload: u32) -> Option<MessageId> {
        let own = &self.messages[payload as usize];
        (own.len() == 1).then(|| own[0])
    }

    /// A payload for people: its message where there is but one.
    fn describe(&self, payload: u32) -> String {
        match self.only(payload) {
            Some(message) => self.plan.describe(message),
            None => format!("{:?}", self.text(payload)),
        }
    }

    fn total(&self) -> usize {
        self.messages.iter().map(Vec::len).sum()
    }
}

/// What one consumer logged of one topic; lines with payloads that were not sent to it left out.
struct Feed<'a> {
    consumer: ConsumerIndex,
    /// 1 in `C1`.
    number: u32,
    /// `C1`.
    name: String,
    file: &'a str,
    /// Line in the file, from 1, and payload.
    lines: Vec<(u32, u32)>,
    /// By payload: how often it was logged.
    counts: Vec<usize>,
}

impl<'a> Feed<'a> {
    fn new(plan: &Plan, consumer: ConsumerIndex, sent: &Sent<'_>, log: &'a Lines) -> Self {
        let own = log.iter().filter(|line| line.topic == sent.topic);
        let lines: Vec<(u32, u32)> =
            own.filter_map(|line| Some((line.number, *sent.payloads.get(line.payload)?))).collect();
        let mut counts = vec![0; sent.messages.len()];
        for (_, payload) in &lines {
            counts[*payload as usize] += 1;
        }
        let number = plan.consumers[consumer.place()].number;
        let name = format!("C{number}");
        Self { consumer, number, name, file: &log.file, lines, counts }
    }

    /// How often each payload is missing, only those that are.
    fn missing(&self, sent: &Sent<'_>) -> Vec<(u32, usize)> {
        let lacks = |(payload, own): (u32, &Vec<MessageId>)| {
            let lacking = own.len().saturating_sub(self.counts[payload as usize]);
            (lacking > 0).then_some((payload, lacking))
        };
        (0..).zip(&sent.messages).filter_map(lacks).collect()
    }

    /// Whether a payload was logged more often than it was sent.
    fn has_extra(&self, sent: &Sent<'_>) -> bool {
        self.counts.iter().zip(&sent.messages).any(|(count, own)| *count > own.len())
    }

    /// Whether a message is missing from before all that came of its producer.
    fn may_precede(&self, sent: &Sent<'_>, payload: u32) -> bool {
        let Some(message) = sent.only(payload) else { return false };
        let slot = sent.streams.partition_point(|(_, first)| *first <= message) - 1;
        let (own, first) = &sent.streams[slot];
        let before = &own[..(message.0 - first.0) as usize];
        before.iter().all(|payload| self.counts[*payload as usize] == 0)
    }

    fn instance(&self, sent: &Sent<'_>, messages: Vec<MessageId>, title: String) -> Instance {
        Instance {
            topic: sent.topic,
            consumer: Some(self.consumer),
            messages,
            title,
            evidence: Vec::new(),
            place: None,
        }
    }
}

/// How often, in a word or two.
fn times(count: usize) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{} times", numbers::number(more as u64)),
    }
}

/// Lines that do not belong into a consumer's log at all.
fn strays(plan: &Plan, consumer: ConsumerIndex, log: &Lines, found: &mut Found) {
    let everything: Vec<Sent<'_>> =
        (0..plan.topics.len()).map(|topic| Sent::new(plan, TopicIndex::new(topic))).collect();
    let planned = &plan.consumers[consumer.place()];
    for line in log.iter() {
        let topic = plan.topics[line.topic.place()].name.as_str();
        let sent = &everything[line.topic.place()];
        let elsewhere = || {
            let mut others = everything.iter().filter(|other| other.topic != line.topic);
            others.find(|other| other.payloads.contains_key(line.payload))
        };
        let place = format!("{}:{}", log.file, line.number);
        let (kind, title) = if !planned.topics.contains(&line.topic) {
            let what = format!("C{} does not consume {topic}", planned.number);
            (Kind::Misrouted, format!("{place}: {what}, and logged {:?} from it", line.payload))
        } else if sent.payloads.contains_key(line.payload) {
            continue;
        } else if let Some(other) = elsewhere() {
            let other = other.name();
            let what = format!("{:?} is not sent to {topic} but to {other}", line.payload);
            (Kind::Misrouted, format!("{place}: {what}"))
        } else {
            (Kind::Phantom, format!("{place}: nobody sends {:?} to {topic}", line.payload))
        };
        let instance = Instance {
            topic: line.topic,
            consumer: Some(consumer),
            messages: Vec::new(),
            title,
            evidence: Vec::new(),
            place: None,
        };
        found.add(kind, Promise::Always, 1, instance);
    }
}

/// Compares how often each payload was sent and logged.
fn count(sent: &Sent<'_>, feed: &Feed<'_>, feeds: &[Feed<'_>], found: &mut Found) {
    for (payload, own) in (0..).zip(&sent.messages) {
        let extra = feed.counts[payload as usize].saturating_sub(own.len());
        if extra > 0 {
            let what = sent.describe(payload);
            let (logged, sends) = (times(feed.counts[payload as usize]), times(own.len()));
            // A message's own description names the topic.
            let of = sent
                .only(payload)
                .map_or_else(|| format!(" of {}", sent.name()), |_| String::new());
            let title = format!("{} logged {what}{of} {logged}, it was sent {sends}", feed.name);
            let mut instance = feed.instance(sent, sent.only(payload).into_iter().collect(), title);
            let lines = feed.lines.iter().filter(|line| line.1 == payload);
            let lines: Vec<String> = lines.map(|line| line.0.to_string()).collect();
            let shown = lines.len().min(8);
            let more = if lines.len() > shown { ", ..." } else { "" };
            instance.evidence =
                vec![format!("{} lines {}{more}", feed.file, lines[..shown].join(", "))];
            found.add(Kind::Duplicate, Promise::NoDuplicate, extra as u64, instance);
        }
    }
    let missing = feed.missing(sent);
    if missing.is_empty() || (sent.prefix_may_miss && order::begins_late(sent, feed)) {
        return;
    }
    if sent.prefix_may_miss && !sent.unique {
        let lines: usize = missing.iter().map(|(_, count)| count).sum();
        let title = format!(
            "{} lacks {} of {}, and not only at the beginning",
            feed.name,
            numbers::count(lines as u64, "line"),
            sent.name()
        );
        found.add(Kind::Lost, Promise::NoLoss, 1, feed.instance(sent, Vec::new(), title));
        return;
    }
    for (payload, lacking) in missing {
        if sent.prefix_may_miss && feed.may_precede(sent, payload) {
            continue;
        }
        let title = match sent.only(payload) {
            Some(message) => format!("{} never got {}", feed.name, sent.plan.describe(message)),
            None => format!(
                "{} logged {:?} of {} {}, it was sent {}: {lacking} missing",
                feed.name,
                sent.text(payload),
                sent.name(),
                times(feed.counts[payload as usize]),
                times(sent.messages[payload as usize].len()),
            ),
        };
        let mut instance = feed.instance(sent, sent.only(payload).into_iter().collect(), title);
        instance.evidence = compare::gaps(sent, feed, feeds, payload);
        found.add(Kind::Lost, Promise::NoLoss, lacking as u64, instance);
    }
}
