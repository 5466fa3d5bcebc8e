//! What every handler gets.

use std::sync::Arc;

use axum::extract::State;
use tokio::time::Duration;

use super::ids::Ids;
use super::large::LargeWork;
use super::limits::Limits;
use super::room::Room;
use crate::metrics::Metrics;
use crate::signal::Signal;
use crate::store::Store;
use crate::tokens::Tokens;

/// What every handler gets.
pub(crate) struct Broker {
    pub(super) store: Arc<dyn Store>,
    pub(super) limits: Limits,
    pub(super) room: Room,
    pub(crate) large: LargeWork,
    pub(super) closing: Signal,
    /// A poll that waits is repeated after this, where subscriptions that are not polled are ended.
    pub(crate) poll_again: Option<Duration>,
    /// Who may do what; without them, everybody may do everything.
    pub(crate) tokens: Option<Arc<Tokens>>,
    pub(crate) metrics: Metrics,
    pub(super) ids: Ids,
}

/// As a handler is handed it.
pub(super) type Shared = State<Arc<Broker>>;

impl Broker {
    pub(crate) fn new(store: Arc<dyn Store>, limits: Limits, closing: Signal) -> Self {
        Self {
            store,
            room: Room::new(&limits),
            limits,
            large: LargeWork::in_place(),
            closing,
            poll_again: None,
            tokens: None,
            metrics: Metrics::new(),
            ids: Ids::default(),
        }
    }
}
