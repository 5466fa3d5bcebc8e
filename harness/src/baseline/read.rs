//! What a comparison needs of JSON reports: of each run the figures, and what they are figures of.
//! Reports of any version of the harness will do, as long as they are of version 1.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::Good;

/// The version of reports that is understood.
const VERSION: u64 = 1;

/// One of the states that are compared: all runs of one report or of several.
#[derive(Clone, Debug, Default)]
pub struct Side {
    /// For people: the file or folder.
    pub name: String,
    /// How many reports it is of.
    pub reports: u64,
    /// What the runs were made with and on: by what it is, each value that there is.
    pub about: BTreeMap<&'static str, BTreeSet<String>>,
    /// The runs by scenario and broker, in the order in which they were met.
    pub(super) cells: Vec<(Key, Runs)>,
}

/// A scenario, and the broker that it ran on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) scenario: String,
    pub(super) on: Option<String>,
}

/// All runs of one scenario on one broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs {
    /// What was measured.
    pub(super) values: BTreeMap<Figure, Vec<f64>>,
    /// How many runs that is of.
    pub(super) count: u64,
    /// Runs that did not pass the checks.
    pub(super) left_out: u64,
    /// What they were made with: by what it is, each value that there is.
    pub(super) about: BTreeMap<&'static str, BTreeSet<String>>,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Deliveries a second.
    Throughput,
    /// In nanoseconds, as all that follow.
    AckP50,
    /// See above.
    AckP99,
    /// See above.
    EndToEndP50,
    /// See above.
    EndToEndP99,
}

impl Figure {
    /// All of them, in order.
    pub const ALL: [Self; 5] =
        [Self::Throughput, Self::AckP50, Self::AckP99, Self::EndToEndP50, Self::EndToEndP99];

    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::AckP50 => "ack p50",
            Self::AckP99 => "ack p99",
            Self::EndToEndP50 => "end to end p50",
            Self::EndToEndP99 => "end to end p99",
        }
    }

    /// Which of two values is the better one.
    #[must_use]
    pub const fn good(self) -> Good {
        match self {
            Self::Throughput => Good::More,
            _ => Good::Less,
        }
    }
}

/// A report, as far as it is needed: all else is passed over.
#[derive(Deserialize)]
struct Document {
    report: u64,
    #[serde(default)]
    harness: String,
    #[serde(default)]
    environment: Environment,
    scenarios: Vec<Scenario>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Environment {
    cores: u64,
    memory_bytes: u64,
    os: String,
    commit: String,
}

#[derive(Deserialize)]
struct Scenario {
    name: String,
    on: Option<String>,
    version: Option<String>,
    #[serde(default)]
    config: BTreeMap<String, String>,
    brokers: Option<u64>,
    seed: Option<u64>,
    /// Of a sweep, whose figures are those of one seed that did not pass.
    seeds: Option<serde::de::IgnoredAny>,
    summary: Option<Summary>,
    judgement: Option<Judgement>,
}

#[derive(Deserialize)]
struct Judgement {
    verdict: String,
}

#[derive(Deserialize)]
struct Summary {
    delivered: u64,
    active_ns: u64,
    /// Older reports have none.
    throughput: Option<f64>,
    ack: Latency,
    end_to_end: Latency,
}

#[derive(Deserialize)]
struct Latency {
    count: u64,
    p50_ns: u64,
    p99_ns: u64,
}

impl Side {
    /// A side of no reports yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds the runs of a report.
    ///
    /// # Errors
    /// Why it is none, for people, without the file's name.
    pub fn add(&mut self, text: &[u8]) -> Result<(), String> {
        let none = |why: &dyn std::fmt::Display| {
            format!("this is no JSON report of the harness (`--report-json` writes one): {why}")
        };
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| none(&error))?;
        match value.get("report").and_then(serde_json::Value::as_u64) {
            Some(VERSION) => {}
            Some(other) => {
                return Err(format!(
                    "a report of version {other}, and version {VERSION} is known here"
                ));
            }
            None => return Err(none(&"there is no `report` in it")),
        }
        let document = Document::deserialize(value).map_err(|error| none(&error))?;
        debug_assert_eq!(document.report, VERSION, "it was looked at");
        self.reports += 1;
        let own = document.environment;
        let memory = (own.memory_bytes > 0).then(|| format!("{} MiB", own.memory_bytes >> 20));
        let cores = (own.cores > 0).then(|| own.cores.to_string());
        note(&mut self.about, "harness", Some(document.harness));
        note(&mut self.about, "commit", Some(own.commit));
        note(&mut self.about, "cores", cores);
        note(&mut self.about, "memory", memory);
        note(&mut self.about, "OS", Some(own.os));
        document.scenarios.into_iter().for_each(|scenario| self.add_run(scenario));
        Ok(())
    }

    fn add_run(&mut self, scenario: Scenario) {
        let Scenario { name, on, version, config, brokers, seed, seeds, summary, judgement } =
            scenario;
        let (Some(summary), None) = (summary, seeds) else { return };
        let key = Key { scenario: name, on };
        let place = self.cells.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
            self.cells.push((key, Runs::default()));
            self.cells.len() - 1
        });
        let runs = &mut self.cells[place].1;
        // What a broker that loses messages gains by it is no speed.
        if judgement.is_none_or(|judgement| judgement.verdict != "pass") {
            runs.left_out += 1;
            return;
        }
        runs.count += 1;
        let config: Vec<String> =
            config.iter().map(|(key, value)| format!("{key}: {value}")).collect();
        note(&mut runs.about, "version", version);
        note(&mut runs.about, "configuration", Some(config.join(", ")));
        note(&mut runs.about, "brokers", brokers.map(|count| count.to_string()));
        note(&mut runs.about, "seed", seed.map(|seed| seed.to_string()));
        for figure in Figure::ALL {
            if let Some(value) = summary.value(figure) {
                runs.values.entry(figure).or_default().push(value);
            }
        }
    }
}

fn note(
    about: &mut BTreeMap<&'static str, BTreeSet<String>>,
    what: &'static str,
    value: Option<String>,
) {
    let known = about.entry(what).or_default();
    known.extend(value.filter(|value| !value.is_empty()));
}

impl Summary {
    fn value(&self, figure: Figure) -> Option<f64> {
        let (latency, of): (&Latency, fn(&Latency) -> u64) = match figure {
            Figure::Throughput => return self.throughput(),
            Figure::AckP50 => (&self.ack, |own| own.p50_ns),
            Figure::AckP99 => (&self.ack, |own| own.p99_ns),
            Figure::EndToEndP50 => (&self.end_to_end, |own| own.p50_ns),
            Figure::EndToEndP99 => (&self.end_to_end, |own| own.p99_ns),
        };
        (latency.count > 0).then(|| of(latency) as f64)
    }

    /// In a report without one it is over the whole run.
    fn throughput(&self) -> Option<f64> {
        let whole = || {
            let seconds = self.active_ns as f64 / 1e9;
            (seconds >= 0.001).then(|| self.delivered as f64 / seconds)
        };
        self.throughput.or_else(whole).filter(|rate| *rate > 0.0)
    }
}
