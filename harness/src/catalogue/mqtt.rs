//! Brokers of MQTT 3.1.1.

use super::entry::{Documented, Entry};
use crate::capability::Survival;
use crate::scenario::{Delivery, Order};

/// With a queue of at most 1,000 messages for each consumer (`max_queued_messages`), beyond which it
/// silently drops what it has acknowledged: that is what people run, and its documents say so.
const MOSQUITTO: Entry = Entry {
    word: "mosquitto",
    what: "Mosquitto, in memory",
    driver: "mqtt",
    feature: Some("mqtt"),
    server: Some("mosquitto"),
    lowest: None,
    config: &[],
    topic_config: &[],
    documented: Documented {
        survives: Survival::Nothing,
        order: Order::PerProducer,
        delivery: Delivery::AtLeastOnce,
        reference: "https://mosquitto.org/man/mosquitto-conf-5.html",
    },
    is_slow: false,
};

pub(super) const ENTRIES: &[Entry] = &[
    MOSQUITTO,
    // It survives what is a good end. It acknowledges first and saves afterwards, and its documents do not
    // say otherwise, so that what it acknowledged just before it was killed is gone.
    Entry {
        word: "mosquitto-persistent",
        what: "Mosquitto, in a file that is written after each change",
        config: &[
            // So many changes, not seconds.
            ("autosave_interval", "1"),
            ("autosave_on_changes", "true"),
            // None: where each change is saved it reads acks so slowly that 1,000 messages are soon
            // waiting for one, and it drops what comes then.
            ("max_queued_messages", "0"),
            ("persistence", "true"),
        ],
        documented: Documented { survives: Survival::Part, ..MOSQUITTO.documented },
        ..MOSQUITTO
    },
];
