//! Drivers: how a broker under test is spoken to. A new one is one file here that implements
//! [`Driver`], [`Sender`] and [`Subscriber`] and has a [`Row`], and that row in [`DRIVERS`].

mod address;
mod batch;
mod capability;
mod client;
mod contract;
mod failure;
pub mod http;
mod row;
mod tags;
mod url;

pub use address::Address;
pub use batch::{Batch, Delivered, Identity};
pub use capability::{Capabilities, Known, Offsets, Survival};
pub use client::{Client, RetryPolicy, Route, Session};
pub use contract::{Driver, LogPart, Outgoing, Part, Reply, Sender, Subscriber};
pub use failure::Failure;
pub use row::{Connected, Connecting, Row};

/// Every driver, the default first.
pub const DRIVERS: &[Row] = &[http::DETECT, http::ORIGINAL];

/// The driver of this word, if there is one.
#[must_use]
pub fn find(word: &str) -> Option<&'static Row> {
    DRIVERS.iter().find(|row| row.word == word)
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
    let word = connecting.plan.scenario.broker.driver.as_str();
    let row = find(word).ok_or_else(|| Failure::new(format!("there is no driver `{word}`")))?;
    (row.connect)(connecting).await
}
