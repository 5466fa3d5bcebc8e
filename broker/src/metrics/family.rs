//! A metric with its samples, as plain data, and how it is encoded.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::histogram::Counted;

/// Names and values.
pub(super) type Labels = Vec<(&'static str, String)>;

/// A metric.
#[derive(Debug)]
pub(super) struct Family {
    /// Without the unit, and without the `_total` of a counter.
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) samples: Samples,
}

/// What was counted, by labels.
#[derive(Debug)]
pub(super) enum Samples {
    Counter(Vec<(Labels, u64)>),
    Gauge(Vec<(Labels, u64)>),
    Histogram(Vec<(Labels, Counted)>),
    Info(Labels),
}

/// All that a scrape gets.
#[derive(Debug)]
pub(super) struct Families(pub(super) Vec<Family>);

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let some = self.0.iter().filter(|family| !family.samples.is_empty());
        for Family { name, help, unit, samples } in some {
            let kind = samples.kind();
            samples.encode(encoder.encode_descriptor(name, help, unit.as_ref(), kind)?)?;
        }
        Ok(())
    }
}

impl Family {
    pub(super) fn in_unit(self, unit: Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

impl Samples {
    fn is_empty(&self) -> bool {
        match self {
            Self::Counter(samples) | Self::Gauge(samples) => samples.is_empty(),
            Self::Histogram(samples) => samples.is_empty(),
            Self::Info(_) => false,
        }
    }

    fn kind(&self) -> MetricType {
        match self {
            Self::Counter(_) => MetricType::Counter,
            Self::Gauge(_) => MetricType::Gauge,
            Self::Histogram(_) => MetricType::Histogram,
            Self::Info(_) => MetricType::Info,
        }
    }

    #[expect(
        clippy::redundant_closure_for_method_calls,
        reason = "the method itself is of one lifetime, and each sample has its own encoder"
    )]
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        match self {
            Self::Counter(samples) => each(encoder, samples, |encoder, count| {
                encoder.encode_counter::<NoLabelSet, _, u64>(count, None)
            }),
            Self::Gauge(samples) => {
                each(encoder, samples, |encoder, value| encoder.encode_gauge(value))
            }
            Self::Histogram(samples) => each(encoder, samples, |encoder, counted| {
                let Counted { buckets, count, sum } = counted;
                encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
            }),
            Self::Info(labels) => encoder.encode_info(labels),
        }
    }
}

/// Encodes every sample with its labels; where it has none, without braces.
fn each<T>(
    mut encoder: MetricEncoder<'_>,
    samples: &[(Labels, T)],
    encode: impl Fn(&mut MetricEncoder<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (labels, value) in samples {
        if labels.is_empty() {
            encode(&mut encoder, value)?;
        } else {
            encode(&mut encoder.encode_family(labels)?, value)?;
        }
    }
    Ok(())
}
