//! The numbers of a run, in the JSON report.

use std::time::Duration;

use serde::Serialize;

use crate::report::summary::{Latency, Summary};

/// The numbers of [`Summary`], under the same names.
#[derive(Serialize)]
pub(super) struct Numbers {
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
    faults: Vec<FaultCounts>,
    active_ns: u64,
    ack: Times,
    end_to_end: Times,
}

/// What came of a fault.
#[derive(Serialize)]
struct FaultCounts {
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

impl Numbers {
    pub(super) fn new(summary: &Summary) -> Self {
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
                .map(|own| FaultCounts { fault: own.text.clone(), fired: own.fired, met: own.met })
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

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
