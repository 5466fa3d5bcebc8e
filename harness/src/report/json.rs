//! The JSON report, one document, for programs.
//!
//! It opens with `{"report":1,...}`. Within version 1 fields are only ever added; one that becomes
//! another thing makes version 2. Times are in nanoseconds, and their names end in `_ns`. What is
//! not known is absent.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::judged::{Found, Proven};
use super::{Asked, Entry, Judged, Latency, Report, Summary, words};
use crate::check::{Blames, Verdict};
use crate::exit::Exit;
use crate::golden::Comparison;

/// For `--help`.
pub const ABOUT: &str = "a JSON report";

/// The flag.
pub const ASKED: Asked = Asked::ByFlag("report-json");

/// The version that the document opens with.
pub const VERSION: u32 = 1;

/// Writes the report.
///
/// # Errors
/// Those of the writer.
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
    duration_ns: u64,
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
    duration_ns: u64,
    /// Why it did not come to a judgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<Numbers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    judgement: Option<Judgement<'a>>,
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
}

/// The numbers of [`Summary`], under the same names.
#[derive(Serialize)]
struct Numbers {
    producers: usize,
    consumers: usize,
    topics: usize,
    planned: u64,
    sent: u64,
    acked: u64,
    refused: u64,
    unknown: u64,
    retries: u64,
    expected: u64,
    delivered: u64,
    faults: Vec<FaultNumbers>,
    active_ns: u64,
    ack: Times,
    end_to_end: Times,
}

/// What came of a fault.
#[derive(Serialize)]
struct FaultNumbers {
    /// As the scenario has it.
    fault: String,
    fired: u64,
    /// How much traffic it met.
    met: u64,
}

#[derive(Serialize)]
struct Times {
    count: u64,
    p50_ns: u64,
    p99_ns: u64,
    max_ns: u64,
}

/// What the checks concluded.
#[derive(Serialize)]
struct Judgement<'a> {
    /// `pass`, `fail` or `unknown`.
    verdict: &'static str,
    violations: Vec<Anomalies<'a>>,
    /// Found, and allowed by `expect`.
    allowed: Vec<Anomalies<'a>>,
    /// Why there is no verdict.
    doubts: &'a [String],
}

#[derive(Serialize)]
struct Anomalies<'a> {
    /// `lost`, `duplicate`, ...
    kind: &'static str,
    count: u64,
    /// How many more there may be, where an outcome is unknown.
    possible: u64,
    /// Whom they are blamed on, where the logs themselves were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blame>,
    /// The first of them.
    proofs: Vec<Proof<'a>>,
}

#[derive(Serialize)]
struct Proof<'a> {
    topic: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<&'a str>,
    /// The first hundred.
    messages: &'a [String],
    message_count: usize,
    /// The producer log and the line that the first message comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    title: &'a str,
    evidence: &'a [String],
    /// Of its messages alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    blame: Option<Blame>,
}

/// Lost deliveries by whom they are blamed on.
#[derive(Serialize)]
struct Blame {
    never_stored: u64,
    not_delivered: u64,
    log_gone: u64,
    unread: u64,
}

#[derive(Serialize)]
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
            duration_ns: nanos(report.duration),
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
            answer: words::sentence(entry),
            seed: entry.seed,
            store: entry.store.map(|store| store.to_string()),
            brokers: entry.brokers,
            duration_ns: nanos(entry.duration),
            error: entry.trouble.as_ref().map(|trouble| trouble.text.as_str()),
            summary: entry.summary.as_ref().map(Numbers::new),
            judgement: entry.judged.as_ref().map(Judgement::new),
            golden: entry.golden.as_ref().map(Golden::new),
            logs: entry.logs.as_ref().map(path),
            history: entry.history.as_ref().map(path),
            reproduce: entry.reproduce.as_deref(),
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

impl Numbers {
    fn new(summary: &Summary) -> Self {
        Self {
            producers: summary.producers,
            consumers: summary.consumers,
            topics: summary.topics,
            planned: summary.planned,
            sent: summary.sent,
            acked: summary.acked,
            refused: summary.refused,
            unknown: summary.unknown,
            retries: summary.retries,
            expected: summary.expected,
            delivered: summary.delivered,
            faults: summary
                .faults
                .iter()
                .map(|own| FaultNumbers { fault: own.text.clone(), fired: own.fired, met: own.met })
                .collect(),
            active_ns: nanos(summary.active),
            ack: Times::new(&summary.ack),
            end_to_end: Times::new(&summary.end_to_end),
        }
    }
}

impl Times {
    fn new(latency: &Latency) -> Self {
        Self {
            count: latency.count,
            p50_ns: nanos(latency.p50),
            p99_ns: nanos(latency.p99),
            max_ns: nanos(latency.max),
        }
    }
}

impl<'a> Judgement<'a> {
    fn new(judged: &'a Judged) -> Self {
        let all = |found: &'a [Found]| found.iter().map(Anomalies::new).collect();
        Self {
            verdict: match judged.verdict {
                Verdict::Pass => "pass",
                Verdict::Fail => "fail",
                Verdict::Unknown => "unknown",
            },
            violations: all(&judged.violations),
            allowed: all(&judged.allowed),
            doubts: &judged.doubts,
        }
    }
}

impl<'a> Anomalies<'a> {
    fn new(found: &'a Found) -> Self {
        Self {
            kind: found.kind.as_str(),
            count: found.count,
            possible: found.possible,
            blame: found.blames.map(Blame::new),
            proofs: found.proofs.iter().map(Proof::new).collect(),
        }
    }
}

impl<'a> Proof<'a> {
    fn new(proven: &'a Proven) -> Self {
        Self {
            topic: &proven.topic,
            consumer: proven.consumer.as_deref(),
            messages: &proven.messages,
            message_count: proven.message_count,
            file: proven.place.as_ref().map(|(file, _)| file.display().to_string()),
            line: proven.place.as_ref().map(|(_, line)| *line),
            title: &proven.title,
            evidence: &proven.evidence,
            blame: proven.blames.map(Blame::new),
        }
    }
}

impl Blame {
    const fn new(blames: Blames) -> Self {
        let Blames { never_stored, not_delivered, log_gone, unread } = blames;
        Self { never_stored, not_delivered, log_gone, unread }
    }
}

impl Golden {
    fn new(comparison: &Comparison) -> Self {
        let path = |path: &std::path::PathBuf| Some(path.display().to_string());
        let (status, accepted, pending) = match comparison {
            Comparison::Match => ("match", None, None),
            Comparison::Accepted { accepted } => ("accepted", path(accepted), None),
            Comparison::New { pending } => ("new", None, path(pending)),
            Comparison::Missing { accepted } => ("missing", path(accepted), None),
            Comparison::Different { accepted, pending, .. } => {
                ("different", path(accepted), pending.as_ref().and_then(path))
            }
            Comparison::Skipped(_) => ("skipped", None, None),
        };
        let difference = match comparison {
            Comparison::Different { difference, .. } => {
                Some(difference.to_text().lines().map(str::to_owned).collect())
            }
            _ => None,
        };
        Self { status, accepted, pending, difference }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
