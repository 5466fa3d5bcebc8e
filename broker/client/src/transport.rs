//! The seam between the client and the network: one HTTP request in, one HTTP answer out.
//!
//! [`Http`] is the transport of real use. A test or a simulation puts another in its place, which
//! may hand requests to a router in the same process and lose what it likes.

pub use contract::{Exchange, Failure, Transport};
pub use options::Options;
pub use pool::Http;
pub(crate) use tls::NOT_BUILT;
pub use tls::{BadCa, Ca};

mod connection;
mod contract;
mod options;
mod pool;
mod stream;
#[cfg_attr(not(feature = "tls"), path = "transport/no_tls.rs")]
mod tls;

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
