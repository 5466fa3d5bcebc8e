//! A signal that is raised once and stays up, for closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A signal that is raised once and stays up. Clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct Signal(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    raised: AtomicBool,
    notify: Notify,
}

impl Signal {
    /// Raises it, which wakes all that wait.
    pub fn raise(&self) {
        self.0.raised.store(true, Ordering::SeqCst);
        self.0.notify.notify_waiters();
    }

    /// Whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::SeqCst)
    }

    /// Waits until it is raised.
    pub async fn raised(&self) {
        // It listens from here on, so that a raise after the look at the flag is not missed.
        let notified = self.0.notify.notified();
        if !self.is_raised() {
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_hears_it_before_and_after() {
        let signal = Signal::default();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let signal = signal.clone();
                tokio::spawn(async move { signal.raised().await })
            })
            .collect();
        tokio::task::yield_now().await;
        signal.raise();
        for task in waiting {
            task.await.unwrap();
        }
        signal.raised().await;
        assert!(signal.is_raised());
    }
}
