//! Two states side by side, a scenario and broker after the other.

use schemars::JsonSchema;
use serde::Serialize;

use super::read::{Figure, Key, Runs, Side};
use super::rule::{Outcome, Rule};
use super::sample::Sample;
use crate::exit::Exit;
use crate::numbers::count;

/// Two states side by side.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// What came first.
    pub before: State,
    /// What is held against it.
    pub after: State,
    /// What decides.
    pub rule: Rule,
    /// Whether something worse fails the call, and something unclear leaves it without a verdict.
    pub is_judged: bool,
    /// In what the two differ beside their figures, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What both have.
    pub pairs: Vec<Pair>,
    /// What only the first has: `5p3c on memory`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_before: Vec<String>,
    /// What only the second has.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only_after: Vec<String>,
}

/// One of the two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct State {
    /// The file or folder; `this run`.
    pub name: String,
    /// How many reports.
    pub reports: u64,
}

/// A scenario on a broker.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Pair {
    /// Its name.
    pub scenario: String,
    /// The broker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// Runs of the first state that passed the checks.
    pub runs_before: u64,
    /// Runs of the second.
    pub runs_after: u64,
    /// That of the gravest of its figures.
    pub outcome: Outcome,
    /// In what its runs differ beside their figures, and what is left out, a sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// A figure each.
    pub rows: Vec<Row>,
}

/// A figure.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// Which: latencies are in nanoseconds.
    pub figure: Figure,
    /// Of the first state.
    pub before: Sample,
    /// Of the second.
    pub after: Sample,
    /// The second median by the first; none where that is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// What the second is beside the first.
    pub outcome: Outcome,
}

/// Holds a state against an earlier one; `fail_by` is by how much worse it may not be, where the
/// comparison is to fail.
#[must_use]
pub fn compare(before: &Side, after: &Side, fail_by: Option<f64>) -> Comparison {
    let rule = Rule { by: fail_by.unwrap_or(Rule::USUAL.by), ..Rule::USUAL };
    let find = |side: &'_ Side, key: &Key| side.cells.iter().position(|(known, _)| known == key);
    let only = |side: &Side, other: &Side| {
        let own = side.cells.iter().filter(|(key, _)| find(other, key).is_none());
        own.map(|(key, _)| key.name()).collect::<Vec<_>>()
    };
    let pairs = before.cells.iter().filter_map(|(key, runs)| {
        let place = find(after, key)?;
        Some(pair(key, runs, &after.cells[place].1, rule))
    });
    let state = |side: &Side| State { name: side.name.clone(), reports: side.reports };
    let mut notes = differences(&before.about, &after.about);
    if before.reports == 1 || after.reports == 1 {
        let note = "the runs of the two were not made in turn: what else changed on the machine between \
                    them counts, too";
        notes.push(note.to_owned());
    }
    Comparison {
        before: state(before),
        after: state(after),
        rule,
        is_judged: fail_by.is_some(),
        notes,
        pairs: pairs.collect(),
        only_before: only(before, after),
        only_after: only(after, before),
    }
}

impl Comparison {
    /// What it alone would end the process with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.outcome() {
            _ if !self.is_judged => Exit::Passed,
            Some(Outcome::Worse) => Exit::Failed,
            Some(Outcome::Unclear) | None => Exit::NoVerdict,
            Some(Outcome::Same | Outcome::Better) => Exit::Passed,
        }
    }

    /// The gravest of all; none where the two have nothing in common.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.pairs.iter().map(|pair| pair.outcome).max()
    }

    /// In one sentence: `worse than before.json: ack p99 of 5p3c on memory x1.31 and 2 more`.
    #[must_use]
    pub fn sentence(&self) -> String {
        let name = &self.before.name;
        let rows = |outcome| {
            let all =
                self.pairs.iter().flat_map(|pair| pair.rows.iter().map(move |row| (pair, row)));
            all.filter(move |(_, row)| row.outcome == outcome)
        };
        let first = |outcome| {
            let (pair, row) = rows(outcome).next()?;
            let more = match rows(outcome).count() - 1 {
                0 => String::new(),
                more => format!(" and {}", count(more as u64, "more figure")),
            };
            let ratio = row.ratio.map(|ratio| format!(" x{ratio:.2}")).unwrap_or_default();
            Some(format!("{} of {}{ratio}{more}", row.figure.name(), pair.name()))
        };
        match self.outcome() {
            None => format!("nothing of {name} can be compared: no scenario is in both"),
            Some(Outcome::Worse) => {
                format!("worse than {name}: {}", first(Outcome::Worse).unwrap_or_default())
            }
            Some(Outcome::Unclear) => {
                let few = self.pairs.iter().find(|pair| pair.outcome == Outcome::Unclear);
                let few = few.map(Pair::too_few).unwrap_or_default();
                format!(
                    "nothing is claimed beside {name}: {few}; {} are needed, and {} where the noise is \
                     above {} %",
                    self.rule.least_runs,
                    self.rule.least_noisy_runs,
                    self.rule.by * 100.0
                )
            }
            Some(Outcome::Better) => {
                format!("better than {name}: {}", first(Outcome::Better).unwrap_or_default())
            }
            Some(Outcome::Same) => format!("the same as {name}: no difference is shown"),
        }
    }
}

