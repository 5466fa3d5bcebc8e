//! What is counted of a topic, a value a bucket.

use super::latency::Latencies;
use super::series::Lines;

/// Of a bucket: there may be some thousands of them.
const BUCKET_FIGURES: u8 = 2;

/// What is counted of a topic, or of several, by bucket.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) sent: Vec<u64>,
    pub(super) acked: Vec<u64>,
    pub(super) delivered: Vec<u64>,
    pub(super) ack: Vec<Latencies>,
    pub(super) end_to_end: Vec<Latencies>,
}

impl Line {
    pub(super) fn new(buckets: usize) -> Self {
        Self {
            sent: vec![0; buckets],
            acked: vec![0; buckets],
            delivered: vec![0; buckets],
            ack: vec![Latencies::new(BUCKET_FIGURES); buckets],
            end_to_end: vec![Latencies::new(BUCKET_FIGURES); buckets],
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (own, other) in [
            (&mut self.sent, &other.sent),
            (&mut self.acked, &other.acked),
            (&mut self.delivered, &other.delivered),
        ] {
            own.iter_mut().zip(other).for_each(|(sum, own)| *sum += own);
        }
        for (own, other) in [(&mut self.ack, &other.ack), (&mut self.end_to_end, &other.end_to_end)]
        {
            own.iter_mut().zip(other).for_each(|(sum, own)| sum.merge(own));
        }
    }

    pub(super) fn finish(&self, backlog: Vec<u64>) -> Lines {
        Lines {
            sent: self.sent.clone(),
            acked: self.acked.clone(),
            delivered: self.delivered.clone(),
            backlog,
            ack: self.ack.iter().map(Latencies::finish).collect(),
            end_to_end: self.end_to_end.iter().map(Latencies::finish).collect(),
        }
    }
}
