//! The seam between the client and the network: one HTTP request in, one HTTP answer out.
//!
//! [`reqwest::Client`] is the transport of real use. A test or a simulation puts another in its
//! place, which may hand requests to a router in the same process and lose what it likes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use reqwest::{Request, Response};

/// What [`Transport::send`] answers with.
pub type Exchange = Pin<Box<dyn Future<Output = Result<Response, Failure>> + Send>>;

/// Carries requests to a broker.
///
/// A transport sends each request at most once and knows nothing of brokers: trying again is up to
/// its caller, who also sets the time-outs and drops the future when one passes. What was sent by
/// then may still arrive.
pub trait Transport: Send + Sync {
    /// Sends the request and completes with the head of the answer; its body follows as it comes.
    fn send(&self, request: Request) -> Exchange;
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No part of the request left, so it had no effect and never will.
    #[error("{0}")]
    NotSent(String),
    /// The request may have arrived.
    #[error("{0}")]
    Lost(String),
}

impl Transport for reqwest::Client {
    fn send(&self, request: Request) -> Exchange {
        let answer = self.execute(request);
        Box::pin(async move { answer.await.map_err(|error| Failure::from(&error)) })
    }
}

impl From<&reqwest::Error> for Failure {
    fn from(error: &reqwest::Error) -> Self {
        let why = innermost(error);
        // A builder error is a request that could not be made, such as a bad address.
        if error.is_connect() || error.is_builder() { Self::NotSent(why) } else { Self::Lost(why) }
    }
}

/// How long the default transport tries to open a connection. It is shorter than any sensible
/// time-out of a request, so that a broker that cannot be reached is told from one that is silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an unused connection is kept. A broker closes those idle for longer; a request that is
/// sent at that very moment has an unknown outcome, so we close first.
const IDLE: Duration = Duration::from_secs(15);

/// The default transport: small requests leave at once, connections are kept for the next request,
/// no proxy is taken from the environment, and a redirect is an answer like any other.
///
/// # Panics
/// Never without TLS: nothing that is set here can fail.
#[must_use]
pub fn http() -> reqwest::Client {
    http_keeping(IDLE)
}

/// The same, which closes a connection that was not used for so long: for a broker that closes idle
/// ones sooner, and to which nothing may be sent twice.
///
/// # Panics
/// As [`http()`].
#[must_use]
pub fn http_keeping(idle: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .tcp_nodelay(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(idle)
        .pool_max_idle_per_host(usize::MAX)
        .http1_only()
        .build()
        .expect("a client without TLS always builds")
}

/// The cause at the bottom, which is the one that says something: `connection refused` instead of
/// `error sending request`.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &(dyn std::error::Error + 'static) = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ => cause.to_string(),
    }
}
