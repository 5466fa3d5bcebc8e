//! How a server is to run: its limits, its time-outs and what it serves.

use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::time::Duration;

use super::tls::Tls;
use crate::http::Limits;
use crate::tokens::Tokens;

/// How a server is to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Limits of requests and answers.
    pub limits: Limits,
    /// The most connections. Past them one that waits or is idle is closed for each new one.
    pub connections: NonZeroUsize,
    /// Time for a request's head to arrive, from its first byte. This and the next two are kept
    /// to a tenth, and to no less than 10 ms.
    pub header_read: Duration,
    /// Time after which a connection without requests is closed.
    pub idle: Duration,
    /// Time that a client may leave an answer unread.
    pub write_stall: Duration,
    /// Time for requests in flight to finish after the shutdown began.
    pub grace: Duration,
    /// Ends subscriptions that were not polled for so long.
    pub subscription_idle: Option<Duration>,
    /// Ends producers that sent nothing for so long.
    pub producer_idle: Option<Duration>,
    /// Whether the logs themselves may be read, by any client that reaches the broker.
    pub audit: bool,
    /// Who may do what; without them, everybody may do everything.
    pub tokens: Option<Arc<Tokens>>,
    /// The certificate; without one, what is sent can be read and changed on its way.
    pub tls: Option<Arc<Tls>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            connections: NonZeroUsize::new(8192).expect("8192 is not 0"),
            header_read: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            write_stall: Duration::from_secs(30),
            grace: Duration::from_secs(10),
            subscription_idle: None,
            producer_idle: None,
            audit: false,
            tokens: None,
            tls: None,
        }
    }
}
