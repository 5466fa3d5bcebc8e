//! What JetStream can do, with the configuration that a scenario asks for.

use super::requests::Requests;
use super::settings::{is_in_memory, syncs_always};
use crate::capability::{Capabilities, Known, Offsets, Survival};
use crate::scenario;

pub(super) fn capabilities(broker: &scenario::Broker) -> Capabilities {
    Capabilities {
        offsets: Known::Now(Offsets::Both),
        contiguous: Known::Now(true),
        epoch: Known::Now(true),
        reads_log: Known::Now(true),
        resumes: Known::Now(true),
        in_flight: true,
        requests: Some(|| Box::<Requests>::default()),
        survives: Known::Now(if is_in_memory(broker) {
            Survival::Nothing
        } else if syncs_always(broker) {
            Survival::PowerCut
        } else {
            Survival::Kill
        }),
        order: "per topic",
        delivery: "exactly once",
        ..Capabilities::LEAST
    }
}
