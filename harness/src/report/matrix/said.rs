//! What is said below the table, for every report that people read: a list of headings, each with
//! what is to be known of the cells that need more than a word.

use super::{Cell, Found, Matrix, State};
use crate::report::words::{count, number};

/// What the short words mean.
pub const LEGEND: &[&str] = &[
    "kept 20: not refuted in 20 runs; kept 18/20: in 18, and the other 2 say nothing",
    "BROKEN 3/20: refuted in 3 of 20 runs",
    "( ): the broker's documents do not promise it",
    "vacuous: what the scenario requires did not happen; -: cannot be tested here",
];

/// A part of the text below the table.
#[derive(Debug)]
pub struct Section {
    /// What its items have in common.
    pub heading: &'static str,
    /// In the order of the table, one broker after the other.
    pub items: Vec<Item>,
}

/// What is to be known of a cell, or of several for one reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    /// A sentence.
    pub text: String,
    /// Each with a word in front: `reproduce`.
    pub lines: Vec<(&'static str, String)>,
}

impl Item {
    fn new(text: String) -> Self {
        Self { text, lines: Vec::new() }
    }

    fn line(mut self, word: &'static str, text: Option<String>) -> Self {
        self.lines.extend(text.map(|text| (word, text)));
        self
    }
}

impl Matrix<'_> {
    /// What is to be said below the table.
    #[must_use]
    pub fn said(&self) -> Vec<Section> {
        let all = [
            ("Broken", self.items(broken)),
            ("Not promised by the documents", self.items(not_promised)),
            ("Without a verdict in some runs", self.items(undecided)),
            ("Kept with a backlog", self.items(kept_with_a_backlog)),
            ("Cannot be tested here", self.untested()),
        ];
        let sections = all.map(|(heading, items)| Section { heading, items });
        sections.into_iter().filter(|section| !section.items.is_empty()).collect()
    }

    fn items(&self, item: fn(&str, &Cell<'_>) -> Option<Item>) -> Vec<Item> {
        let each = self.each();
        each.filter_map(|(name, on, cell)| item(&format!("{name} on {on}"), cell)).collect()
    }

    /// Scenarios that are skipped on a broker for one reason are one item.
    fn untested(&self) -> Vec<Item> {
        let mut groups: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for (name, on, cell) in self.each() {
            let Some(reason) = cell.skipped else { continue };
            match groups.iter_mut().find(|group| (group.0, group.1) == (on, reason)) {
                Some((_, _, names)) => names.push(name),
                None => groups.push((on, reason, vec![name])),
            }
        }
        let item = |(on, reason, names): (&str, &str, Vec<&str>)| {
            let what = match names.as_slice() {
                names if names.len() == self.scenarios.len() && names.len() > 1 => on.to_owned(),
                names => format!("{} on {on}", names.join(", ")),
            };
            Item::new(format!("{what}: {reason}"))
        };
        groups.into_iter().map(item).collect()
    }
}

fn broken(place: &str, cell: &Cell<'_>) -> Option<Item> {
    if cell.state() != State::Broken {
        return None;
    }
    let what = match found(&cell.found) {
        text if text.is_empty() => cell.why().unwrap_or_default(),
        text => text,
    };
    let text = format!("{place}: in {} of {}: {what}", cell.broken, count(cell.runs, "run"));
    Some(Item::new(text).line("reproduce", cell.reproduce()).line("judge", judge(cell)))
}

fn not_promised(place: &str, cell: &Cell<'_>) -> Option<Item> {
    let less = cell.not_promised?;
    let runs = count(cell.runs, "run");
    let text = match cell.state() {
        State::Unpromised => {
            format!("{place}: in {} of {runs}: {}", cell.unpromised, found(&cell.found))
        }
        State::Kept if cell.kept == cell.runs => format!("{place}: not seen broken in {runs}"),
        State::Kept => format!("{place}: not seen broken in {} of {runs}", cell.kept),
        _ => return None,
    };
    let documented = format!("{} ({})", less.said, less.reference);
    let item = Item::new(text).line("", Some(documented));
    let is_seen = cell.state() == State::Unpromised;
    Some(if is_seen { item.line("reproduce", cell.reproduce()).line("judge", judge(cell)) } else { item })
}

fn undecided(place: &str, cell: &Cell<'_>) -> Option<Item> {
    let without = cell.undecided + cell.vacuous;
    let is_said = matches!(cell.state(), State::Kept | State::Undecided | State::Vacuous);
    if without == 0 || !is_said {
        return None;
    }
    let why = cell.why().unwrap_or_default();
    let text = format!("{place}: in {without} of {}: {why}", count(cell.runs, "run"));
    Some(Item::new(text).line("reproduce", cell.reproduce()).line("judge", judge(cell)))
}

fn kept_with_a_backlog(place: &str, cell: &Cell<'_>) -> Option<Item> {
    let backlog = cell.backlog?;
    if cell.state() != State::Kept {
        return None;
    }
    let (runs, faults) = (count(cell.kept, "run"), count(cell.faults, "fault"));
    let backlog = number(backlog);
    let text = format!("{place}: in {runs}, with {faults} that met a backlog of at least {backlog}");
    Some(Item::new(text))
}

fn judge(cell: &Cell<'_>) -> Option<String> {
    cell.shown.and_then(|(_, entry)| entry.judge.clone())
}

/// `lost 82 to 104, duplicate 3 in 1 run`.
fn found(found: &[Found]) -> String {
    let most = found.iter().map(|found| found.runs).max().unwrap_or_default();
    let each = found.iter().map(|Found { what, runs, least, most: greatest }| {
        let often = if *runs == most { String::new() } else { format!(" in {}", count(*runs, "run")) };
        let (least, greatest) = (number(*least), number(*greatest));
        if least == greatest {
            format!("{what} {least}{often}")
        } else {
            format!("{what} {least} to {greatest}{often}")
        }
    });
    each.collect::<Vec<_>>().join(", ")
}
