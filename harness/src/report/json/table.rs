//! The table of scenarios and brokers, as the JSON report has it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::matrix::{self, State};

/// The table.
#[derive(Serialize, JsonSchema)]
pub(super) struct Table<'a> {
    /// In the order in which they were named.
    brokers: Vec<Broker<'a>>,
    /// One broker after the other; what was not begun has none.
    cells: Vec<Cell<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Broker<'a> {
    on: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<&'a str, &'a str>,
}

/// All runs of one scenario on one broker.
#[derive(Serialize, JsonSchema)]
struct Cell<'a> {
    scenario: &'a str,
    on: &'a str,
    /// `kept`, `broken`, `not promised` (broken, and the broker's documents do not promise it),
    /// `no verdict`, `vacuous`, `cannot be tested`.
    result: &'static str,
    runs: u64,
    kept: u64,
    broken: u64,
    not_promised: u64,
    no_verdict: u64,
    vacuous: u64,
    /// Of the runs that kept it: how often faults fired.
    faults: u64,
    /// The least backlog that each of these faults met.
    #[serde(skip_serializing_if = "Option::is_none")]
    backlog: Option<u64>,
    /// Where power cuts were: what they forgot in a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten: Option<Bytes>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    found: Vec<Found>,
    /// What the scenario asks for and the documents do not promise, whether or not it was broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    documented: Option<Documented<'a>>,
    /// Why the first run that did not keep it did not, or why nothing was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reproduce: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judge: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct Found {
    /// A kind of anomaly, `not in the log`, or `does not start`.
    what: &'static str,
    /// Runs that found it.
    runs: u64,
    least: u64,
    most: u64,
}

/// Bytes of a run: the fewest and the most.
#[derive(Serialize, JsonSchema)]
struct Bytes {
    least: u64,
    most: u64,
}

#[derive(Serialize, JsonSchema)]
struct Documented<'a> {
    said: &'a str,
    reference: &'a str,
}

impl<'a> Table<'a> {
    pub(super) fn new(matrix: &matrix::Matrix<'a>) -> Self {
        let broker = |column: &matrix::Column<'a>| Broker {
            on: column.word,
            version: column.on.and_then(|on| on.version.as_deref()),
            config: column.on.iter().flat_map(|on| &on.config).map(|(k, v)| (&**k, &**v)).collect(),
        };
        Self {
            brokers: matrix.brokers.iter().map(broker).collect(),
            cells: matrix
                .each()
                .map(|(scenario, on, cell)| Cell::new(scenario, on, cell))
                .collect(),
        }
    }
}

impl<'a> Cell<'a> {
    fn new(scenario: &'a str, on: &'a str, cell: &matrix::Cell<'a>) -> Self {
        let found = |found: &matrix::Found| Found {
            what: found.what,
            runs: found.runs,
            least: found.least,
            most: found.most,
        };
        Self {
            scenario,
            on,
            result: cell.state().word(),
            runs: cell.runs,
            kept: cell.kept,
            broken: cell.broken,
            not_promised: cell.unpromised,
            no_verdict: cell.undecided,
            vacuous: cell.vacuous,
            faults: cell.faults,
            backlog: cell.backlog,
            forgotten: cell.forgotten.map(|(least, most)| Bytes { least, most }),
            found: cell.found.iter().map(found).collect(),
            documented: cell
                .not_promised
                .map(|less| Documented { said: &less.said, reference: &less.reference }),
            why: match (cell.state(), cell.skipped) {
                (State::Skipped, Some(reason)) => Some(reason.to_owned()),
                _ => cell.why(),
            },
            reproduce: cell.reproduce(),
            judge: cell.shown.and_then(|(_, entry)| entry.judge.as_deref()),
        }
    }
}
