//! The seam between the client and the network: one HTTP request in, one HTTP answer out.
//!
//! [`Http`] is the transport of real use. A test or a simulation puts another in its place, which
//! may hand requests to a router in the same process and lose what it likes.

use std::time::Duration;

pub use contract::{Exchange, Failure, Transport};
pub use pool::Http;
pub(crate) use tls::NOT_BUILT;
pub use tls::{BadCa, Ca};

use crate::token::Token;

mod connection;
mod contract;
mod pool;
mod stream;
#[cfg_attr(not(feature = "tls"), path = "transport/no_tls.rs")]
mod tls;

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

/// The transport of real use: small requests leave at once, connections are kept for the next request,
/// no proxy is taken from the environment, and a redirect is an answer like any other.
#[must_use]
pub fn http() -> Http {
    http_with(Options::default())
}

/// The same with options.
#[must_use]
pub fn http_with(options: Options) -> Http {
    Http::new(options)
}