impl Pair {
    /// `5p3c on memory`.
    #[must_use]
    pub fn name(&self) -> String {
        Key { scenario: self.scenario.clone(), on: self.on.clone() }.name()
    }

    fn too_few(&self) -> String {
        let (before, after) = (count(self.runs_before, "run"), count(self.runs_after, "run"));
        format!("{} has {before} before and {after} after", self.name())
    }
}

impl Key {
    fn name(&self) -> String {
        let on = self.on.as_ref().map(|on| format!(" on {on}")).unwrap_or_default();
        format!("{}{on}", self.scenario)
    }
}

fn pair(key: &Key, before: &Runs, after: &Runs, rule: Rule) -> Pair {
    let mut notes = differences(&before.about, &after.about);
    for (runs, when) in [(before, "before"), (after, "after")] {
        if runs.left_out > 0 {
            let runs = count(runs.left_out, "run");
            notes.push(format!("{runs} {when} did not pass the checks, and does not count"));
        }
    }
    let mut rows = Vec::new();
    for figure in Figure::ALL {
        let of = |runs: &Runs| runs.values.get(&figure).and_then(|values| Sample::of(values));
        match (of(before), of(after)) {
            (Some(before), Some(after)) => rows.push(row(figure, before, after, rule)),
            // Where no run counts there is nothing of all of them.
            _ if before.count == 0 || after.count == 0 => {}
            (Some(_), None) => notes.push(format!("there is no {} after", figure.name())),
            (None, Some(_)) => notes.push(format!("there was no {} before", figure.name())),
            (None, None) => {}
        }
    }
    let is_noisy = |row: &&Row| {
        row.outcome == Outcome::Same && row.before.noise().max(row.after.noise()) > rule.by
    };
    let noisy: Vec<_> = rows.iter().filter(is_noisy).map(|row| row.figure.name()).collect();
    if !noisy.is_empty() {
        let by = rule.by * 100.0;
        let noisy = noisy.join(", ");
        notes.push(format!("a difference of {by} % may not be seen in noise above that: {noisy}"));
    }
    Pair {
        scenario: key.scenario.clone(),
        on: key.on.clone(),
        runs_before: before.count,
        runs_after: after.count,
        // Without any figure nothing is known.
        outcome: rows.iter().map(|row| row.outcome).max().unwrap_or(Outcome::Unclear),
        notes,
        rows,
    }
}

fn row(figure: Figure, before: Sample, after: Sample, rule: Rule) -> Row {
    let ratio = (before.median > 0.0).then(|| after.median / before.median);
    let outcome = rule.judge(&before, &after, figure.good());
    Row { figure, before, after, ratio, outcome }
}

type About = std::collections::BTreeMap<&'static str, std::collections::BTreeSet<String>>;

/// `cores: 2 before, 8 after`.
fn differences(before: &About, after: &About) -> Vec<String> {
    let words = |about: &About, what: &str| {
        let all: Vec<&str> = about.get(what).into_iter().flatten().map(String::as_str).collect();
        if all.is_empty() { "unknown".to_owned() } else { all.join(" and ") }
    };
    let all = before.keys().filter(|what| before.get(*what) != after.get(*what));
    all.map(|what| format!("{what}: {} before, {} after", words(before, what), words(after, what)))
        .collect()
}
