//! The JSON report, one document, for programs.
//!
//! It opens with `{"report":1,...}`. Within version 1 fields are only ever added; one that becomes
//! another thing makes version 2. Times are in nanoseconds, and their names end in `_ns`. What is
//! not known is absent. Judgement and summary are written as their own types say.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::entry::{Entry, Report};
use super::sentence;
use super::summary::{Summary, nanos};
use crate::check::Judgement;
use crate::exit::Exit;
use crate::golden::Comparison;

/// The version that the document opens with.
pub const VERSION: u32 = 1;

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, &Document::new(report))?;
    writeln!(to)
}

/// The document.
#[derive(Serialize)]
struct Document<'a> {
    /// Always [`VERSION`].
    report: u32,
    /// The harness's version.
    harness: &'static str,
    /// What the process ends with.
    exit: u8,
    #[serde(rename = "duration_ns", serialize_with = "nanos")]
    duration: Duration,
    /// How many scenarios were skipped, because they do not hold for the store.
    skipped: usize,
    /// In the order in which they were named.
    scenarios: Vec<Scenario<'a>>,
}

/// One scenario.
#[derive(Serialize)]
struct Scenario<'a> {
    name: &'a str,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// `passed`, `failed`, `invalid`, `no verdict`, `interrupted`: the checks, the golden file and
    /// whatever else went wrong, together.
    result: &'static str,
    /// What this scenario alone would end the process with.
    exit: u8,
    /// The result in one sentence.
    answer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    /// `memory` or `mysql`; absent for brokers that ran already.
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<String>,
    /// How many brokers served.
    #[serde(skip_serializing_if = "Option::is_none")]
    brokers: Option<u32>,
    #[serde(rename = "duration_ns", serialize_with = "nanos")]
    duration: Duration,
    /// Why it did not come to a judgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judgement: Option<&'a Judgement>,
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

#[derive(Default, Serialize)]
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
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            report: VERSION,
            harness: env!("CARGO_PKG_VERSION"),
            exit: report.exit().code(),
            duration: report.duration,
            skipped: report.skipped,
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
            store: entry.store.map(|store| store.to_string()),
            brokers: entry.brokers,
            duration: entry.duration,
            error: entry.trouble.as_ref().map(|trouble| trouble.text.as_str()),
            summary: entry.summary.as_ref(),
            judgement: entry.judgement.as_ref(),
            golden: entry.golden.as_ref().map(Golden::new),
            logs: entry.logs.as_ref().map(path),
            history: entry.history.as_ref().map(path),
            reproduce: entry.reproduce.as_deref(),
            judge: entry.judge.as_deref(),
        }
    }
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
            },
            Comparison::Skipped(_) => plain("skipped"),
        }
    }
}
