//! RabbitMQ: a queue for each consumer behind an exchange, of the two kinds that are; a stream that
//! all consumers read; and messages that it is not asked to keep.

use super::entry::{Documented, Entry};
use crate::capability::Survival;
use crate::scenario::{Delivery, Order};

const CLASSIC: Entry = Entry {
    word: "rabbitmq",
    what: "RabbitMQ, durable classic queues and persistent messages",
    driver: "rabbitmq",
    feature: Some("rabbitmq"),
    server: Some("rabbitmq"),
    lowest: None,
    config: &[],
    topic_config: &[("x-queue-type", "classic"), ("durable", "true"), ("persistent", "true")],
    documented: Documented {
        // "For a persistent message routed to a durable queue, [the confirm] means persisting to
        // disk", by fsync in batches.
        survives: Survival::PowerCut,
        // One channel, one exchange and one queue keep an order; two queues need not have the same.
        order: Order::PerProducer,
        delivery: Delivery::AtLeastOnce,
        reference: "https://www.rabbitmq.com/docs/confirms",
    },
    is_slow: true,
};

pub(super) const ENTRIES: &[Entry] = &[
    CLASSIC,
    Entry {
        word: "rabbitmq-quorum",
        what: "RabbitMQ, quorum queues of one node",
        topic_config: &[("x-queue-type", "quorum")],
        documented: Documented {
            reference: "https://www.rabbitmq.com/docs/quorum-queues",
            ..CLASSIC.documented
        },
        ..CLASSIC
    },
    Entry {
        word: "rabbitmq-stream",
        what: "RabbitMQ, a stream of one node",
        lowest: Some(crate::server::Version(3, 9, 0)),
        topic_config: &[("x-queue-type", "stream")],
        documented: Documented {
            // "They do not explicitly flush (fsync) the data".
            survives: Survival::Kill,
            // One log, which all read.
            order: Order::PerTopic,
            reference: "https://www.rabbitmq.com/docs/streams",
            ..CLASSIC.documented
        },
        ..CLASSIC
    },
    Entry {
        word: "rabbitmq-transient",
        what: "RabbitMQ, durable classic queues and transient messages",
        topic_config: &[("x-queue-type", "classic"), ("durable", "true"), ("persistent", "false")],
        documented: Documented {
            survives: Survival::Nothing,
            reference: "https://www.rabbitmq.com/docs/queues#durability",
            ..CLASSIC.documented
        },
        ..CLASSIC
    },
];
