//! The matrix of consumers and topics: what each consumer was due, got, missed, got again and got out
//! of order. One that is too large for a grid is a list, in which what is equal shares a line, as in a
//! ledger.

use minijinja::Error;
use serde::Serialize;

use super::charts::svg::cut;
use super::context::Context;
use super::names::together;
use super::templates::values;
use crate::figures::Got;
use crate::report::words::{count, number};

/// A grid has at most so many rows and columns.
const SIDE_MAX: usize = 50;

/// A list has at most so many lines, those with trouble first.
const LINES_MAX: usize = 200;

/// So many characters of names on a line are shown.
const NAMES_MAX: usize = 60;

/// The five numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Numbers {
    due: u64,
    got: u64,
    lost: u64,
    repeated: u64,
    reordered: u64,
}

/// The five numbers in words.
#[derive(Serialize)]
struct Cell {
    class: &'static str,
    got: String,
    due: String,
    /// Lost, repeated and reordered, in this order.
    bad: [String; 3],
    is_bad: [bool; 3],
}

#[derive(Serialize)]
struct Row {
    consumers: String,
    cells: Vec<Option<Cell>>,
}

/// Consumers of a topic with the same numbers, and topics for which all of that is the same.
struct Group<'a> {
    consumers: Vec<&'a str>,
    consumer_count: u64,
    topics: Vec<&'a str>,
    numbers: Numbers,
}

#[derive(Serialize)]
struct Line {
    consumers: String,
    topics: String,
    cell: Cell,
}

/// The piece of an entry that ran.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let Some(figures) = own.entry.figures.as_ref().filter(|figures| !figures.got.is_empty()) else {
        return Ok(None);
    };
    let got = figures.got.as_slice();
    let consumers = distinct(got.iter().map(|got| got.consumers.as_str()));
    let topics = distinct(got.iter().map(|got| got.topic.as_str()));
    let is_grid = consumers.len() <= SIDE_MAX && topics.len() <= SIDE_MAX;
    let rows = if is_grid { grid(got, &consumers, &topics) } else { Vec::new() };
    let (lines, left_out) = if is_grid { (Vec::new(), 0) } else { list(got) };
    let topics = if is_grid { topics } else { Vec::new() };
    let left_out = left_out as u64 + figures.got_left_out;
    let left_out = (left_out > 0).then(|| count(left_out, "more line"));
    let values = values! { topics => topics, rows => rows, lines => lines, left_out => left_out };
    own.templates.render("shares.html", values).map(Some)
}

/// In the order in which they come first.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

fn grid(got: &[Got], consumers: &[&str], topics: &[&str]) -> Vec<Row> {
    let row = |consumer: &&str| {
        let own: Vec<&Got> = got.iter().filter(|got| got.consumers == **consumer).collect();
        let cell = |topic: &&str| {
            let got = own.iter().find(|got| got.topic == **topic)?;
            Some(Numbers::of(got).cell())
        };
        Row { consumers: cut(consumer, NAMES_MAX), cells: topics.iter().map(cell).collect() }
    };
    consumers.iter().map(row).collect()
}

/// The lines, and how many are left out.
fn list(got: &[Got]) -> (Vec<Line>, usize) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for topic in distinct(got.iter().map(|got| got.topic.as_str())) {
        let mut own: Vec<Group<'_>> = Vec::new();
        for got in got.iter().filter(|got| got.topic == topic) {
            let numbers = Numbers::of(got);
            match own.iter_mut().find(|group| group.numbers == numbers) {
                Some(group) => {
                    group.consumers.push(&got.consumers);
                    group.consumer_count += got.consumer_count;
                }
                None => own.push(Group {
                    consumers: vec![&got.consumers],
                    consumer_count: got.consumer_count,
                    topics: vec![topic],
                    numbers,
                }),
            }
        }
        for group in own {
            let is_same = |other: &&mut Group<'_>| {
                other.consumers == group.consumers && other.numbers == group.numbers
            };
            match groups.iter_mut().find(is_same) {
                Some(other) => other.topics.push(topic),
                None => groups.push(group),
            }
        }
    }
    groups.sort_by_key(|group| group.numbers.class() != "bad");
    let left_out = groups.len().saturating_sub(LINES_MAX);
    (groups.iter().take(LINES_MAX).map(line).collect(), left_out)
}

fn line(group: &Group<'_>) -> Line {
    let mut consumers = cut(&together(&group.consumers), NAMES_MAX);
    if group.consumer_count > 1 {
        consumers += &format!(" (each of {})", number(group.consumer_count));
    }
    let topics = match group.topics.as_slice() {
        [one] => (*one).to_owned(),
        [first, .., last] => {
            format!("each of {} topics, {first} to {last}", number(group.topics.len() as u64))
        }
        [] => String::new(),
    };
    Line { consumers, topics, cell: group.numbers.cell() }
}

impl Numbers {
    fn of(got: &Got) -> Self {
        let Got { due, got, lost, repeated, reordered, .. } = *got;
        Self { due, got, lost, repeated, reordered }
    }

    fn class(self) -> &'static str {
        match self {
            Self { lost: 1.., .. } | Self { repeated: 1.., .. } | Self { reordered: 1.., .. } => {
                "bad"
            }
            _ if self.got == self.due => "good",
            _ => "none",
        }
    }

    fn cell(self) -> Cell {
        let bad = [self.lost, self.repeated, self.reordered];
        Cell {
            class: self.class(),
            got: number(self.got),
            due: number(self.due),
            bad: bad.map(number),
            is_bad: bad.map(|count| count > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn got(consumers: &str, topic: &str, lost: u64) -> Got {
        let (consumers, topic) = (consumers.to_owned(), topic.to_owned());
        Got { consumers, consumer_count: 1, topic, due: 6, got: 6 - lost, lost, ..Got::default() }
    }

    #[test]
    fn what_is_equal_shares_a_line_and_trouble_is_first() {
        let mut all = Vec::new();
        for topic in ["a", "b", "c"] {
            let lost = |consumer| u64::from(consumer == 70 && topic == "b") * 2;
            all.extend((1..=100).map(|own| got(&format!("C{own}"), topic, lost(own))));
        }
        let (lines, left_out) = list(&all);
        let said: Vec<_> = lines
            .iter()
            .map(|line| (line.consumers.as_str(), line.topics.as_str(), line.cell.bad[0].as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("C70", "b", "2"),
                ("C1..C100 (each of 100)", "each of 2 topics, a to c", "0"),
                ("C1..C69 C71..C100 (each of 99)", "b", "0"),
            ]
        );
        assert_eq!(left_out, 0);
    }

    #[test]
    fn a_list_is_bounded() {
        let all: Vec<Got> =
            (0..900).map(|place| got("C1", &format!("T{place}"), place % 7)).collect();
        let odd: Vec<Got> = (1..=900)
            .map(|place| Got { due: place, ..got("C1", &format!("T{place}"), 0) })
            .collect();
        assert_eq!(list(&all).0.len(), 7);
        assert_eq!((list(&odd).0.len(), list(&odd).1), (LINES_MAX, 900 - LINES_MAX));
    }
}
