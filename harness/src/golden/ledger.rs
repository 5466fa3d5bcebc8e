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
use crate::fnv::Fnv;
use crate::history::History;
use crate::input::names::{Kind, list};
use crate::plan::{ConsumerIndex, MessageId, Plan, StreamIndex, Topic, TopicIndex};

/// So many producers stand on one line; the next ones go below.
const PRODUCERS_A_LINE: usize = 3;

/// A producer with at most so many messages on a topic has its payloads shown.
const SHOWN_MAX: u32 = 20;

/// What stands in the place of the total on an open line.
const OPEN: &str = "open";

/// The ledger of a run. Linear in the number of deliveries; payloads are hashed once a stream, and
/// again only for a consumer that did not get all of them as planned.
///
/// The plan alone decides whether a line is exact or open. An open one says what is planned and
/// leaves what came to the checks, because two runs that keep every promise may differ in it.
pub fn ledger(plan: &Plan, history: &History) -> String {
    let layout = Layout::of(plan);
    let digests: Vec<u64> =
        (0..plan.streams.len()).map(|place| planned_digest(plan, place)).collect();
    let mut blocks = vec![Shared::default(); plan.topics.len()];
    let mut reader = arrival::Reader::new(plan);
    for (place, consumer) in plan.consumers.iter().enumerate() {
        let index = ConsumerIndex::new(place);
        let arrivals = reader.read(index, history.consumers.get(place));
        for topic in &consumer.topics {
            let block = if plan.is_exact() {
                layout.exact(plan, *topic, &arrivals, &digests)
            } else {
                layout.open(plan, *topic)
            };
            blocks[topic.place()].add(block, consumer.number);
        }
    }
    layout.assemble(&blocks)
}

