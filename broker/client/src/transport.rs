//! The seam between the client and the network: one HTTP request in, one HTTP answer out.
//!
//! [`Http`] is the transport of real use. A test or a simulation puts another in its place, which
//! may hand requests to a router in the same process and lose what it likes.

use std::time::Duration;

pub use contract::{Exchange, Failure, Transport};
pub use pool::Http;

mod connection;
mod contract;
mod pool;

/// How long an unused connection is kept. A broker closes those idle for longer; a request that is
/// sent at that very moment has an unknown outcome, so we close first.
const IDLE: Duration = Duration::from_secs(15);

/// The default transport: small requests leave at once, connections are kept for the next request,
/// no proxy is taken from the environment, and a redirect is an answer like any other.
#[must_use]
pub fn http() -> Http {
    http_keeping(IDLE)
}

/// The same, which closes a connection that was not used for so long: for a broker that closes idle
/// ones sooner, and to which nothing may be sent twice.
#[must_use]
pub fn http_keeping(idle: Duration) -> Http {
    Http::keeping(idle)
}
