//! Redis and Valkey, by how they write to the disk.

use super::entry::{Documented, Entry};
use crate::capability::Survival;
use crate::scenario::{Delivery, Order};

/// By its defaults a server only writes snapshots, now and then.
const REDIS: Entry = Entry {
    word: "redis",
    what: "Redis Streams, snapshots (the server's default)",
    driver: "redis",
    feature: Some("redis"),
    server: Some("redis"),
    lowest: None,
    config: &[],
    topic_config: &[],
    documented: Documented {
        survives: Survival::Part,
        order: Order::PerTopic,
        delivery: Delivery::AtLeastOnce,
        reference: "https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/",
    },
    is_slow: false,
};

pub(super) const ENTRIES: &[Entry] = &[
    REDIS,
    Entry {
        word: "redis-aof",
        what: "Redis Streams, append-only file, synced every second",
        config: &[("appendonly", "yes"), ("appendfsync", "everysec")],
        documented: Documented {
            survives: Survival::Kill,
            // "A single write" may be lost where the process is killed.
            reference: "https://raw.githubusercontent.com/redis/redis/7.0/redis.conf",
            ..REDIS.documented
        },
        ..REDIS
    },
    Entry {
        word: "redis-aof-always",
        what: "Redis Streams, append-only file, synced before each answer",
        config: &[("appendonly", "yes"), ("appendfsync", "always")],
        documented: Documented { survives: Survival::PowerCut, ..REDIS.documented },
        ..REDIS
    },
    Entry {
        word: "valkey",
        what: "Valkey Streams, snapshots (the server's default)",
        server: Some("valkey"),
        documented: Documented {
            reference: "https://valkey.io/topics/persistence/",
            ..REDIS.documented
        },
        ..REDIS
    },
];
