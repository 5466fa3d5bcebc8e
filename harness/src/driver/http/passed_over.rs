//! Messages of earlier runs that a broker may hand out, because its new subscriptions begin at the
//! beginning: they are counted, and nobody else sees them.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many there were, where they may be.
#[derive(Debug)]
pub(super) struct PassedOver {
    may_be: bool,
    count: AtomicU64,
}

impl PassedOver {
    pub(super) const fn new(may_be: bool) -> Self {
        Self { may_be, count: AtomicU64::new(0) }
    }

    /// Counts one, and says whether it is to be passed over.
    pub(super) fn count(&self) -> bool {
        self.count.fetch_add(u64::from(self.may_be), Ordering::Relaxed);
        self.may_be
    }

    /// How many were passed over.
    pub(super) fn total(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
