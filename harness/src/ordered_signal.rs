//! A value that tasks share and wait for. Those that wait are woken in the order in which they
//! began to wait.
//!
//! A `watch` channel wakes them in an order of chance, and a simulated run must follow from its
//! seed alone.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// A value that can be waited for.
#[derive(Debug, Default)]
pub(crate) struct OrderedSignal<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> OrderedSignal<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// The value now. A change through the guard wakes no task: it is for what no task waits for,
    /// such as counts and draws of chance.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        // Every change is made whole under this lock, so one that panicked left none half made.
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the value, and wakes all that wait.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_waiters();
        result
    }

    /// Waits until `look` finds something in the value. May be dropped and called again.
    pub(crate) async fn wait_for<R>(&self, look: impl Fn(&T) -> Option<R>) -> R {
        loop {
            // Before the look: a change after it wakes this up.
            let changed = self.changed();
            if let Some(found) = look(&self.lock()) {
                return found;
            }
            changed.await;
        }
    }

    /// Completes at the first change after this call.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::OrderedSignal;

    #[tokio::test]
    async fn tasks_wake_in_the_order_in_which_they_began_to_wait() {
        let signal = Arc::new(OrderedSignal::new((false, Vec::new())));
        let wait = |place: u32| {
            let signal = Arc::clone(&signal);
            tokio::spawn(async move {
                signal.wait_for(|(is_open, _)| is_open.then_some(())).await;
                signal.lock().1.push(place);
            })
        };
        let tasks: Vec<_> = (0..50).map(wait).collect();
        tokio::task::yield_now().await;
        signal.change(|(is_open, _)| *is_open = true);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(signal.lock().1, (0..50).collect::<Vec<_>>());
    }
}
