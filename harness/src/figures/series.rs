//! Counts, latencies and the backlog over time.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::latency::{Latency, nanos, whole};

/// So many topics have lines of their own, those with most deliveries.
pub const TOPICS_MAX: usize = 20;

/// Figures over time, in buckets of one width from the run's beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Series {
    /// How long a bucket is; 0 where there are none.
    #[serde(rename = "width_ns", serialize_with = "nanos")]
    #[schemars(with = "u64")]
    pub width: Duration,
    /// Over all topics.
    #[serde(flatten)]
    pub all: Lines,
    /// Of each topic by its name, at most [`TOPICS_MAX`]; empty where there is only one.
    #[serde(serialize_with = "by_name", skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "BTreeMap<String, Lines>")]
    pub topics: Vec<(String, Lines)>,
}

/// A value a bucket each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Lines {
    /// Messages of requests that left in it, each request once, by its first attempt.
    pub sent: Vec<u64>,
    /// Messages whose ack was in.
    pub acked: Vec<u64>,
    /// Deliveries.
    pub delivered: Vec<u64>,
    /// At its end: summed over the subscriptions, what was acked, due to them and not yet delivered.
    pub backlog: Vec<u64>,
    /// Of the acks that were in, each percentile to two significant figures.
    #[serde(serialize_with = "columns")]
    #[schemars(with = "Columns")]
    pub ack: Vec<Latency>,
    /// Of the deliveries, each percentile to two significant figures.
    #[serde(serialize_with = "columns")]
    #[schemars(with = "Columns")]
    pub end_to_end: Vec<Latency>,
}

/// Latencies a bucket, as the JSON report has them: a list for each of their values.
#[derive(Default, Serialize, JsonSchema)]
struct Columns {
    /// How many values there are; the others are 0 where there are none.
    count: Vec<u64>,
    p50_ns: Vec<u64>,
    p90_ns: Vec<u64>,
    p95_ns: Vec<u64>,
    p99_ns: Vec<u64>,
    p99_9_ns: Vec<u64>,
    max_ns: Vec<u64>,
    mean_ns: Vec<u64>,
}

fn columns<S: Serializer>(latencies: &[Latency], to: S) -> Result<S::Ok, S::Error> {
    let column = |value: fn(&Latency) -> Duration| latencies.iter().map(value).map(whole).collect();
    let columns = Columns {
        count: latencies.iter().map(|own| own.count).collect(),
        p50_ns: column(|own| own.p50),
        p90_ns: column(|own| own.p90),
        p95_ns: column(|own| own.p95),
        p99_ns: column(|own| own.p99),
        p99_9_ns: column(|own| own.p99_9),
        max_ns: column(|own| own.max),
        mean_ns: column(|own| own.mean),
    };
    columns.serialize(to)
}

fn by_name<S: Serializer>(topics: &[(String, Lines)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(topics.iter().map(|(name, lines)| (name, lines)))
}
