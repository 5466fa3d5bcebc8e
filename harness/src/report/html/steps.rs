//! What a section shows beside its head, and in which order there is room for it.

use minijinja::Error;

use super::charts::svg::cut;
use super::context::Context;
use super::findings::Shown;
use super::room::{Make, Slot, Step};
use super::templates::values;
use super::{charts, facts, faults, findings, golden, graph, shares, sweep, thresholds};
use crate::check::PROOFS_MAX;
use crate::exit::Exit;
use crate::figures::Figures;
use crate::report::sentence;

/// So many notes and so many problems are shown; the JSON report has all.
const LINES_MAX: usize = 30;

/// So many characters of such a line are shown, which can be anything that a broker or a person wrote.
const LINE_MAX: usize = 1_000;

/// What is added to a section, what is needed most first.
pub(super) const STEPS: &[Step] = &[
    Step { what: "problems", slot: Slot::Trouble, make: trouble },
    Step { what: "proofs", slot: Slot::Findings, make: |own| proofs(own, 1, 0) },
    Step { what: "notes", slot: Slot::Notes, make: notes },
    Step { what: "thresholds", slot: Slot::Thresholds, make: thresholds::render },
    Step { what: "the many runs", slot: Slot::Sweep, make: sweep::render },
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

/// What the result's sentence does not say of what went wrong.
fn trouble(own: &Context<'_>) -> Result<Option<String>, Error> {
    lines(own, "wrapped rest", &sentence::rest(own.entry).collect::<Vec<_>>())
}

/// What is known beside the judgement.
fn notes(own: &Context<'_>) -> Result<Option<String>, Error> {
    // What the documents do not promise stands above already, with where they say so.
    let above = own.entry.not_promised.as_ref().map(|less| less.said.as_str());
    let notes = own.entry.notes.iter().map(String::as_str).filter(|note| Some(*note) != above);
    let notes: Vec<&str> = notes.collect();
    lines(own, "wrapped note", &notes)
}

fn lines(own: &Context<'_>, class: &str, all: &[&str]) -> Result<Option<String>, Error> {
    if all.is_empty() {
        return Ok(None);
    }
    let shown: Vec<String> = all.iter().take(LINES_MAX).map(|line| cut(line, LINE_MAX)).collect();
    let left_out = all.len() - shown.len();
    let values = values! { class => class, text => shown.join("\n"), left_out => left_out };
    own.templates.render("lines.html", values).map(Some)
}

/// A piece of those that passed, or of all others.
fn of(own: &Context<'_>, passed: bool, make: Make) -> Result<Option<String>, Error> {
    if (own.entry.exit() == Exit::Passed) == passed { make(own) } else { Ok(None) }
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
