//! Connections of clients, of all listeners together.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many connections there were.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    accepted: AtomicU64,
    closed: AtomicU64,
}

impl Connections {
    pub(crate) fn accept(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn close(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were accepted.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// How many are open.
    pub(super) fn open(&self) -> u64 {
        // In this order: one that comes and goes in between must not count as closed alone.
        let closed = self.closed.load(Ordering::Relaxed);
        self.accepted().saturating_sub(closed)
    }
}
