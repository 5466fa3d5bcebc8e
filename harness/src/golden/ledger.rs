//! The ledger: what a run delivered, as a text that is the same for every legal interleaving.
//!
//! Concurrent producers interleave differently on every run, so it names, per consumer, topic and
//! producer, the numbers that arrived, in the order in which each arrived first, and a digest of
//! their payloads. Every width in it follows from the plan, so that what a run does to one line
//! never moves another: a lost message is a difference of a line or two.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::arrival::{self, Arrival};
use super::payload;
use crate::history::History;
use crate::plan::{ConsumerIndex, Plan, StreamIndex, Topic, TopicIndex};
use crate::scenario::{Acked, Delivery, Order, Scenario, Start};

/// So many producers stand on one line; the next ones go below.
const PRODUCERS_A_LINE: usize = 3;

/// A producer with at most so many messages on a topic has its payloads shown.
const SHOWN_MAX: u32 = 20;

/// Whether what arrives may differ between two runs that both keep every promise. The lines of
/// such a scenario are open: they say what is planned and leave what came to the checks.
#[must_use]
pub fn is_open(scenario: &Scenario) -> bool {
    scenario.start == Start::Together
        || scenario.expect.delivery == Delivery::AtMostOnce
        || scenario.expect.order == Order::None
        || scenario.expect.acked == Acked::Any
}

/// The ledger of a run. Linear in the number of deliveries; payloads are hashed once a stream, and
/// again only for a consumer that did not get all of them as planned.
#[must_use]
pub fn ledger(plan: &Plan, history: &History) -> String {
    let layout = Layout::of(plan);
    let mut blocks = vec![Shared::default(); plan.topics.len()];
    if is_open(&plan.scenario) {
        for (topic, shared) in plan.topics.iter().zip(&mut blocks) {
            let block = layout.open(plan, topic);
            for consumer in &topic.consumers {
                shared.add(block.clone(), plan.consumers[consumer.place()].number);
            }
        }
    } else {
        let digests: Vec<u64> =
            (0..plan.streams.len()).map(|place| planned_digest(plan, place)).collect();
        let mut reader = arrival::Reader::new(plan);
        for (place, consumer) in plan.consumers.iter().enumerate() {
            let seen = history.consumers.get(place);
            let arrivals = reader.read(ConsumerIndex::new(place), seen);
            for topic in &consumer.topics {
                let block = layout.exact(plan, *topic, &arrivals, &digests);
                blocks[topic.place()].add(block, consumer.number);
            }
        }
    }
    layout.assemble(&blocks)
}

/// The digest of a stream that arrived as planned.
fn planned_digest(plan: &Plan, place: usize) -> u64 {
    let mut digest = payload::Digest::default();
    for id in plan.streams[place].messages() {
        digest.add(plan.messages.payload(crate::plan::MessageId(id)));
    }
    digest.finish()
}

/// The consumers of one topic by what they got: equal blocks of lines are written once.
#[derive(Clone, Debug, Default)]
struct Shared {
    blocks: Vec<(String, Vec<u32>)>,
    places: BTreeMap<String, usize>,
}

impl Shared {
    fn add(&mut self, block: String, consumer: u32) {
        if let Some(place) = self.places.get(&block) {
            self.blocks[*place].1.push(consumer);
        } else {
            self.places.insert(block.clone(), self.blocks.len());
            self.blocks.push((block, vec![consumer]));
        }
    }
}

/// The widths of the columns, from the plan alone.
struct Layout {
    consumers: usize,
    topic: usize,
    total: usize,
    /// The name's and the ranges' width in each of the columns of producers.
    entries: [(usize, usize); PRODUCERS_A_LINE],
}

impl Layout {
    fn of(plan: &Plan) -> Self {
        let open = is_open(&plan.scenario);
        let mut layout = Self {
            consumers: 0,
            topic: 0,
            total: if open { "open".len() } else { 0 },
            entries: [(0, 0); PRODUCERS_A_LINE],
        };
        for topic in &plan.topics {
            let numbers: Vec<u32> =
                topic.consumers.iter().map(|index| plan.consumers[index.place()].number).collect();
            layout.consumers = layout.consumers.max(consumers(&numbers).len());
            layout.topic = layout.topic.max(topic.name.as_str().len());
            let mut total = 0;
            for (place, index) in topic.streams.iter().enumerate() {
                let stream = &plan.streams[index.place()];
                total += u64::from(stream.count);
                let name = format!("P{}", plan.producers[stream.producer.place()].number);
                let numbers =
                    if open { stream.count.to_string() } else { ranges(&[(0, stream.count)]) };
                let widths = &mut layout.entries[place % PRODUCERS_A_LINE];
                *widths = (widths.0.max(name.len()), widths.1.max(numbers.len()));
            }
            if !open {
                layout.total = layout.total.max(total.to_string().len());
            }
        }
        layout
    }