/// The digest of a stream that arrived as planned.
fn planned_digest(plan: &Plan, place: usize) -> u64 {
    let mut digest = Fnv::default();
    for id in plan.streams[place].messages() {
        payload::add(&mut digest, plan.messages.payload(MessageId(id)));
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
        let mut layout = Self { consumers: 0, topic: 0, total: 0, entries: Default::default() };
        for (place, topic) in plan.topics.iter().enumerate() {
            let numbers: Vec<u32> =
                topic.consumers.iter().map(|index| plan.consumers[index.place()].number).collect();
            layout.consumers = layout.consumers.max(list(Kind::Consumer, &numbers).len());
            layout.topic = layout.topic.max(topic.name.as_str().len());
            if plan.is_exact() {
                let total = plan.topic_total(TopicIndex::new(place)).to_string();
                layout.widen(plan, topic, &total, |count| ranges(&[(0, count)]));
            } else {
                layout.widen(plan, topic, OPEN, |count| count.to_string());
            }
        }
        layout
    }

    fn widen(&mut self, plan: &Plan, topic: &Topic, total: &str, numbers: impl Fn(u32) -> String) {
        self.total = self.total.max(total.len());
        for (place, index) in topic.streams.iter().enumerate() {
            let name = format!("P{}", producer(plan, *index));
            let numbers = numbers(plan.streams[index.place()].count);
            let widths = &mut self.entries[place % PRODUCERS_A_LINE];
            *widths = (widths.0.max(name.len()), widths.1.max(numbers.len()));
        }
    }

    fn open(&self, plan: &Plan, topic: TopicIndex) -> String {
        let topic = &plan.topics[topic.place()];
        let entries = topic.streams.iter().map(|index| {
            (producer(plan, *index), plan.streams[index.place()].count.to_string(), None)
        });
        self.block(topic.name.as_str(), OPEN, entries)
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
        let total: u64 = topic.streams.iter().map(|index| u64::from(arrivals[index].count())).sum();
        let entries = topic.streams.iter().map(|index| {
            let (stream, arrival) = (&plan.streams[index.place()], &arrivals[index]);
            let digest = match arrival.count() {
                0 => None,
                _ if arrival.is_as_planned(stream) => Some(digests[index.place()]),
                _ => Some(arrival.digest(plan, stream)),
            };
            (producer(plan, *index), ranges(&arrival.ranges()), digest)
        });
        let mut block = self.block(topic.name.as_str(), &total.to_string(), entries);
        for index in &topic.streams {
            let (stream, arrival) = (&plan.streams[index.place()], &arrivals[index]);
            if stream.count <= SHOWN_MAX && arrival.count() > 0 {
                let _ = write!(block, "\n{:1$}P{2}:", "", self.indent(), producer(plan, *index));
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
                let label = list(Kind::Consumer, numbers);
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

/// 4 in `P4`, of the producer of a stream.
fn producer(plan: &Plan, stream: StreamIndex) -> u32 {
    plan.producers[plan.streams[stream.place()].producer.place()].number
}

fn trim_end(text: &mut String) {
    text.truncate(text.trim_end().len());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, SMALL, SMALL_LOGS, complete, plan};
    use crate::history::{Delivery, Oddity};

    /// Digests are computed where they matter; elsewhere they only hide what a test is about.
    fn without_digests(ledger: &str) -> String {
        let word = |word: &str| {
            let digest = word.len() == 16 && word.chars().all(|c| c.is_ascii_hexdigit());
            String::from(if digest { "#" } else { word })
        };
        let line = |line: &str| line.split(' ').map(word).collect::<Vec<_>>().join(" ") + "\n";
        ledger.lines().map(line).collect()
    }

    fn check(plan: &Plan, history: &History, expected: &str) {
        let expected: String = expected
            .trim_matches('\n')
            .lines()
            .map(|line| line.trim_end().to_owned() + "\n")
            .collect();
        assert_eq!(without_digests(&ledger(plan, history)), expected);
    }

    #[test]
    fn equal_consumers_share_their_lines() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let text = ledger(&plan, &complete(&plan));
        // The digests were computed by an implementation of its own, in Python.
        assert_eq!(
            text,
            "ledger 1\n\
             C1 C2  T1  6  P1 1..3 e4e86fa57687f4b1  P2 1..3 3f2a3bb783221f1c\n\
             \x20             P1: P1_MSG1 P1_MSG2 P1_MSG3\n\
             \x20             P2: P2_MSG1 P2_MSG2 P2_MSG3\n"
        );
    }

    #[test]
    fn any_interleaving_of_producers_gives_the_same_ledger() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mixed = fixture::history(&plan, |consumer, _, all| {
            let (one, two) = all.split_at(3);
            let turns = one.iter().zip(two);
            let turns = turns.flat_map(|(a, b)| if consumer == 1 { [*a, *b] } else { [*b, *a] });
            turns.collect()
        });
        assert_eq!(ledger(&plan, &mixed), ledger(&plan, &complete(&plan)));
    }

    #[test]
    fn a_lost_message_is_missing_from_its_consumer_alone() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let lossy = fixture::history(&plan, |consumer, _, mut all| {
            if consumer == 2 {
                all.remove(1);
            }
            all
        });
        check(
            &plan,
            &lossy,
            "
ledger 1
C1     T1  6  P1 1..3 #  P2 1..3 #
              P1: P1_MSG1 P1_MSG2 P1_MSG3
              P2: P2_MSG1 P2_MSG2 P2_MSG3
C2     T1  5  P1 1 3  #  P2 1..3 #
              P1: P1_MSG1 P1_MSG3
              P2: P2_MSG1 P2_MSG2 P2_MSG3
",
        );
    }

    #[test]
    fn numbers_stand_in_the_order_of_their_first_arrival() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let check = |order: &[u32], expected: &str| {
            let came = fixture::history(&plan, |consumer, _, all| {
                if consumer == 1 { order.iter().map(|id| MessageId(*id)).collect() } else { all }
            });
            let text = without_digests(&ledger(&plan, &came));
            assert!(text.contains(&format!("{expected} #  P2 none\n")), "{order:?}: {text}");
        };
        check(&[2, 0, 1], "P1 3 1..2");
        check(&[2, 1, 0], "P1 3 2 1");
        check(&[0, 0, 1, 0, 2], "P1 1..3");
        check(&[1, 1, 0, 1, 2], "P1 2 1 3");
        check(&[0, 2, 1, 2, 0], "P1 1 3 2");
    }

    #[test]
    fn another_payload_changes_the_digest_and_is_shown() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        let odd = Oddity { payload: "P1_MSG\n2".into(), ..Oddity::default() };
        history.consumers[0].oddities.insert(1, odd);
        let text = ledger(&plan, &history);
        assert!(text.contains("P1: P1_MSG1 \"P1_MSG\\n2\" P1_MSG3\n"), "{text}");
        let digests: Vec<_> = text
            .lines()
            .filter_map(|line| line.split_once("P1 1..3 ").map(|(_, rest)| &rest[..16]))
            .collect();
        assert_eq!(digests.len(), 2);
        assert_ne!(digests[0], digests[1]);
    }

    #[test]
    fn what_is_no_planned_message_of_the_topic_did_not_arrive() {
        let yaml = "
topics: { T1: P1 -> C1, T2: P1 -> C1 }
producers: { P1: { log: 'p1.txt' } }
";
        let logs = &[("p1.txt", "09:00:00 A P1-1 T1\n09:00:00 B P1-1 T2\n")];
        let (_folder, plan) = plan(yaml, logs);
        let mut history = complete(&plan);
        check(
            &plan,
            &history,
            "
ledger 1
C1  T1  1  P1 1 #
           P1: A
C1  T2  1  P1 1 #
           P1: B
",
        );
        // The second poll, on T2, brings T1's message instead, and the first a phantom.
        history.consumers[0].deliveries =
            vec![Delivery::new(None, None), Delivery::new(Some(MessageId(0)), None)];
        check(&plan, &history, "ledger 1\nC1  T1  0  P1 none\nC1  T2  0  P1 none\n");
    }

    #[test]
    fn an_open_line_shows_what_is_planned_whatever_came() {
        let extras = [
            "start: together",
            "expect: { delivery: at-most-once }",
            "expect: { acked: any }",
            "expect: { order: none }",
        ];
        for extra in extras {
            let (_folder, plan) = plan(&format!("{SMALL}{extra}\n"), SMALL_LOGS);
            let expected = "ledger 1\nC1 C2  T1  open  P1 3  P2 3\n";
            check(&plan, &complete(&plan), expected);
            check(&plan, &fixture::history(&plan, |_, _, _| Vec::new()), expected);
        }
    }

    #[test]
    fn many_producers_stand_three_on_a_line_and_many_messages_are_not_shown() {
        let yaml = "
topics: { T1: P1..P4 -> C1..C12, Tlong: P11 -> C3 C5 C6 C7 C12 }
producers: { all: { generate: { messages: 21, size: 4..8 } } }
";
        let (_folder, plan) = plan(yaml, &[]);
        check(
            &plan,
            &complete(&plan),
            "
ledger 1
C1..C12        T1     84  P1  1..21 #  P2 1..21 #  P3 1..21 #
                          P4  1..21 #
C3 C5..C7 C12  Tlong  21  P11 1..21 #
",
        );
    }

    #[test]
    fn what_one_line_says_never_moves_another() {
        let yaml = "
topics: { T1: P1 P2 -> C1 C2 C3 }
producers: { all: { generate: { messages: 1000, size: 4..8 } } }
";
        let (_folder, plan) = plan(yaml, &[]);
        let lossy = fixture::history(&plan, |consumer, _, mut all| {
            if consumer == 2 {
                all.retain(|id| ![17, 18, 400, 1999].contains(&id.0));
            }
            all
        });
        check(
            &plan,
            &lossy,
            "
ledger 1
C1 C3   T1  2000  P1 1..1000 #  P2 1..1000 #
C2      T1  1996  P1 1..17 20..400 402..1000 #  P2 1..999  #
",
        );
    }
}
