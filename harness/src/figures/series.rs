//! Counts, latencies and the backlog over time.

use std::time::Duration;

use serde::Serialize;

use super::latency::{Latency, nanos};
use super::tally::Tally;
use crate::plan::Plan;

/// So many topics have lines of their own, those with most deliveries.
pub const TOPICS_MAX: usize = 20;

/// Figures over time, in buckets of one width from the run's beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Series {
    /// How long a bucket is; 0 where there are none.
    #[serde(rename = "width_ns", serialize_with = "nanos")]
    pub width: Duration,
    /// Over all topics.
    #[serde(flatten)]
    pub all: Lines,
    /// Of each topic by its name, at most [`TOPICS_MAX`]; empty where there is only one.
    pub topics: Vec<(String, Lines)>,
}

/// A value a bucket each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// Messages of requests that left in it, each request once, by its first attempt.
    pub sent: Vec<u64>,
    /// Messages whose ack was in.
    pub acked: Vec<u64>,
    /// Deliveries.
    pub delivered: Vec<u64>,
    /// At its end: summed over the subscriptions, what was acked, due to them and not yet delivered.
    pub backlog: Vec<u64>,
    /// Of the acks that were in.
    pub ack: Vec<Latency>,
    /// Of the deliveries.
    pub end_to_end: Vec<Latency>,
}

impl Series {
    /// None where nothing was sent and nothing came.
    pub(super) fn of(plan: &Plan, tally: &Tally) -> Self {
        if tally.is_empty() {
            return Self::default();
        }
        Self { width: tally.scale.width(), all: tally.all(), topics: tally.topics(plan) }
    }
}
