//! What a broker of MQTT 3.1.1 can do.

use rumqttc::mqttbytes::QoS;

use super::{qos, requests::Requests};
use crate::capability::{Capabilities, Known, Survival};
use crate::scenario::Broker;

/// One that is told this.
pub(super) fn of(broker: &Broker) -> Capabilities {
    Capabilities {
        resumes: Known::Now(true),
        in_flight: true,
        requests: Some(|| Box::<Requests>::default()),
        // Whether it has files is the server's own matter, of which MQTT says nothing.
        survives: Known::Now(Survival::Nothing),
        order: "per producer and topic",
        delivery: match qos::of(broker) {
            Ok(QoS::ExactlyOnce) => "exactly once",
            _ => "at least once",
        },
        ..Capabilities::LEAST
    }
}
