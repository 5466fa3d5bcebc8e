//! A scenario's section: its head, which is always there, and its pieces, for which there may be no
//! room.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use minijinja::Error;
use minijinja::value::Value;
use serde::Serialize;

use super::charts::svg::cut;
use super::findings::Shown;
use super::links::Links;
use super::room::{Make, Slot, Step};
use super::state::{self, Mark};
use super::templates::{Templates, html, values};
use super::{charts, facts, faults, findings, golden, graph, shares, sweep, thresholds};
use crate::check::PROOFS_MAX;
use crate::exit::Exit;
use crate::figures::Figures;
use crate::report::entry::{Entry, Evidence, NotPromised, On};
use crate::report::words::{number, time};
use crate::report::{sentence, terminal};

/// So many notes and so many problems are shown; the JSON report has all.
const LINES_MAX: usize = 30;

/// So many characters of such a line are shown, which can be anything that a broker or a person wrote.
const LINE_MAX: usize = 1_000;

/// So many characters of a text in the head are shown.
const TEXT_MAX: usize = 400;

/// What is added to a section, what is needed most first.
pub(super) const STEPS: &[Step] = &[
    Step { what: "problems", slot: Slot::Trouble, make: trouble },
    Step { what: "proofs", slot: Slot::Findings, make: |own| proofs(own, 1, 0) },
    Step { what: "notes", slot: Slot::Notes, make: notes },
    Step { what: "thresholds", slot: Slot::Thresholds, make: thresholds::render },
    Step { what: "seeds", slot: Slot::Sweep, make: sweep::render },
    Step { what: "numbers", slot: Slot::Facts, make: facts::render },
    Step { what: "difference of the ledgers", slot: Slot::Golden, make: golden::render },
    Step { what: "proofs", slot: Slot::Findings, make: |own| proofs(own, PROOFS_MAX, 0) },
    Step { what: "faults", slot: Slot::Faults, make: faults::render },
    Step { what: "table of consumers and topics", slot: Slot::Shares, make: shares::render },
    Step { what: "graph", slot: Slot::Graph, make: graph::render },
    Step { what: "diagrams", slot: Slot::Findings, make: |own| proofs(own, PROOFS_MAX, 1) },
    Step { what: "charts", slot: Slot::OverTime, make: |own| of(own, false, over_time) },
    Step { what: "charts", slot: Slot::Timeline, make: |own| of(own, false, timeline) },
    Step { what: "charts", slot: Slot::Latency, make: |own| of(own, false, latency) },
    Step {
        what: "diagrams",
        slot: Slot::Findings,
        make: |own| proofs(own, PROOFS_MAX, PROOFS_MAX),
    },
    Step { what: "charts", slot: Slot::OverTime, make: |own| of(own, true, over_time) },
    Step { what: "charts", slot: Slot::Timeline, make: |own| of(own, true, timeline) },
    Step { what: "charts", slot: Slot::Latency, make: |own| of(own, true, latency) },
    Step { what: "resolved scenario", slot: Slot::Resolved, make: resolved },
];

fn proofs(own: &Context<'_>, proofs: usize, diagrams: usize) -> Result<Option<String>, Error> {
    findings::render(own, Shown { proofs, diagrams })
}

/// What the pieces of a section are made from.
pub(super) struct Context<'a> {
    pub(super) entry: &'a Entry,
    pub(super) templates: &'a Templates,
    pub(super) links: &'a Links,
    /// What ids on the page begin with: `s3`.
    pub(super) id: String,
}

/// A section.
pub(super) struct Section<'a> {
    pub(super) context: Context<'a>,
    /// What there is room for.
    pub(super) pieces: BTreeMap<Slot, String>,
    /// What there is no room for.
    pub(super) left_out: Vec<&'static str>,
}

/// What a line of the contents says, and the head of a section.
#[derive(Serialize)]
pub(super) struct Title<'a> {
    id: &'a str,
    mark: Mark,
    name: String,
    /// `on redis`, `run 3`: what tells entries of one scenario apart.
    which: Vec<String>,
    answer: String,
}

/// A file or a folder.
#[derive(Serialize)]
struct Linked {
    word: &'static str,
    name: String,
    href: Option<String>,
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(flatten)]
    title: Title<'a>,
    description: Option<String>,
    facts: Vec<(&'static str, String)>,
    files: Vec<Linked>,
    commands: Vec<(&'static str, String)>,
    not_promised: Option<Promise>,
}

#[derive(Serialize)]
struct Promise {
    said: String,
    reference: String,
    is_link: bool,
}

impl<'a> Section<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        Self { context, pieces: BTreeMap::new(), left_out: Vec::new() }
    }

    pub(super) fn title(&self) -> Title<'_> {
        let entry = self.context.entry;
        let turn = (entry.turn > 0).then(|| format!("run {}", number(entry.turn.into())));
        Title {
            id: &self.context.id,
            mark: state::of(entry),
            name: cut(&entry.name, TEXT_MAX),
            which: sentence::place(entry).into_iter().chain(turn).collect(),
            answer: cut(&sentence::cause(entry), LINE_MAX),
        }
    }

    pub(super) fn render(&self) -> Result<String, Error> {
        let pieces = |range| -> Vec<Value> {
            self.pieces.range::<Slot, _>(range).map(|(_, piece)| html(piece.clone())).collect()
        };
        let values = values! {
            head => Head::new(self),
            early => pieces((Bound::Unbounded, Bound::Included(Slot::Notes))),
            pieces => pieces((Bound::Excluded(Slot::Notes), Bound::Unbounded)),
            left_out => self.left_out,
        };
        self.context.templates.render("section.html", values)
    }
}

