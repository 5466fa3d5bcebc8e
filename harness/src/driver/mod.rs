//! Drivers: how a broker under test is spoken to. A new one is one file here that implements
//! [`Driver`], [`Sender`] and [`Subscriber`] and has a [`Row`], and that row in [`DRIVERS`].

use std::sync::Arc;

use broker_client::transport::Transport;

use crate::input::diagnostic::{Diagnostic, hint};
use crate::scenario;

mod address;
mod attempts;
mod batch;
mod client;
mod contract;
pub mod exec;
mod failure;
mod http;
#[cfg(feature = "kafka")]
mod kafka;
mod keys;
#[cfg(any(feature = "kafka", feature = "nats", feature = "rabbitmq", feature = "redis"))]
mod marks;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "rabbitmq")]
mod rabbitmq;
#[cfg(feature = "redis")]
mod redis;
mod row;
mod tags;
mod tries;
mod url;

pub use address::{Access, Address};
pub use attempts::Attempts;
pub use batch::{Batch, Delivered, Identity};
pub use client::{Client, RetryPolicy, Route, Session};
pub use contract::{Driver, LogPart, Outgoing, Part, Pending, Remarks, Reply, Sender, Subscriber};
pub use failure::{Failure, FailureKind};
pub use keys::{Keys, TOKEN_VARIABLE};
pub use row::{Connected, Connecting, Row, Simulate, Takes};

/// Every driver, the default first.
pub const DRIVERS: &[Row] = &[
    http::DETECT,
    http::ORIGINAL,
    exec::ROW,
    #[cfg(feature = "redis")]
    redis::ROW,
    #[cfg(feature = "nats")]
    nats::NATS,
    #[cfg(feature = "mqtt")]
    mqtt::MQTT,
    #[cfg(feature = "kafka")]
    kafka::KAFKA,
    #[cfg(feature = "rabbitmq")]
    rabbitmq::ROW,
];

/// Why a simulation cannot be had, behind the driver's word.
pub const NOT_SIMULATED: &str = "only speaks to real brokers";

/// The driver with this word, where this program has it.
#[must_use]
pub fn by_word(word: &str) -> Option<&'static Row> {
    DRIVERS.iter().find(|row| row.word == word)
}

/// The driver that a scenario names.
///
/// # Errors
/// Which there are.
pub fn find(broker: &scenario::Broker) -> Result<&'static Row, Diagnostic> {
    by_word(&broker.driver).ok_or_else(|| {
        let label = hint(&broker.driver, DRIVERS.iter().map(|row| row.word));
        let title = format!("unknown value `{}`", broker.driver);
        Diagnostic::new(title).label(label).on(&broker.driver_spot)
    })
}

/// The address in a URL that names a broker, and the driver that speaks to it.
///
/// # Errors
/// Says what is wrong with the URL.
pub fn parse_url(url: &str) -> Result<(&'static Row, Address), String> {
    url::parse(DRIVERS, url)
}

/// Reaches the brokers with the driver that the scenario names.
///
/// # Errors
/// When there is no such driver, and as [`Row::connect`].
pub async fn connect(connecting: Connecting) -> Connected {
    (named(&connecting)?.connect)(connecting).await
}

/// Reaches simulated brokers with the driver that the scenario names.
///
/// # Errors
/// When there is no such driver, when it only speaks to real brokers, and as [`Row::connect`].
pub async fn connect_over(connecting: Connecting, transport: Arc<dyn Transport>) -> Connected {
    let row = named(&connecting)?;
    match row.simulate {
        Some(simulate) => simulate(connecting, transport).await,
        None => Err(Failure::new(format!("the driver {} {NOT_SIMULATED}", row.word))),
    }
}

fn named(connecting: &Connecting) -> Result<&'static Row, Failure> {
    find(&connecting.plan.scenario.broker).map_err(|unknown| Failure::new(unknown.brief()))
}
