//! What this broker counts of itself, for `GET /metrics`.
//!
//! A counter is an atomic that is changed in relaxed order, and lives in what a request holds anyway: those
//! of requests and connections are here, those of a topic in the topic, those of the database in the
//! store. A new one is a field where it is counted, and its lines in [`exposition`], which reads it.

mod connections;
pub(crate) mod exposition;
mod family;
mod histogram;
mod process;
mod requests;

use tokio::time::Instant;

use self::connections::Connections;
pub(crate) use self::histogram::{Counted, Histogram};
use self::requests::Requests;

/// What a server counts. A router without a server has no connections.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// When it began to count.
    pub(crate) started: Instant,
    pub(crate) requests: Requests,
    pub(crate) connections: Connections,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            requests: Requests::new(),
            connections: Connections::default(),
        }
    }
}
