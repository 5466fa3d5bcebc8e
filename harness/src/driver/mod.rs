//! Drivers: how a broker under test is spoken to. A new one is one file here that implements
//! [`Driver`], [`Sender`] and [`Subscriber`] and has a [`Row`], and that row in [`DRIVERS`].

use crate::input::diagnostic::{Diagnostic, hint};
use crate::scenario;

mod address;
mod batch;
mod client;
mod contract;
mod failure;
pub mod http;
mod row;
mod tags;
mod url;

pub use address::Address;
pub use batch::{Batch, Delivered, Identity};
pub use client::{Client, RetryPolicy, Route, Session};
pub use contract::{Driver, LogPart, Outgoing, Part, Reply, Sender, Subscriber};
pub use failure::Failure;
pub use row::{Connected, Connecting, Row};

/// Every driver, the default first.
pub const DRIVERS: &[Row] = &[http::DETECT, http::ORIGINAL];

/// The driver that a scenario names.
///
/// # Errors
/// Which there are.
pub fn find(broker: &scenario::Broker) -> Result<&'static Row, Diagnostic> {
    DRIVERS.iter().find(|row| row.word == broker.driver).ok_or_else(|| {
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
    let row = find(&connecting.plan.scenario.broker);
    let row = row.map_err(|unknown| Failure::new(unknown.brief()))?;
    (row.connect)(connecting).await
}
