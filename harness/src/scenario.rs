//! The YAML that a person writes, as types that cannot be wrong: loaded and checked once, here.
//!
//! [`find`] finds the files, [`load()`] reads text, and `raw` gives it types with places; `resolve`, `settings`, `topics` and
//! `sources` make a [`Scenario`] of them (see `model`), with `words` for its own types. What a
//! scenario does to its run on purpose is [`crate::fault`]. A new key is a field of `raw` and a line
//! in `resolve`.

mod anomaly;
mod broker;
mod file;
mod limit;
mod load;
mod model;
mod network;
pub mod objection;
pub(crate) mod own_server;
pub(crate) mod raw;
mod read_broker;
mod read_thresholds;
mod read_wire;
mod resolve;
mod search;
mod settings;
mod sources;
pub mod threshold;
mod topics;
mod wire;
mod words;

use crate::input::extended::Extended;

pub use anomaly::AnomalyKind;
pub(crate) use broker::SURVIVES;
pub use broker::{
    Broker, DEFAULT_DRIVER, DEFAULT_ON, EXEC_DRIVER, Need, ORIGINAL_DRIVER, Options, Store,
};
pub use file::read as read_text;
pub use load::{equal_names, load, load_all};
pub use model::{
    Acked, Acknowledge, CONSUMER_BATCH, Consumer, Counter, DEADLINE, Delivery, Drain, Expect, IDLE,
    Order, Pace, Payloads, Producer, Requirement, Scenario, Source, Start, Topic,
};
pub use network::Network;
pub use own_server::OwnServer;
pub use read_broker::store_of;
pub use search::{BROKERS_FILE, Found, find};
pub use threshold::Threshold;
pub use wire::{Carrier, NewConsumers, Wire};

/// The JSON Schema of a scenario file, for these drivers.
pub fn schema(drivers: &[&str]) -> schemars::Schema {
    let mut schema = schemars::schema_for!(Extended<raw::Scenario>);
    let driver = schema.pointer_mut("/$defs/Broker/properties/driver");
    driver.expect("a broker has a driver")["enum"] = drivers.into();
    schema
}
