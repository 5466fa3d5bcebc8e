//! The JSON report, one document, for programs.
//!
//! It opens with `{"report":1,...}`. Within version 1 fields are only ever added; one that becomes
//! another thing makes version 2. Times are in nanoseconds, and their names end in `_ns`. What is
//! not known is absent. Judgement, summary and figures are written as their own types say, and the
//! JSON Schema is made of the types.

mod repetition;
mod table;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::to_raw_value;

use self::repetition::Repetition;
use self::table::Table;
use super::entry::{Entry, Evidence, Problem, Report, Skipped};
use super::environment::Environment;
use super::matrix::Matrix;
use super::sentence;
use super::tally::{Of, Tally};
use crate::baseline;
use crate::check::Judgement;
use crate::exit::Exit;
use crate::figures::latency::nanos;
use crate::figures::{Figures, Summary, Threshold};
use crate::golden::Comparison;

/// The version that the document opens with.
pub const VERSION: u32 = 1;

/// The JSON Schema of the document.
#[must_use]
pub fn schema() -> schemars::Schema {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'_>>()
}

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &Document::new(report))?;
    writeln!(to)
}

/// The document.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "Report")]
struct Document<'a> {
    /// Always 1 ([`VERSION`]): within it fields are only ever added.
    #[schemars(extend("const" = VERSION))]
    report: u32,
    /// The harness's version.
    harness: &'static str,
    /// What the process ends with.
    exit: u8,
    /// Why the call did not do what it was asked to, where no scenario says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// By the wall clock.
    #[serde(rename = "duration_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    duration: Duration,
    /// On the simulated clock.
    #[serde(rename = "simulated_ns", serialize_with = "some_nanos")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    simulated: Option<Duration>,
    /// Where and when it ran, and what ran it.
    environment: &'a Environment,
    /// How many scenarios were skipped, because they cannot run there.
    skipped: usize,
    /// Which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped_scenarios: Vec<SkippedScenario<'a>>,
    /// Where several brokers were named, or runs repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    matrix: Option<Table<'a>>,
    /// How the figures are beside those of an earlier state, where they are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a baseline::Comparison>,
    /// Where a scenario was run several times: how its runs ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repetition: Vec<Repetition<'a>>,
    /// In the order in which they were named.
    scenarios: Vec<Scenario<'a>>,
}

/// Long lists of numbers, which are written on one line.
struct Compact<'a, T>(&'a T);

impl<T: Serialize> Serialize for Compact<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to_raw_value(self.0).map_err(S::Error::custom)?.serialize(to)
    }
}

