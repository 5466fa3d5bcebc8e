//! What is drawn of a graph: its nodes, and what went over each edge.
//!
//! Actors with equal edges are one node. Where there are still too many, those with trouble come
//! first, and the rest is one node with the sums.

use std::collections::{BTreeMap, BTreeSet};

use super::super::names::together;
use crate::figures::{Figures, Got, Sent};
use crate::report::words::{count, number};

/// So many nodes of a side, and so many topics, have a place of their own.
const SIDE_MAX: usize = 14;
const TOPICS_MAX: usize = 12;

/// What goes over an edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// Sent, or delivered.
    many: u64,
    /// Planned, or due.
    of: u64,
    /// Refused, unknown and not sent; or lost, repeated and reordered.
    trouble: [u64; 3],
}

/// An actor, or several with equal edges.
#[derive(Debug)]
pub(super) struct Node<'a> {
    names: Vec<&'a str>,
    /// How many actors.
    count: u64,
    /// By topic, what each of them sends or gets; all of them together where it is the rest.
    pub(super) edges: Vec<(usize, Flow)>,
    is_rest: bool,
}

/// One side of the topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Producers,
    Consumers,
}

/// The graph.
#[derive(Debug)]
pub(super) struct Graph<'a> {
    pub(super) producers: Vec<Node<'a>>,
    pub(super) consumers: Vec<Node<'a>>,
    /// Each with what all of its producers sent and all of its consumers got.
    pub(super) topics: Vec<(String, u64, u64)>,
}

impl<'a> Graph<'a> {
    pub(super) fn of(figures: &'a Figures) -> Self {
        let (names, places) = topics(figures);
        let sent = figures.sent.iter().map(|sent| {
            (
                sent.producers.as_str(),
                sent.producer_count,
                places[sent.topic.as_str()],
                Flow::sent(sent),
            )
        });
        let got = figures.got.iter().map(|got| {
            (got.consumers.as_str(), got.consumer_count, places[got.topic.as_str()], Flow::got(got))
        });
        let mut topics: Vec<_> = names.into_iter().map(|name| (name, 0, 0)).collect();
        for (_, count, topic, flow) in sent.clone() {
            topics[topic].1 += flow.many * count;
        }
        for (_, count, topic, flow) in got.clone() {
            topics[topic].2 += flow.many * count;
        }
        Self { producers: nodes(sent), consumers: nodes(got), topics }
    }
}

/// The names of the topics that are shown, and the place of each topic among them. Where there are too
/// many, the rest shares the last place.
fn topics(figures: &Figures) -> (Vec<String>, BTreeMap<&str, usize>) {
    let sent = figures.sent.iter().map(|sent| (sent.topic.as_str(), Flow::sent(sent).is_trouble()));
    let got = figures.got.iter().map(|got| (got.topic.as_str(), Flow::got(got).is_trouble()));
    let mut all: Vec<(&str, bool)> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, is_trouble) in sent.chain(got) {
        let place = *known.entry(name).or_insert_with(|| {
            all.push((name, false));
            all.len() - 1
        });
        all[place].1 |= is_trouble;
    }
    if all.len() > TOPICS_MAX {
        all.sort_by_key(|(_, is_trouble)| !is_trouble);
    }
    let own = if all.len() > TOPICS_MAX { TOPICS_MAX - 1 } else { all.len() };
    let mut names: Vec<String> = all[..own].iter().map(|(name, _)| (*name).to_owned()).collect();
    if all.len() > own {
        names.push(count((all.len() - own) as u64, "more topic"));
    }
    let places = all.iter().enumerate().map(|(place, (name, _))| (*name, place.min(own)));
    (names, places.collect())
}

/// Actors with their edges: equal ones are one node, and too many are bounded.
fn nodes<'a>(rows: impl Iterator<Item = (&'a str, u64, usize, Flow)>) -> Vec<Node<'a>> {
    let mut actors: Vec<Node<'a>> = Vec::new();
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, count, topic, flow) in rows {
        let place = *known.entry(name).or_insert_with(|| {
            actors.push(Node { names: vec![name], count, edges: Vec::new(), is_rest: false });
            actors.len() - 1
        });
        add(&mut actors[place].edges, topic, flow, 1);
    }
    let mut nodes: Vec<Node<'a>> = Vec::new();
    for actor in actors {
        match nodes.iter_mut().find(|node| node.edges == actor.edges) {
            Some(node) => {
                node.names.extend(actor.names);
                node.count += actor.count;
            }
            None => nodes.push(actor),
        }
    }
    bounded(nodes)
}

fn bounded(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    if nodes.len() > SIDE_MAX {
        nodes.sort_by_key(|node| !node.edges.iter().any(|(_, flow)| flow.is_trouble()));
        let mut rest = Node { names: Vec::new(), count: 0, edges: Vec::new(), is_rest: true };
        for node in nodes.drain(SIDE_MAX - 1..) {
            rest.count += node.count;
            for (topic, flow) in &node.edges {
                add(&mut rest.edges, *topic, *flow, node.count);
            }
        }
        nodes.push(rest);
    }
    nodes
}

