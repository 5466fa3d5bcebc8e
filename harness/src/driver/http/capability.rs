//! What our broker can do, and what one can that speaks only the original routes.

use broker_client::wire::TopicName;

use super::requests::Requests;
use crate::capability::{Capabilities, Known, Offsets, Survival};
use crate::scenario::{self, Store};

/// A broker of the six original routes.
pub(super) const ORIGINAL: Capabilities = Capabilities {
    offsets: Known::Now(Offsets::None),
    contiguous: Known::Now(false),
    // A request has one message.
    contiguous_batches: Known::Now(true),
    epoch: Known::Now(false),
    batch_max: Known::Now(Some(1)),
    // Ours has its route for that also where it is spoken to as if it were the original.
    reads_log: Known::AfterConnecting,
    resumes: Known::Now(true),
    // By the poll itself; ours by the offset that it asks from.
    acknowledges_apart: false,
    has_address: true,
    stays: true,
    in_flight: false,
    requests: Some(|| Box::<Requests>::default()),
    survives: Known::AfterConnecting,
    order: "per topic",
    delivery: "at most once",
    name: |name| topic_name(name).map(drop),
    // The recipe starts our own broker, whichever way it is spoken to.
    started_name: |name| name.parse::<TopicName>().map(drop).map_err(|why| why.to_string()),
};

/// Ours, on the store that the scenario asks for.
pub(super) fn ours(broker: &scenario::Broker) -> Capabilities {
    Capabilities {
        offsets: Known::Now(Offsets::Both),
        contiguous: Known::Now(true),
        epoch: Known::Now(true),
        batch_max: Known::Now(None),
        in_flight: true,
        reads_log: Known::AfterConnecting,
        survives: Known::Now(match broker.store {
            Store::Memory => Survival::Nothing,
            Store::Mysql => Survival::PowerCut,
        }),
        delivery: "exactly once",
        ..ORIGINAL
    }
}

/// One of the two: a registration shows which.
pub(super) fn detected(_: &scenario::Broker) -> Capabilities {
    Capabilities {
        offsets: Known::AfterConnecting,
        contiguous: Known::AfterConnecting,
        epoch: Known::AfterConnecting,
        batch_max: Known::AfterConnecting,
        // Of the two, ours can; one that turns out to be the other is refused at its registration.
        in_flight: true,
        order: "per topic",
        delivery: "exactly once from ours, at most once from the original",
        ..ORIGINAL
    }
}

/// The name as the wire has it.
///
/// # Errors
/// Why no broker takes such a name.
pub(super) fn topic_name(name: &str) -> Result<TopicName, String> {
    TopicName::of_any_broker(name).map_err(|why| why.to_string())
}