/// One scenario.
#[derive(Serialize, JsonSchema)]
struct Scenario<'a> {
    name: &'a str,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// `passed`, `failed`, `invalid`, `no verdict`, `interrupted`: the checks, the golden file and
    /// whatever else went wrong, together.
    #[schemars(extend("enum" = ["passed", "failed", "invalid", "no verdict", "interrupted"]))]
    result: &'static str,
    /// What this scenario alone would end the process with.
    exit: u8,
    /// The result in one sentence.
    answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// What it ran on: a word of `harness brokers`, or a URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<&'a str>,
    /// Of a scenario that is run several times: which of these runs it is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<u32>,
    /// The version of a server that the harness started.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    /// What that server was told beside its defaults.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    config: BTreeMap<&'a str, &'a str>,
    /// How it is spoken to: `http`, `nats`, `exec`.
    #[serde(skip_serializing_if = "Option::is_none")]
    driver: Option<&'a str>,
    /// Where it was reached, without passwords, where the harness did not start it.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    addresses: &'a [String],
    /// How many brokers served.
    #[serde(skip_serializing_if = "Option::is_none")]
    brokers: Option<u32>,
    /// By the wall clock.
    #[serde(rename = "duration_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    duration: Duration,
    /// On the simulated clock.
    #[serde(rename = "simulated_ns", serialize_with = "some_nanos")]
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u64")]
    simulated: Option<Duration>,
    /// Of `harness sim --seeds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    seeds: Option<Seeds<'a>>,
    /// The scenario's limit, where that stopped it.
    #[serde(rename = "past_limit_ns", serialize_with = "some_nanos")]
    #[serde(skip_serializing_if = "Option::is_none")]
    past_limit: Option<Duration>,
    /// Of `harness check`: `history` or `logs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'static str>,
    /// Why it did not come to a judgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// What is wrong with the scenario, in the order in which it was found.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Wrong<'a>>,
    /// What was run, every default filled in, as `harness plan --json` has it. Of a scenario that is
    /// run several times, the first run has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "BTreeMap<String, Value>")]
    resolved: Option<Compact<'a, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a Summary>,
    /// All else that was measured. Of a scenario that is run several times and passes, the first run has
    /// it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Figures")]
    figures: Option<Compact<'a, Figures>>,
    /// What `expect` asks of the figures, and what came of it.
    #[serde(skip_serializing_if = "<[Threshold]>::is_empty")]
    thresholds: &'a [Threshold],
    #[serde(skip_serializing_if = "Option::is_none")]
    judgement: Option<&'a Judgement>,
    /// What is known beside the judgement.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    golden: Option<Golden>,
    /// The folder with the consumer logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<String>,
    /// The command line that runs it again.
    #[serde(skip_serializing_if = "Option::is_none")]
    reproduce: Option<&'a str>,
    /// The command line that judges the history of a run that did not pass again.
    #[serde(skip_serializing_if = "Option::is_none")]
    judge: Option<&'a str>,
}

/// A scenario that was skipped.
#[derive(Serialize, JsonSchema)]
struct SkippedScenario<'a> {
    name: &'a str,
    file: String,
    /// The broker on which it would have run, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    on: Option<&'a str>,
    /// Why, and what would have it run.
    reason: &'a str,
}

/// How many seeds ended how.
#[derive(Serialize, JsonSchema)]
struct Seeds<'a> {
    first: u64,
    last: u64,
    tried: u64,
    passed: u64,
    failed: usize,
    no_verdict: usize,
    interrupted: u64,
    failing_seeds: &'a [u64],
    undecided_seeds: &'a [u64],
}

/// One thing that is wrong with a scenario.
#[derive(Serialize, JsonSchema)]
struct Wrong<'a> {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    message: &'a str,
}

#[derive(Default, Serialize, JsonSchema)]
struct Golden {
    /// `match`, `accepted`, `new`, `missing`, `different` or `skipped`.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending: Option<String>,
    /// A line each, `- ` or `+ ` before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<Vec<String>>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            report: VERSION,
            harness: env!("CARGO_PKG_VERSION"),
            exit: report.exit().code(),
            error: report.trouble.as_ref().map(|trouble| trouble.text.as_str()),
            duration: report.duration,
            simulated: report.simulated(),
            environment: &report.environment,
            skipped: report.skipped.len(),
            skipped_scenarios: report.skipped.iter().map(SkippedScenario::new).collect(),
            matrix: Matrix::of(report).map(|matrix| Table::new(&matrix)),
            comparison: report.comparison.as_ref(),
            repetition: report.tallies().map(Repetition::new).collect(),
            scenarios: report.entries.iter().map(Scenario::new).collect(),
        }
    }
}

