//! What is said below the table, for every report that people read: a list of headings, each with
//! what is to be known of the cells that need more than a word.

use super::{Cell, DOES_NOT_START, Found, Matrix, State};
use crate::report::words::{count, number};

/// What the short words mean.
const LEGEND: &[&str] = &[
    "kept 20: not refuted in 20 runs; kept 18/20: in 18, and the other 2 say nothing",
    "BROKEN 3/20: refuted in 3 of 20 runs",
    "( ): the broker's documents do not promise it",
    "vacuous: what the scenario requires did not happen; -: cannot be tested here",
];

/// What is said beside it where thresholds were missed.
const MISSED: &str = "missed 3/20: in 3 of 20 runs the figures were not what `expect` asks for, and nothing was refuted";

/// What is said beside it where power cuts were.
const FORGOT: &str =
    "forgot 12 kB: what power cuts forgot in a run, without files that the server does not need";

/// A part of the text below the table.
#[derive(Debug)]
pub struct Section {
    /// What its items have in common.
    pub heading: &'static str,
    /// In the order of the table, one broker after the other.
    pub items: Vec<Item>,
}

/// What is to be known of a cell, or of several on a broker of which the same is to be known.
#[derive(Debug, PartialEq, Eq)]
pub struct Item {
    /// A sentence.
    pub text: String,
    /// Each with a word in front: `reproduce`.
    pub lines: Vec<(&'static str, String)>,
}

/// What a cell has to say in a section.
#[derive(PartialEq, Eq)]
struct Said {
    text: String,
    lines: Vec<(&'static str, String)>,
}

impl Said {
    fn new(text: String) -> Self {
        Self { text, lines: Vec::new() }
    }

    fn line(mut self, word: &'static str, text: Option<String>) -> Self {
        self.lines.extend(text.map(|text| (word, text)));
        self
    }

    /// How the run that is shown is made and judged again.
    fn again(self, cell: &Cell<'_>) -> Self {
        let judge = cell.shown.and_then(|(_, entry)| entry.judge.clone());
        self.line("reproduce", cell.reproduce()).line("judge", judge)
    }
}

impl Matrix<'_> {
    /// What the short words mean.
    pub fn legend(&self) -> impl Iterator<Item = &'static str> {
        let forgot = self.each().any(|(_, _, cell)| cell.forgotten.is_some()).then_some(FORGOT);
        let missed = self.each().any(|(_, _, cell)| cell.missed > 0).then_some(MISSED);
        LEGEND.iter().copied().chain(missed).chain(forgot)
    }

    /// What is to be said below the table.
    #[must_use]
    pub fn said(&self) -> Vec<Section> {
        let all = [
            ("Broken", self.items(broken)),
            ("Thresholds missed", self.items(missed)),
            ("Not promised by the documents", self.items(not_promised)),
            ("Without a verdict in some runs", self.items(undecided)),
            ("Kept with a backlog", self.items(kept_with_a_backlog)),
            ("Forgotten by power cuts", self.items(forgotten)),
            ("Cannot be tested here", self.items(untested)),
        ];
        let sections = all.map(|(heading, items)| Section { heading, items });
        sections.into_iter().filter(|section| !section.items.is_empty()).collect()
    }

