//! Our own broker.

use super::entry::{Documented, Entry};
use crate::capability::Survival;
use crate::scenario::{DEFAULT_DRIVER, Delivery, Order};

const MEMORY: Entry = Entry {
    word: "memory",
    what: "our own broker, in memory",
    driver: DEFAULT_DRIVER,
    feature: None,
    server: Some("broker"),
    lowest: None,
    config: &[],
    topic_config: &[],
    documented: Documented {
        survives: Survival::Nothing,
        order: Order::PerTopic,
        delivery: Delivery::ExactlyOnce,
        reference: "docs/wire.md",
    },
    is_slow: false,
};

pub(super) const ENTRIES: &[Entry] = &[
    MEMORY,
    Entry {
        word: "mysql",
        what: "our own broker, on MySQL or MariaDB",
        documented: Documented { survives: Survival::PowerCut, ..MEMORY.documented },
        ..MEMORY
    },
];