impl<'a> Scenario<'a> {
    fn new(entry: &'a Entry) -> Self {
        let path = |path: &std::path::PathBuf| path.display().to_string();
        Self {
            name: &entry.name,
            file: path(&entry.file),
            description: entry.description.as_deref(),
            result: result(entry.exit()),
            exit: entry.exit().code(),
            answer: sentence::sentence(entry),
            seed: entry.seed,
            on: entry.on.as_ref().map(|on| on.word.as_str()),
            turn: Some(entry.turn).filter(|turn| *turn > 0),
            version: entry.on.as_ref().and_then(|on| on.version.as_deref()),
            config: entry.on.iter().flat_map(|on| &on.config).map(|(k, v)| (&**k, &**v)).collect(),
            driver: entry.on.as_ref().and_then(|on| on.driver.as_deref()),
            addresses: entry.on.as_ref().map(|on| &on.addresses[..]).unwrap_or_default(),
            brokers: entry.brokers,
            duration: entry.duration,
            simulated: entry.simulated,
            seeds: entry.sweep.as_ref().and_then(Seeds::new),
            past_limit: entry.past_limit,
            evidence: entry.evidence.map(|evidence| match evidence {
                Evidence::History => "history",
                Evidence::Logs => "logs",
            }),
            problems: entry.problems.iter().map(Wrong::new).collect(),
            error: entry.trouble.as_ref().map(|trouble| trouble.text.as_str()),
            resolved: entry.resolved.as_ref().map(Compact),
            summary: entry.summary.as_ref(),
            figures: entry.figures.as_ref().map(Compact),
            thresholds: &entry.thresholds,
            judgement: entry.judgement.as_ref(),
            notes: &entry.notes,
            golden: entry.golden.as_ref().map(Golden::new),
            logs: entry.logs.as_ref().map(path),
            history: entry.history.as_ref().map(path),
            reproduce: entry.reproduce.as_deref(),
            judge: entry.judge.as_deref(),
        }
    }
}

impl<'a> SkippedScenario<'a> {
    fn new(skipped: &'a Skipped) -> Self {
        let file = skipped.file.display().to_string();
        let on = skipped.on.as_deref();
        Self { name: &skipped.name, file, on, reason: &skipped.reason }
    }
}

impl<'a> Seeds<'a> {
    fn new(sweep: &'a Tally) -> Option<Self> {
        let Of::Seeds { first, last } = sweep.of else { return None };
        Some(Self {
            first,
            last,
            tried: sweep.tried(),
            passed: sweep.passed,
            failed: sweep.failing.len(),
            no_verdict: sweep.undecided.len(),
            interrupted: sweep.interrupted,
            failing_seeds: &sweep.failing,
            undecided_seeds: &sweep.undecided,
        })
    }
}

impl<'a> Wrong<'a> {
    fn new(problem: &'a Problem) -> Self {
        let Problem { file, line, column, text } = problem;
        let file = file.display().to_string();
        Self { file, line: *line, column: *column, message: text }
    }
}

/// Of what is left out where there is none.
fn some_nanos<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    nanos(&duration.unwrap_or_default(), to)
}

const fn result(exit: Exit) -> &'static str {
    match exit {
        Exit::Passed => "passed",
        Exit::Failed => "failed",
        Exit::Usage => "invalid",
        Exit::NoVerdict | Exit::NothingSelected => "no verdict",
        Exit::Interrupted => "interrupted",
    }
}

impl Golden {
    fn new(comparison: &Comparison) -> Self {
        let path = |path: &std::path::PathBuf| Some(path.display().to_string());
        let plain = |status| Self { status, ..Self::default() };
        match comparison {
            Comparison::Match => plain("match"),
            Comparison::Accepted { accepted } => {
                Self { accepted: path(accepted), ..plain("accepted") }
            }
            Comparison::New { pending } => Self { pending: path(pending), ..plain("new") },
            Comparison::Missing { accepted } => {
                Self { accepted: path(accepted), ..plain("missing") }
            }
            Comparison::Different { accepted, pending, difference } => Self {
                status: "different",
                accepted: path(accepted),
                pending: pending.as_ref().and_then(path),
                difference: Some(difference.to_text().lines().map(str::to_owned).collect()),
                ..Self::default()
            },
            Comparison::Skipped(why) => Self { reason: Some(why.to_string()), ..plain("skipped") },
        }
    }
}
