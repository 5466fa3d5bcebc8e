//! The connections that a broker is reached over, by what it speaks.

use std::sync::Arc;
use std::time::Duration;

use broker_client::transport::{self, Options, Transport};

use crate::driver::address::Address;
use crate::driver::failure::Failure;

/// How long an unused connection is kept on the original routes: the servers of those close it after 2
/// to 5 s, and a request that is sent at that very moment must not be repeated.
const IDLE: Duration = Duration::from_secs(1);

/// What a broker is reached over, by what it speaks.
pub(super) struct Transports {
    pub(super) ours: Arc<dyn Transport>,
    pub(super) original: Arc<dyn Transport>,
}

impl Transports {
    pub(super) fn detect(addresses: &[Address]) -> Result<Self, Failure> {
        let ours = Arc::new(transport::http_with(options(addresses)?));
        Ok(Self { ours, ..Self::original(addresses)? })
    }

    /// Those of a broker that is told to be of the original routes.
    pub(super) fn original(addresses: &[Address]) -> Result<Self, Failure> {
        let options = Options { keep: IDLE, ..options(addresses)? };
        Ok(Self::one(Arc::new(transport::http_with(options))))
    }

    pub(super) fn one(transport: Arc<dyn Transport>) -> Self {
        Self { ours: Arc::clone(&transport), original: transport }
    }
}

/// How the brokers at these addresses are reached: all of them with the same keys.
fn options(addresses: &[Address]) -> Result<Options, Failure> {
    let access = addresses.iter().find_map(Address::access);
    access.map_or_else(|| Ok(Options::default()), |access| access.keys.options())
}
