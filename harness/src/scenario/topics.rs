//! Topics and who is mapped to them, in both forms.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::topic_name::TopicName;

use super::diagnostic::{Diagnostic, Spot};
use super::names::{self, Kind};
use super::resolve::Report;
use super::yaml::{At, Field};
use super::{Topic, raw};

/// The topics, and each kind's numbers in ascending order.
#[derive(Default)]
pub(super) struct Mapped {
    pub(super) topics: Vec<Topic>,
    pub(super) producers: Vec<u32>,
    pub(super) consumers: Vec<u32>,
}

/// Reads all topics; what is wrong with one of them does not hide what is wrong with the next.
pub(super) fn mapped(report: &mut Report<'_>, raw: &raw::Scenario) -> Mapped {
    let Some(topics) = raw.topics.0.as_ref().filter(|at| !at.value.0.is_empty()) else {
        let span = raw.topics.0.as_ref().map_or(0..0, |at| at.span.clone());
        let title =
            "no topics: a scenario says who produces to which topic and who consumes from it";
        report.add(
            span,
            Diagnostic::new(title).help("write `topics:` and below it `  T1: P1 -> C1`"),
        );
        return Mapped::default();
    };
    let mut result = Mapped::default();
    let (mut producers, mut consumers) = (BTreeSet::new(), BTreeSet::new());
    for (name, mapping) in &topics.value.0 {
        let (from, to) = match &mapping.value {
            raw::Mapping::Line(line) => line_form(report, &name.value, mapping, line),
            raw::Mapping::Table(table) => table_form(report, name, table),
        };
        producers.extend(&from);
        consumers.extend(&to);
        let parsed = name.value.parse().map_err(|why: crate::topic_name::BadTopicName| {
            Diagnostic::new(format!("`{}` cannot name a topic", name.value)).label(why.to_string())
        });
        if let Some(parsed) = report.keep::<TopicName>(name.span.clone(), parsed) {
            let spot = Spot::new(report.source, name.span.clone());
            let (producers, consumers) = (from.into_iter().collect(), to.into_iter().collect());
            result.topics.push(Topic { name: parsed, spot, producers, consumers });
        }
    }
    result.producers = producers.into_iter().collect();
    result.consumers = consumers.into_iter().collect();
    result
}

type Numbers = BTreeSet<u32>;

/// `P1 P2 -> C1`.
fn line_form(
    report: &mut Report<'_>,
    topic: &str,
    mapping: &At<raw::Mapping>,
    line: &str,
) -> (Numbers, Numbers) {
    let at = At { value: line.to_owned(), span: mapping.span.clone() };
    let line = &at.value;
    let Some((from, to)) = line.split_once("->") else {
        let title = format!("`->` is missing in the mapping of `{topic}`");
        let label = "expected producers, `->`, consumers, such as `P1 P2 -> C1`";
        report.add(at.span.clone(), Diagnostic::new(title).label(label));
        return Default::default();
    };
    let mut side = |kind, part: &str| {
        let words: Vec<_> =
            part.split_whitespace().map(|word| (word, report.word_span(&at, word))).collect();
        if words.is_empty() {
            report.add(at.span.clone(), nobody(kind, topic));
        }
        numbers(report, kind, topic, words)
    };
    (side(Kind::Producer, from), side(Kind::Consumer, to))
}

/// `{ producers: [P1, P2], consumers: [C1] }`.
fn table_form(
    report: &mut Report<'_>,
    topic: &At<String>,
    table: &raw::MappingTable,
) -> (Numbers, Numbers) {
    let mut side = |kind, field: &Field<raw::Names>| {
        let line;
        let words = match field.0.as_ref() {
            Some(At { value: raw::Names::List(list), .. }) => {
                list.iter().map(|at| (at.value.as_str(), at.span.clone())).collect()
            }
            Some(At { value: raw::Names::Line(text), span }) => {
                line = At { value: text.clone(), span: span.clone() };
                let words = line.value.split_whitespace();
                words.map(|word| (word, report.word_span(&line, word))).collect()
            }
            None => Vec::new(),
        };
        if words.is_empty() {
            let span = field.0.as_ref().map_or(&topic.span, |at| &at.span);
            report.add(span.clone(), nobody(kind, &topic.value));
        }
        numbers(report, kind, &topic.value, words)
    };
    (side(Kind::Producer, &table.producers), side(Kind::Consumer, &table.consumers))
}

fn nobody(kind: Kind, topic: &str) -> Diagnostic {
    match kind {
        Kind::Producer => Diagnostic::new(format!("nobody produces to `{topic}`"))
            .label("name a producer, such as `P1`"),
        Kind::Consumer => Diagnostic::new(format!("nobody consumes from `{topic}`"))
            .label("name a consumer, such as `C1`"),
    }
}

fn numbers(
    report: &mut Report<'_>,
    kind: Kind,
    topic: &str,
    words: Vec<(&str, Range<usize>)>,
) -> Numbers {
    let mut numbers = Numbers::new();
    for (word, span) in words {
        let Some(range) = report.keep(span.clone(), names::parse(kind, word)) else { continue };
        let twice = range.clone().find(|number| numbers.contains(number));
        numbers.extend(range);
        if let Some(number) = twice {
            let title = format!("{}{number} is mapped to `{topic}` twice", kind.letter());
            report.add(span, Diagnostic::new(title).label("named before on this topic"));
        }
    }
    numbers
}