    /// Cells on a broker that have the same to say are one item.
    fn items(&self, said: fn(&Cell<'_>) -> Option<Said>) -> Vec<Item> {
        let mut groups: Vec<(&str, Said, Vec<&str>)> = Vec::new();
        for (name, on, cell) in self.each() {
            let Some(said) = said(cell) else { continue };
            match groups.iter_mut().find(|group| group.0 == on && group.1 == said) {
                Some((_, _, names)) => names.push(name),
                None => groups.push((on, said, vec![name])),
            }
        }
        let item = |(on, said, names): (&str, Said, Vec<&str>)| {
            let are_all = names.len() > 1 && names.len() == self.scenarios.len();
            let names = if are_all { "all scenarios".to_owned() } else { names.join(", ") };
            Item { text: format!("{names} on {on}: {}", said.text), lines: said.lines }
        };
        groups.into_iter().map(item).collect()
    }
}

fn broken(cell: &Cell<'_>) -> Option<Said> {
    if cell.state() != State::Broken {
        return None;
    }
    let what = match found(&cell.found) {
        text if text.is_empty() => cell.why().unwrap_or_default(),
        text => text,
    };
    Some(Said::new(format!("{}: {what}", in_runs_of(cell, cell.broken))).again(cell))
}

fn missed(cell: &Cell<'_>) -> Option<Said> {
    if cell.state() != State::Missed {
        return None;
    }
    let why = cell.why().unwrap_or_default();
    Some(Said::new(format!("{}: {why}", in_runs(cell.missed, cell.runs))).again(cell))
}

fn not_promised(cell: &Cell<'_>) -> Option<Said> {
    let less = cell.not_promised?;
    let text = match cell.state() {
        State::Unpromised => {
            format!("{}: {}", in_runs_of(cell, cell.unpromised), found(&cell.found))
        }
        State::Kept => format!("not seen broken {}", in_runs(cell.kept, cell.runs)),
        _ => return None,
    };
    let said = Said::new(text).line("", Some(less.said.clone()));
    let said = said.line("see", Some(less.reference.clone()));
    Some(if cell.state() == State::Unpromised { said.again(cell) } else { said })
}

fn undecided(cell: &Cell<'_>) -> Option<Said> {
    let without = cell.undecided + cell.vacuous;
    let is_said = matches!(cell.state(), State::Kept | State::Undecided | State::Vacuous);
    if without == 0 || !is_said {
        return None;
    }
    let why = cell.why().unwrap_or_default();
    let why = why.strip_prefix("no verdict: ").unwrap_or(&why);
    Some(Said::new(format!("{}: {why}", in_runs(without, cell.runs))).again(cell))
}

fn kept_with_a_backlog(cell: &Cell<'_>) -> Option<Said> {
    let backlog = number(cell.backlog?);
    if cell.state() != State::Kept {
        return None;
    }
    let (runs, faults) = (count(cell.kept, "run"), count(cell.faults, "fault"));
    let text = format!("in {runs}, with {faults} that met a backlog of at least {backlog}");
    Some(Said::new(text))
}

fn forgotten(cell: &Cell<'_>) -> Option<Said> {
    let (least, most) = cell.forgotten?;
    let bytes = count(most, "byte");
    let bytes = if least == most { bytes } else { format!("{} to {bytes}", number(least)) };
    Some(Said::new(format!("{bytes}, {}", in_runs(cell.runs, cell.runs))))
}

fn untested(cell: &Cell<'_>) -> Option<Said> {
    cell.skipped.map(|reason| Said::new(reason.to_owned()))
}

/// `in 3 of 20 runs`; `flaky, in 3 of 20 runs` where it passed in others.
fn in_runs_of(cell: &Cell<'_>, some: u64) -> String {
    let flaky = if cell.is_flaky() { "flaky, " } else { "" };
    format!("{flaky}{}", in_runs(some, cell.runs))
}

/// `in 3 of 20 runs`, `in all 20 runs`, `in the only run`.
fn in_runs(some: u64, all: u64) -> String {
    match (some, all) {
        (1, 1) => String::from("in the only run"),
        _ if some == all => format!("in all {}", count(all, "run")),
        _ => format!("in {} of {}", number(some), count(all, "run")),
    }
}

/// `lost 82 to 104, duplicate 3 in 1 run, does not start in 1 run`.
fn found(found: &[Found]) -> String {
    let most = found.iter().map(|found| found.runs).max().unwrap_or_default();
    let each = found.iter().map(|Found { what, runs, least, most: greatest }| {
        let often =
            if *runs == most { String::new() } else { format!(" in {}", count(*runs, "run")) };
        let (least, greatest) = (number(*least), number(*greatest));
        if *what == DOES_NOT_START {
            return format!("{what}{often}");
        }
        if least == greatest {
            format!("{what} {least}{often}")
        } else {
            format!("{what} {least} to {greatest}{often}")
        }
    });
    each.collect::<Vec<_>>().join(", ")
}
