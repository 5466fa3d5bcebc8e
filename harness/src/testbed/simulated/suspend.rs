//! SIGSTOP for tasks. While a process is suspended its tasks make no step, whatever they wait for;
//! when it goes on, so do all of them, in the order in which they were held up.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Whether the tasks of a process make steps. Clones are of the same process.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspension(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    is_suspended: bool,
    waiting: Vec<Waker>,
}

impl Suspension {
    /// From now on no task makes a step.
    pub(super) fn suspend(&self) {
        self.inside().is_suspended = true;
    }

    pub(super) fn resume(&self) {
        let waiting = {
            let mut inside = self.inside();
            inside.is_suspended = false;
            std::mem::take(&mut inside.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The future as a task of the process.
    pub(super) fn task<F: Future>(&self, future: F) -> Suspendable<F> {
        Suspendable { suspension: self.clone(), future: Box::pin(future) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that stands still while its process is suspended.
pub(super) struct Suspendable<F> {
    suspension: Suspension,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Suspendable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut inside = self.suspension.inside();
            if inside.is_suspended {
                inside.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
        }
        self.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::Suspension;

    #[test]
    fn no_task_goes_on_until_the_process_does() {
        let suspension = Suspension::default();
        let mut task = suspension.task(std::future::ready(7));
        suspension.suspend();
        assert_eq!((&mut task).now_or_never(), None);
        suspension.resume();
        assert_eq!((&mut task).now_or_never(), Some(7));
    }
}