    /// What was planned for a topic.
    fn open(&self, plan: &Plan, topic: &Topic) -> String {
        let entries = topic.streams.iter().map(|index| {
            let stream = &plan.streams[index.place()];
            (plan.producers[stream.producer.place()].number, stream.count.to_string(), None)
        });
        self.block(topic.name.as_str(), "open", entries)
    }

    /// What arrived on a topic at one consumer.
    fn exact(
        &self,
        plan: &Plan,
        topic: TopicIndex,
        arrivals: &BTreeMap<StreamIndex, Arrival<'_>>,
        digests: &[u64],
    ) -> String {
        let topic = &plan.topics[topic.place()];
        let of = |index: &StreamIndex| (&plan.streams[index.place()], &arrivals[index]);
        let number = |index: &StreamIndex| {
            plan.producers[plan.streams[index.place()].producer.place()].number
        };
        let total: u64 = topic.streams.iter().map(|index| u64::from(arrivals[index].count())).sum();
        let entries = topic.streams.iter().map(|index| {
            let (stream, arrival) = of(index);
            let digest = match arrival.count() {
                0 => None,
                _ if arrival.is_as_planned(stream) => Some(digests[index.place()]),
                _ => Some(arrival.digest(plan, stream)),
            };
            (number(index), ranges(&arrival.ranges()), digest)
        });
        let mut block = self.block(topic.name.as_str(), &total.to_string(), entries);
        for index in &topic.streams {
            let (stream, arrival) = of(index);
            if stream.count <= SHOWN_MAX && arrival.count() > 0 {
                let _ =
                    write!(block, "\n{:indent$}P{}:", "", number(index), indent = self.indent());
                arrival.each_payload(plan, stream, |text| {
                    block.push(' ');
                    payload::show(text, &mut block);
                });
            }
        }
        block
    }

    /// All of a line but the consumers, and the lines below it.
    fn block(
        &self,
        topic: &str,
        total: &str,
        entries: impl Iterator<Item = (u32, String, Option<u64>)>,
    ) -> String {
        let mut block = format!(
            "{topic:topic_width$}  {total:>total_width$}",
            topic_width = self.topic,
            total_width = self.total
        );
        for (place, (producer, numbers, digest)) in entries.enumerate() {
            let column = place % PRODUCERS_A_LINE;
            let (name_width, numbers_width) = self.entries[column];
            if column == 0 && place > 0 {
                trim_end(&mut block);
                let _ = write!(block, "\n{:indent$}", "", indent = self.indent());
            } else {
                block.push_str("  ");
            }
            let name = format!("P{producer}");
            let _ = write!(block, "{name:name_width$} {numbers:numbers_width$}");
            if let Some(digest) = digest {
                let _ = write!(block, " {digest:016x}");
            }
        }
        trim_end(&mut block);
        block
    }

    /// Where the first producer's column begins.
    fn indent(&self) -> usize {
        self.consumers + 2 + self.topic + 2 + self.total + 2
    }

    fn assemble(&self, topics: &[Shared]) -> String {
        let mut text = String::from("ledger 1\n");
        for shared in topics {
            for (block, numbers) in &shared.blocks {
                let label = consumers(numbers);
                let _ = writeln!(text, "{label:width$}  {block}", width = self.consumers);
            }
        }
        text
    }
}

/// `1..331 333..400`, from half-open ranges that count from 0; `none` for none at all.
fn ranges(ranges: &[(u32, u32)]) -> String {
    let mut text = String::new();
    for &(first, end) in ranges.iter().filter(|(first, end)| first < end) {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = write!(text, "{}", first + 1);
        if end > first + 1 {
            let _ = write!(text, "..{end}");
        }
    }
    if text.is_empty() { String::from("none") } else { text }
}

/// `C1 C3..C5`, from ascending numbers.
fn consumers(numbers: &[u32]) -> String {
    let mut text = String::new();
    for run in numbers.chunk_by(|a, b| a + 1 == *b) {
        if !text.is_empty() {
            text.push(' ');
        }
        let _ = write!(text, "C{}", run[0]);
        if let [_, .., last] = run {
            let _ = write!(text, "..C{last}");
        }
    }
    text
}

fn trim_end(text: &mut String) {
    text.truncate(text.trim_end().len());
}
