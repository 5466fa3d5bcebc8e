//! A value that others wait for. Not a `watch` channel: that wakes those who wait in an order of
//! chance, and a simulated run must follow from its seed.

use std::sync::Mutex;

use tokio::sync::Notify;

use super::truth::lock;

/// The value, and who waits for it.
#[derive(Default)]
pub(super) struct Told<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Told<T> {
    /// Changes it, and tells those who wait in the order in which they began to.
    pub(super) fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut lock(&self.value));
        self.changed.notify_waiters();
    }

    /// What it says now.
    pub(super) fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&lock(&self.value))
    }

    /// Waits until it says so.
    pub(super) async fn wait_for(&self, says: impl Fn(&T) -> bool) {
        loop {
            // Before the look: what changes after it wakes this up.
            let changed = self.changed.notified();
            if self.look(&says) {
                return;
            }
            changed.await;
        }
    }
}
