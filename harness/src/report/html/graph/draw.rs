//! The graph as SVG: producers on the left, topics in the middle, consumers on the right.
//!
//! Each edge has a row of its own at the actor's end, and its words stand on the line there, so that
//! they never meet those of another edge.

use super::super::charts::svg::{Anchor, Path, Svg};
use super::model::{Flow, Graph, Node, Side};
use crate::report::words::{count, number};

/// In units of the picture, which are pixels where it has room.
const WIDTH: f64 = 960.0;
const ACTOR: f64 = 120.0;
const TOPIC: f64 = 150.0;
const ROW: f64 = 21.0;
const GAP: f64 = 14.0;
const TOPIC_HEIGHT: f64 = 40.0;

/// The words on an edge stand on a level line as long as this.
const LEVEL: f64 = 190.0;

/// A side with more edges has one row a node, with the sum.
const ROWS_MAX: usize = 60;

pub(super) fn draw(graph: &Graph<'_>) -> String {
    let sides = [(Side::Producers, &graph.producers), (Side::Consumers, &graph.consumers)];
    let heights = sides.map(|(_, nodes)| height(nodes));
    let topics = graph.topics.len() as f64 * (TOPIC_HEIGHT + GAP);
    let height = heights[0].max(heights[1]).max(topics) + GAP;
    let title = "Producers, topics and consumers";
    let mut svg = Svg::new("graph", (WIDTH, height), title, &description(graph));
    // Topics have the whole height.
    let step = height / graph.topics.len().max(1) as f64;
    let middles: Vec<f64> =
        (0..graph.topics.len()).map(|place| (place as f64 + 0.5) * step).collect();
    for ((side, nodes), own) in sides.into_iter().zip(heights) {
        let mut top = (height - own + GAP) / 2.0;
        let is_short = is_short(nodes);
        for node in nodes {
            edges(&mut svg, side, node, top, is_short, &middles);
            let tall = rows(node, is_short) as f64 * ROW;
            let x = if side == Side::Producers { 0.0 } else { WIDTH - ACTOR };
            svg.rect("g-node", (x + 0.5, top), (ACTOR - 1.0, tall), "");
            let at = (x + ACTOR / 2.0, top + tall / 2.0 + 4.5);
            svg.text_cut("g-name", at, Anchor::Middle, &node.name(side), 17);
            top += tall + GAP;
        }
    }
    for ((name, sent, got), y) in graph.topics.iter().zip(&middles) {
        let x = (WIDTH - TOPIC) / 2.0;
        svg.rect("g-topic", (x, y - TOPIC_HEIGHT / 2.0), (TOPIC, TOPIC_HEIGHT), "");
        svg.text_cut("g-name", (WIDTH / 2.0, y - 2.0), Anchor::Middle, name, 21);
        let flow = format!("{} in, {} out", number(*sent), number(*got));
        svg.text_cut("g-small", (WIDTH / 2.0, y + 13.0), Anchor::Middle, &flow, 24);
    }
    svg.finish()
}

fn is_short(nodes: &[Node<'_>]) -> bool {
    nodes.iter().map(|node| node.edges.len()).sum::<usize>() > ROWS_MAX
}

fn rows(node: &Node<'_>, is_short: bool) -> usize {
    if is_short { 1 } else { node.edges.len().max(1) }
}

/// With a gap behind each node.
fn height(nodes: &[Node<'_>]) -> f64 {
    let is_short = is_short(nodes);
    nodes.iter().map(|node| (rows(node, is_short) as f64).mul_add(ROW, GAP)).sum()
}

fn edges(svg: &mut Svg, side: Side, node: &Node<'_>, top: f64, is_short: bool, middles: &[f64]) {
    let mut row = |y: f64, topics: &[usize], flow: Flow, text: &str| {
        let class = if flow.is_trouble() { "g-edge g-bad" } else { "g-edge" };
        for topic in topics {
            svg.path(class, &edge(side, y, middles[*topic]));
        }
        let class = if flow.is_trouble() { "g-flow g-bad" } else { "g-flow" };
        let (x, anchor) = match side {
            Side::Producers => (ACTOR + 6.0, Anchor::Start),
            Side::Consumers => (WIDTH - ACTOR - 6.0, Anchor::End),
        };
        svg.text_cut(class, (x, y - 3.5), anchor, text, 31);
    };
    // The line is in the lower part of its row, and the words above it.
    let line = |place: usize| top + (place as f64 + 0.72) * ROW;
    if is_short {
        let topics: Vec<usize> = node.topics().into_iter().collect();
        let said = node.sum().said(side, node.is_each());
        let text = format!("{said}, {}", count(topics.len() as u64, "topic"));
        return row(line(0), &topics, node.sum(), &text);
    }
    for (place, (topic, flow)) in node.edges.iter().enumerate() {
        row(line(place), &[*topic], *flow, &flow.said(side, node.is_each()));
    }
}

/// From an actor at the left or to one at the right.
fn edge(side: Side, y: f64, middle: f64) -> Path {
    let (actor, level, topic) = match side {
        Side::Producers => (ACTOR, ACTOR + LEVEL, (WIDTH - TOPIC) / 2.0),
        Side::Consumers => (WIDTH - ACTOR, WIDTH - ACTOR - LEVEL, f64::midpoint(WIDTH, TOPIC)),
    };
    let bend = f64::midpoint(level, topic);
    let mut path = Path::default();
    path.move_to(actor, y);
    path.across_to(level);
    path.curve_to((bend, y), (bend, middle), (topic, middle));
    path
}

/// The whole graph in words, as far as they are few.
fn description(graph: &Graph<'_>) -> String {
    let sides = [(Side::Producers, &graph.producers), (Side::Consumers, &graph.consumers)];
    let said = sides.into_iter().flat_map(|(side, nodes)| {
        nodes.iter().flat_map(move |node| {
            node.edges.iter().map(move |(topic, flow)| {
                let topic = &graph.topics[*topic].0;
                format!("{} on {topic}: {}", node.name(side), flow.said(side, node.is_each()))
            })
        })
    });
    said.take(40).collect::<Vec<_>>().join("; ")
}
