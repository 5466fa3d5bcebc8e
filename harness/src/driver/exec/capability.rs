//! What a driver says of itself and its broker in its answer to `hello`, and what is known before.

use serde::Deserialize;

use crate::capability::{Capabilities, Known, Offsets, Survival};
use crate::scenario;

/// The key of the driver's configuration that says where the broker is. With it the broker has an
/// address, so that a relay can stand before it, and each process is told its own in `hello`.
pub const URL: &str = "url";

/// The capabilities in an answer to `hello`; what is left out is the least.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Told {
    /// Where the broker tells offsets.
    pub offsets: Places,
    /// Whether they have no gaps.
    pub contiguous: bool,
    /// Whether it tells one life of its store from another.
    pub epoch: bool,
    /// Whether a consumer can go on with its subscription in another process.
    pub resumes: bool,
    /// Whether the log can be read.
    pub reads_log: bool,
    /// Whether a poll waits for its first message, and other requests are answered meanwhile.
    pub waits: bool,
    /// The most messages of one `send`; left out, one.
    pub batch_max: Option<u32>,
    /// Whether several requests of a producer may be under way, and keep their order.
    pub in_flight: bool,
    /// The order that the broker promises.
    pub order: Order,
    /// How often it promises to deliver a message.
    pub delivery: Delivery,
    /// What of it survives.
    pub survives: Survives,
}

/// Where a broker tells offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Places {
    #[default]
    None,
    Acks,
    Deliveries,
    Both,
}

/// See [`scenario::Order`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Order {
    #[default]
    None,
    PerProducer,
    PerTopic,
}

/// See [`scenario::Delivery`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Delivery {
    #[default]
    AtMostOnce,
    AtLeastOnce,
    ExactlyOnce,
}

/// See [`Survival`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Survives {
    #[default]
    Nothing,
    Kill,
    PowerCut,
}

/// What is known before the driver was asked: whether a relay can stand before the broker, because a
/// URL says where that is, or the harness starts it.
pub(super) fn before(broker: &scenario::Broker) -> Capabilities {
    Capabilities {
        has_address: broker.options.config.contains_key(URL) || broker.options.server.is_some(),
        // One after the other, where the driver takes no more.
        in_flight: true,
        offsets: Known::AfterConnecting,
        contiguous: Known::AfterConnecting,
        contiguous_batches: Known::AfterConnecting,
        epoch: Known::AfterConnecting,
        batch_max: Known::AfterConnecting,
        reads_log: Known::AfterConnecting,
        resumes: Known::AfterConnecting,
        survives: Known::AfterConnecting,
        order: "what the driver says",
        delivery: "what the driver says",
        ..Capabilities::LEAST
    }
}

impl Told {
    /// The most messages of one `send`.
    #[must_use]
    pub fn batch_max(&self) -> u32 {
        self.batch_max.unwrap_or(1)
    }

    /// Whether acks carry offsets, and whether deliveries do.
    #[must_use]
    pub fn tells_offsets(&self) -> (bool, bool) {
        match self.offsets {
            Places::None => (false, false),
            Places::Acks => (true, false),
            Places::Deliveries => (false, true),
            Places::Both => (true, true),
        }
    }

    /// The order, as a scenario asks for it.
    #[must_use]
    pub fn order_word(&self) -> &'static str {
        match self.order {
            Order::None => "none",
            Order::PerProducer => "per-producer",
            Order::PerTopic => "per-topic",
        }
    }

    /// Whether each message is promised once.
    #[must_use]
    pub fn is_exactly_once(&self) -> bool {
        self.delivery == Delivery::ExactlyOnce
    }

    /// Together with what was known before.
    pub(super) fn capabilities(&self, broker: &scenario::Broker) -> Capabilities {
        Capabilities {
            offsets: Known::Now(match self.offsets {
                Places::None => Offsets::None,
                Places::Acks => Offsets::Acks,
                Places::Deliveries => Offsets::Deliveries,
                Places::Both => Offsets::Both,
            }),
            contiguous: Known::Now(self.contiguous),
            contiguous_batches: Known::Now(self.batch_max() == 1),
            epoch: Known::Now(self.epoch),
            batch_max: Known::Now(Some(self.batch_max())),
            reads_log: Known::Now(self.reads_log),
            resumes: Known::Now(self.resumes),
            in_flight: self.in_flight,
            survives: Known::Now(match self.survives {
                Survives::Nothing => Survival::Nothing,
                Survives::Kill => Survival::Kill,
                Survives::PowerCut => Survival::PowerCut,
            }),
            order: match self.order {
                Order::None => "none",
                Order::PerProducer => "per producer",
                Order::PerTopic => "per topic",
            },
            delivery: match self.delivery {
                Delivery::AtMostOnce => "at most once",
                Delivery::AtLeastOnce => "at least once",
                Delivery::ExactlyOnce => "exactly once",
            },
            ..before(broker)
        }
    }
}
