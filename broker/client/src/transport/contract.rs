//! What a transport is, and how it fails.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};

/// What [`Transport::send`] answers with.
pub type Exchange = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Failure>> + Send>>;

/// Carries requests to a broker.
///
/// A transport sends each request at most once and knows nothing of brokers: trying again is up to
/// its caller, who also sets the time-outs and drops the future when one passes. What was sent by
/// then may still arrive.
pub trait Transport: Send + Sync {
    /// Sends the request, whose address is absolute, and completes with the whole answer.
    fn send(&self, request: Request<Bytes>) -> Exchange;
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
