//! What is measured of a run: counts, latencies, and what happened when, as plain data that is
//! bounded whatever the run's length. Reports, thresholds and comparisons read it.
//!
//! - [`summary`]: how much, how fast, how late, on a line. [`latency`]: distributions.
//! - [`series`]: the same over time. [`share`]: by producer or consumer and topic.
//! - [`band`]: when faults were. [`timeline`]: what each actor did when.
//! - [`threshold`]: what `expect` asks of them.
//! - [`proof`]: the messages around what the checks found, as a diagram each.

pub mod band;
pub mod latency;
pub mod proof;
pub mod series;
pub mod share;
pub mod summary;
pub mod threshold;
pub mod timeline;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::Judgement;
use crate::history::History;
use crate::plan::Plan;

pub use band::Band;
pub use latency::{Distribution, Latency};
pub use proof::Proof;
pub use series::Series;
pub use share::{Got, Sent};
pub use summary::{Summary, summarise};
pub use threshold::Threshold;
pub use timeline::Timeline;

/// All that is measured of a run beside its [`Summary`].
#[derive(Clone, Debug, Default, Serialize)]
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
    /// By consumer and topic.
    pub got: Vec<Got>,
    /// The firings of faults, as they began.
    pub bands: Vec<Band>,
    /// How many firings are left out of the bands.
    pub bands_left_out: u64,
    /// What each actor did when; for people, so it is not in the report for programs.
    #[serde(skip)]
    pub timeline: Timeline,
    /// A diagram for each proof that has one.
    #[serde(skip)]
    pub proofs: Vec<Proof>,
}

/// Measures a run. Linear in requests and deliveries.
#[must_use]
pub fn measure(plan: &Plan, history: &History, judgement: &Judgement) -> Figures {
    Figures { proofs: proof::of(plan, history, judgement), ..Figures::default() }
}