/// Adds so many times what goes over an edge.
fn add(edges: &mut Vec<(usize, Flow)>, topic: usize, flow: Flow, times: u64) {
    let place = edges.iter().position(|(other, _)| *other == topic).unwrap_or_else(|| {
        edges.push((topic, Flow::default()));
        edges.len() - 1
    });
    let sum = &mut edges[place].1;
    sum.many += flow.many * times;
    sum.of += flow.of * times;
    for (sum, own) in sum.trouble.iter_mut().zip(flow.trouble) {
        *sum += own * times;
    }
}

impl Flow {
    fn sent(sent: &Sent) -> Self {
        let missing = sent.planned.saturating_sub(sent.sent);
        Self { many: sent.sent, of: sent.planned, trouble: [sent.refused, sent.unknown, missing] }
    }

    fn got(got: &Got) -> Self {
        Self { many: got.got, of: got.due, trouble: [got.lost, got.repeated, got.reordered] }
    }

    pub(super) fn is_trouble(self) -> bool {
        self.trouble.iter().any(|count| *count > 0)
    }

    /// `1,000 sent`, `998 got, 2 lost`; of each, where a node stands for several.
    pub(super) fn said(self, side: Side, is_each: bool) -> String {
        let (verb, words) = match side {
            Side::Producers => ("sent", ["refused", "unknown", "not sent"]),
            Side::Consumers => ("got", ["lost", "repeated", "reordered"]),
        };
        let each = if is_each { " each" } else { "" };
        let mut text = format!("{} {verb}{each}", number(self.many));
        for (count, word) in self.trouble.into_iter().zip(words).filter(|(count, _)| *count > 0) {
            text += &format!(", {} {word}", number(count));
        }
        text
    }
}

impl Node<'_> {
    pub(super) fn name(&self, side: Side) -> String {
        if self.is_rest {
            let noun = if side == Side::Producers { "more producer" } else { "more consumer" };
            return count(self.count, noun);
        }
        together(&self.names)
    }

    /// Whether its numbers are those of each of several.
    pub(super) fn is_each(&self) -> bool {
        self.count > 1 && !self.is_rest
    }

    /// All of its edges as one.
    pub(super) fn sum(&self) -> Flow {
        let mut sum = Vec::new();
        self.edges.iter().for_each(|(_, flow)| add(&mut sum, 0, *flow, 1));
        sum.first().map(|(_, flow)| *flow).unwrap_or_default()
    }

    /// The topics that it has edges to.
    pub(super) fn topics(&self) -> BTreeSet<usize> {
        self.edges.iter().map(|(topic, _)| *topic).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(producers: u64, topics: u64, consumers: u64) -> Figures {
        let topic = |topic: u64| format!("T{topic}");
        let sent = (1..=producers).flat_map(|own| {
            (1..=topics).map(move |at| Sent {
                producers: format!("P{own}"),
                producer_count: 1,
                topic: topic(at),
                planned: 10 + own,
                sent: 10 + own,
                acked: 10 + own,
                ..Sent::default()
            })
        });
        let got = (1..=consumers).flat_map(|own| {
            (1..=topics).map(move |at| {
                let lost = u64::from(own == consumers && at == topics);
                let consumers = format!("C{own}");
                let topic = topic(at);
                Got {
                    consumers,
                    consumer_count: 1,
                    topic,
                    due: 5,
                    got: 5 - lost,
                    lost,
                    ..Got::default()
                }
            })
        });
        Figures { sent: sent.collect(), got: got.collect(), ..Figures::default() }
    }

    #[test]
    fn equal_consumers_are_one_node_and_one_that_misses_something_is_not() {
        let figures = figures(2, 2, 100);
        let graph = Graph::of(&figures);
        let names = |side, nodes: &[Node<'_>]| -> Vec<String> {
            nodes.iter().map(|node| node.name(side)).collect()
        };
        assert_eq!(names(Side::Producers, &graph.producers), ["P1", "P2"]);
        assert_eq!(names(Side::Consumers, &graph.consumers), ["C1..C99", "C100"]);
        let said =
            |node: &Node<'_>, edge: usize| node.edges[edge].1.said(Side::Consumers, node.is_each());
        assert_eq!(said(&graph.consumers[0], 1), "5 got each");
        assert_eq!(said(&graph.consumers[1], 1), "4 got, 1 lost");
        assert_eq!(graph.topics[1], ("T2".to_owned(), 11 + 12, 499));
    }

    #[test]
    fn a_graph_is_bounded_and_loses_no_message() {
        let figures = figures(300, 80, 3);
        let graph = Graph::of(&figures);
        assert_eq!((graph.producers.len(), graph.topics.len()), (SIDE_MAX, TOPICS_MAX));
        assert_eq!(graph.producers.last().unwrap().name(Side::Producers), "287 more producers");
        assert_eq!(graph.topics.last().unwrap().0, "69 more topics");
        let sent: u64 =
            graph.producers.iter().map(|node| node.sum().many * node.is_rest_or_one()).sum();
        let all: u64 = figures.sent.iter().map(|sent| sent.sent).sum();
        assert_eq!(sent, all);
        assert_eq!(graph.topics.iter().map(|topic| topic.1).sum::<u64>(), all);
        assert_eq!(graph.topics[0].0, "T80", "the one with trouble is shown");
        assert!(super::super::draw::draw(&graph).len() < 60_000);
    }

    impl Node<'_> {
        fn is_rest_or_one(&self) -> u64 {
            if self.is_rest { 1 } else { self.count }
        }
    }
}
