//! The connections that a broker is reached over, by what it speaks.

use std::sync::Arc;
use std::time::Duration;

use broker_client::transport::{self, Options, Transport};

/// How long an unused connection is kept on the original routes: the servers of those close it after 2
/// to 5 s, and a request that is sent at that very moment must not be repeated.
const IDLE: Duration = Duration::from_secs(1);

/// What a broker is reached over, by what it speaks.
pub(super) struct Transports {
    pub(super) ours: Arc<dyn Transport>,
    pub(super) original: Arc<dyn Transport>,
}

impl Transports {
    pub(super) fn detect() -> Self {
        let original = Arc::new(transport::http_with(Options { keep: IDLE, ..Options::default() }));
        Self { ours: Arc::new(transport::http()), original }
    }

    /// Those of a broker that is told to be of the original routes.
    pub(super) fn original() -> Self {
        Self::one(Arc::new(transport::http_with(Options { keep: IDLE, ..Options::default() })))
    }

    pub(super) fn one(transport: Arc<dyn Transport>) -> Self {
        Self { ours: Arc::clone(&transport), original: transport }
    }
}
