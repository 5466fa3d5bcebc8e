//! Brokers of the Kafka protocol.

use super::entry::{Documented, Entry};
use crate::capability::Survival;
use crate::scenario::{Delivery, Order};

const TANSU: Entry = Entry {
    word: "tansu",
    what: "Tansu, which speaks the Kafka protocol, in memory",
    driver: "kafka",
    feature: Some("kafka"),
    server: Some("tansu"),
    lowest: None,
    config: &[("storage-engine", "memory://tansu/")],
    topic_config: &[],
    documented: Documented {
        survives: Survival::Nothing,
        order: Order::PerTopic,
        delivery: Delivery::AtLeastOnce,
        reference: "https://github.com/tansu-io/tansu#readme",
    },
    is_slow: false,
};

pub(super) const ENTRIES: &[Entry] = &[
    TANSU,
    Entry {
        word: "kafka",
        what: "Apache Kafka that runs already: kafka://HOST:PORT",
        server: None,
        config: &[],
        documented: Documented {
            // Replicated, and not flushed to disk before it is acknowledged.
            survives: Survival::Kill,
            reference: "https://kafka.apache.org/documentation/#semantics",
            ..TANSU.documented
        },
        ..TANSU
    },
];
