//! What is measured of a run: counts, latencies, and what happened when, as plain data that is
//! bounded whatever the run's length. Reports, thresholds and comparisons read it.
//!
//! - [`summary`]: how much, how fast, how late, on a line. [`latency`]: distributions.
//! - [`series`]: the same over time. [`share`]: by producer or consumer and topic.
//! - [`band`]: when faults were. [`timeline`]: what each actor did when.
//! - [`threshold`]: what `expect` asks of them; `window` is the part of a run that counts.
//! - [`proof`]: the messages around what the checks found, as a diagram each.

pub mod band;
mod counted;
mod kept;
pub mod latency;
mod line;
pub mod proof;
mod rate;
mod recovery;
mod refusals;
mod scale;
pub mod series;
pub mod share;
pub mod summary;
mod tally;
pub mod threshold;
pub mod timeline;
mod window;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::check::Judgement;
use crate::history::{History, backlogs};
use crate::numbers;
use crate::plan::Plan;

use tally::Tally;

pub use band::Band;
pub use latency::{Distribution, Latency};
pub use proof::Proof;
pub use rate::Rate;
pub use series::Series;
pub use share::{Got, Sent};
pub use summary::{Summary, summarise};
pub use threshold::Threshold;
pub use timeline::Timeline;

/// All that is measured of a run beside its [`Summary`].
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Figures {
    /// Over time.
    pub series: Series,
    /// From when the plan wanted a request sent to its ack, a value a request.
    pub ack: Distribution,
    /// From when the plan wanted a message sent to its delivery, a value a delivery.
    pub end_to_end: Distribution,
    /// Attempts of requests that the broker refused, by the code that it gave; `(none)` where it gave
    /// none.
    pub refusals: BTreeMap<String, u64>,
    /// By producer and topic.
    pub sent: Vec<Sent>,
    /// How many rows are left out of those.
    #[serde(skip_serializing_if = "numbers::is_zero")]
    pub sent_left_out: u64,
    /// By consumer and topic.
    pub got: Vec<Got>,
    /// How many rows are left out of those.
    #[serde(skip_serializing_if = "numbers::is_zero")]
    pub got_left_out: u64,
    /// The firings of faults, as they began.
    pub bands: Vec<Band>,
    /// How many firings are left out of the bands.
    #[serde(skip_serializing_if = "numbers::is_zero")]
    pub bands_left_out: u64,
    /// What each actor did when; for people, so it is not in the report for programs.
    #[serde(skip)]
    pub timeline: Timeline,
    /// A diagram for each proof that has one.
    #[serde(skip)]
    pub proofs: Vec<Proof>,
}

/// Measures a run. Linear in requests and deliveries, a few nanoseconds each.
#[must_use]
pub fn measure(plan: &Plan, history: &History, judgement: &Judgement) -> (Summary, Figures) {
    let (tally, backlogs) = (Tally::of(plan, history), backlogs(plan, history));
    let summary = summary::of(plan, history, &tally, &backlogs);
    let (sent, sent_left_out) = share::sent(plan, &tally);
    let (got, got_left_out) = share::got(plan, &tally, judgement);
    let (bands, bands_left_out) = band::bands(plan, history, &backlogs);
    let figures = Figures {
        series: tally.series(plan),
        ack: tally.counted.ack.distribution(),
        end_to_end: tally.counted.end_to_end.distribution(),
        refusals: refusals::refusals(history),
        sent,
        sent_left_out,
        got,
        got_left_out,
        bands,
        bands_left_out,
        timeline: timeline::of(plan, history, judgement, tally.active),
        proofs: proof::of(plan, history, judgement),
    };
    (summary, figures)
}