impl<'a> Head<'a> {
    fn new(section: &'a Section<'_>) -> Self {
        let Context { entry, links, .. } = section.context;
        let told = |text: &String| cut(text, TEXT_MAX);
        let is_file = |word: &str| matches!(word, "logs" | "history");
        let ways = terminal::ways_on(entry).into_iter();
        Self {
            title: section.title(),
            description: entry.description.as_ref().map(told),
            facts: facts(entry),
            files: files(entry, links),
            commands: ways.filter(|(word, _)| !is_file(word)).collect(),
            not_promised: entry.not_promised.as_ref().map(promise),
        }
    }
}

/// What is known of the run beside its result.
fn facts(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut say = |what, text: String| facts.push((what, cut(&text, TEXT_MAX)));
    if let Some(On { word, version, config, driver, addresses }) = &entry.on {
        let version = version.iter().map(|version| format!(" {version}"));
        say("broker", format!("{word}{}", version.collect::<String>()));
        if let Some(driver) = driver {
            say("driver", driver.clone());
        }
        if !addresses.is_empty() {
            say("addresses", addresses.join(", "));
        }
        if !config.is_empty() {
            let config: Vec<_> =
                config.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            say("configuration", config.join(", "));
        }
    }
    if let Some(brokers) = entry.brokers.filter(|brokers| *brokers > 1) {
        say("brokers", number(brokers.into()));
    }
    if let Some(seed) = entry.seed {
        say("seed", seed.to_string());
    }
    match entry.evidence {
        Some(Evidence::History) => say("judged", "a history".to_owned()),
        Some(Evidence::Logs) => say("judged", "the consumers' logs".to_owned()),
        None => {}
    }
    if let Some(simulated) = entry.simulated {
        say("simulated", time(simulated));
    }
    if entry.evidence.is_none() && !entry.duration.is_zero() {
        say("took", time(entry.duration));
    }
    facts
}

fn files(entry: &Entry, links: &Links) -> Vec<Linked> {
    let linked = |word, path: &Path| {
        let name = cut(&path.display().to_string(), TEXT_MAX);
        Linked { word, name, href: links.to(path) }
    };
    let file = (!entry.file.as_os_str().is_empty()).then(|| linked("scenario", &entry.file));
    let logs = entry.logs.as_deref().map(|logs| linked("consumer logs", logs));
    let history = entry.history.as_deref().map(|history| linked("history", history));
    file.into_iter().chain(logs).chain(history).collect()
}

fn promise(less: &NotPromised) -> Promise {
    let reference = cut(&less.reference, TEXT_MAX);
    let is_link = reference.starts_with("https://") || reference.starts_with("http://");
    Promise { said: cut(&less.said, TEXT_MAX), reference, is_link }
}

/// A piece of those that passed, or of all others.
fn of(own: &Context<'_>, passed: bool, make: Make) -> Result<Option<String>, Error> {
    if (own.entry.exit() == Exit::Passed) == passed { make(own) } else { Ok(None) }
}

/// What the result's sentence does not say of what went wrong.
fn trouble(own: &Context<'_>) -> Result<Option<String>, Error> {
    lines(own, "wrapped rest", sentence::rest(own.entry).collect())
}

/// What is known beside the judgement.
fn notes(own: &Context<'_>) -> Result<Option<String>, Error> {
    lines(own, "wrapped note", own.entry.notes.iter().map(String::as_str).collect())
}

fn lines(own: &Context<'_>, class: &str, all: Vec<&str>) -> Result<Option<String>, Error> {
    if all.is_empty() {
        return Ok(None);
    }
    let shown: Vec<String> = all.iter().take(LINES_MAX).map(|line| cut(line, LINE_MAX)).collect();
    let left_out = all.len() - shown.len();
    let values = values! { class => class, text => shown.join("\n"), left_out => left_out };
    own.templates.render("lines.html", values).map(Some)
}

type Chart = fn(&Figures) -> String;

/// A chart below its heading, where there is anything to draw.
fn chart(own: &Context<'_>, heading: &str, draw: Chart) -> Result<Option<String>, Error> {
    let drawn = own.entry.figures.as_ref().map(draw).filter(|svg| !svg.is_empty());
    let piece = |svg| format!("<section class=\"piece\"><h3>{heading}</h3>{svg}</section>");
    Ok(drawn.map(piece))
}

fn timeline(own: &Context<'_>) -> Result<Option<String>, Error> {
    chart(own, "What happened when", |own| charts::timeline(&own.timeline, &own.bands))
}

fn over_time(own: &Context<'_>) -> Result<Option<String>, Error> {
    chart(own, "Throughput, backlog and latency", |own| charts::over_time(&own.series, &own.bands))
}

fn latency(own: &Context<'_>) -> Result<Option<String>, Error> {
    chart(own, "How latencies are distributed", |own| charts::latency(&own.ack, &own.end_to_end))
}

/// The scenario as it was run, every default filled in.
fn resolved(own: &Context<'_>) -> Result<Option<String>, Error> {
    let Some(resolved) = &own.entry.resolved else { return Ok(None) };
    let text = serde_json::to_string_pretty(resolved).unwrap_or_default();
    own.templates.render("resolved.html", values! { text => text }).map(Some)
}
