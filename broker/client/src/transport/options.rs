//! How brokers are reached.

use std::time::Duration;

use super::tls::Ca;
use crate::token::Token;

/// How long an unused connection is kept. A broker closes those idle for longer; a request that is
/// sent at that very moment has an unknown outcome, so we close first.
const IDLE: Duration = Duration::from_secs(15);

/// How brokers are reached. The defaults are those of a broker that asks for nothing.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long an unused connection is kept: less than 15 s for a broker that closes idle ones sooner,
    /// and to which nothing may be sent twice.
    pub keep: Duration,
    /// Shown with each request. What is sent to `http://` can be read on its way, and this with it.
    pub token: Option<Token>,
    /// Whoever signed the certificates of brokers at `https://`; without it the authorities that
    /// browsers trust. Needs the cargo feature `tls`.
    pub ca: Option<Ca>,
}

impl Default for Options {
    fn default() -> Self {
        Self { keep: IDLE, token: None, ca: None }
    }
}
