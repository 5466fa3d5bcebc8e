//! Every broker of the catalogue.

use super::entry::Entry;
use super::{kafka, mqtt, nats, ours, rabbitmq, redis};

/// Every family, ours first.
pub const FAMILIES: &[&[Entry]] = &[
    ours::ENTRIES,
    redis::ENTRIES,
    nats::ENTRIES,
    mqtt::ENTRIES,
    kafka::ENTRIES,
    rabbitmq::ENTRIES,
];

/// All of them in the order of the table.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().flat_map(|family| family.iter())
}
