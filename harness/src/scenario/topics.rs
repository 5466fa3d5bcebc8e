//! Topics and the actors that are mapped to them, in both forms.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::topic_name::TopicName;

use super::model::Topic;
use super::raw;
use crate::input::diagnostic::{Diagnostic, Spot};
use crate::input::known::Known;
use crate::input::name_list::NameList;
use crate::input::names::{self, Kind};
use crate::input::problems::Problems;
use crate::input::yaml::{At, Field};

/// The topics, and each kind's numbers in ascending order.
#[derive(Default)]
pub(super) struct Mapped {
    pub(super) topics: Vec<Topic>,
    pub(super) producers: Vec<u32>,
    pub(super) consumers: Vec<u32>,
}

impl Mapped {
    pub(super) fn known(&self) -> Known<'_> {
        Known { producers: &self.producers, consumers: &self.consumers }
    }
}

/// Reads all topics; what is wrong with one of them does not hide what is wrong with the next.
pub(super) fn mapped(problems: &mut Problems<'_>, raw: &raw::Scenario) -> Mapped {
    let Some(topics) = raw.topics.0.as_ref().filter(|at| !at.value.0.is_empty()) else {
        let span = raw.topics.0.as_ref().map_or(0..0, |at| at.span.clone());
        let title =
            "no topics: a scenario says who produces to which topic and who consumes from it";
        problems.add(
            span,
            Diagnostic::new(title).help("write `topics:` and below it `  T1: P1 -> C1`"),
        );
        return Mapped::default();
    };
    let mut result = Mapped::default();
    let (mut producers, mut consumers) = (BTreeSet::new(), BTreeSet::new());
    for (name, mapping) in &topics.value.0 {
        let (from, to) = match &mapping.value {
            raw::Mapping::Line(line) => line_form(problems, &name.value, mapping, line),
            raw::Mapping::Table(table) => table_form(problems, name, table),
        };
        producers.extend(&from);
        consumers.extend(&to);
        let parsed = name.value.parse().map_err(|why: crate::topic_name::BadTopicName| {
            Diagnostic::new(format!("`{}` cannot name a topic", name.value)).label(why.to_string())
        });
        if let Some(parsed) = problems.keep::<TopicName>(name.span.clone(), parsed) {
            let spot = Spot::new(problems.source, name.span.clone());
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
    problems: &mut Problems<'_>,
    topic: &str,
    mapping: &At<raw::Mapping>,
    line: &str,
) -> (Numbers, Numbers) {
    let span = &mapping.span;
    let Some((from, to)) = line.split_once("->") else {
        let title = format!("`->` is missing in the mapping of `{topic}`");
        let label = "expected producers, `->`, consumers, such as `P1 P2 -> C1`";
        problems.add(span.clone(), Diagnostic::new(title).label(label));
        return Default::default();
    };
    let mut side = |kind, part: &str| {
        let place = |word| (word, problems.word_span(span, line, word));
        let words: Vec<_> = part.split_whitespace().map(place).collect();
        if words.is_empty() {
            problems.add(span.clone(), nobody(kind, topic));
        }
        numbers(problems, kind, topic, words)
    };
    (side(Kind::Producer, from), side(Kind::Consumer, to))
}

/// `{ producers: [P1, P2], consumers: [C1] }`.
fn table_form(
    problems: &mut Problems<'_>,
    topic: &At<String>,
    table: &raw::MappingTable,
) -> (Numbers, Numbers) {
    let mut side = |kind, field: &Field<NameList>| {
        let words = field.0.as_ref().map_or_else(Vec::new, |at| at.words(problems));
        if words.is_empty() {
            let span = field.0.as_ref().map_or(&topic.span, |at| &at.span);
            problems.add(span.clone(), nobody(kind, &topic.value));
        }
        numbers(problems, kind, &topic.value, words)
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
    problems: &mut Problems<'_>,
    kind: Kind,
    topic: &str,
    words: Vec<(&str, Range<usize>)>,
) -> Numbers {
    let mut numbers = Numbers::new();
    for (word, span) in words {
        let Some(range) = problems.keep(span.clone(), names::parse(kind, word)) else { continue };
        let twice = range.clone().find(|number| numbers.contains(number));
        numbers.extend(range);
        if let Some(number) = twice {
            let title = format!("{}{number} is mapped to `{topic}` twice", kind.letter());
            problems.add(span, Diagnostic::new(title).label("named before on this topic"));
        }
    }
    numbers
}
