//! NATS JetStream. What its documents promise is for what the driver does: messages with an id, and
//! acks that the server confirms.

use super::entry::{Documented, Entry};
use crate::capability::Survival;
use crate::scenario::{Delivery, Order};
use crate::server::Version;

/// "Exactly once semantics": `Nats-Msg-Id` on one side, double acks on the other.
const NATS: Entry = Entry {
    word: "nats",
    what: "NATS JetStream, in files",
    driver: "nats",
    feature: Some("nats"),
    server: Some("nats"),
    lowest: None,
    config: &[],
    topic_config: &[],
    documented: Documented {
        // It syncs every two minutes, and says what that means: "Syncing data to disk" in
        // https://docs.nats.io/nats-concepts/jetstream.
        survives: Survival::Kill,
        order: Order::PerTopic,
        delivery: Delivery::ExactlyOnce,
        reference: "https://docs.nats.io/using-nats/developer/develop_jetstream/model_deep_dive",
    },
    is_slow: false,
};

pub(super) const ENTRIES: &[Entry] = &[
    NATS,
    Entry {
        word: "nats-always",
        what: "NATS JetStream, in files that are synced before each ack",
        lowest: Some(Version(2, 10, 0)),
        config: &[("sync_interval", "always")],
        documented: Documented { survives: Survival::PowerCut, ..NATS.documented },
        ..NATS
    },
    Entry {
        word: "nats-memory",
        what: "NATS JetStream, in memory",
        topic_config: &[("storage", "memory")],
        documented: Documented { survives: Survival::Nothing, ..NATS.documented },
        ..NATS
    },
];
