//! A gate that holds up futures: SIGSTOP for tasks. While it is closed a future behind it makes no
//! step, whatever it waits for; once it opens, all go on in the order in which they were held up.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The gate. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    is_closed: bool,
    held: Vec<Waker>,
}

impl Gate {
    /// From now on nobody behind it makes a step.
    pub(super) fn close(&self) {
        self.inside().is_closed = true;
    }

    /// Lets everybody go on.
    pub(super) fn open(&self) {
        let held = {
            let mut inside = self.inside();
            inside.is_closed = false;
            std::mem::take(&mut inside.held)
        };
        held.into_iter().for_each(Waker::wake);
    }

    /// The future, behind the gate.
    pub(super) fn hold<F: Future>(&self, future: F) -> Behind<F> {
        Behind { gate: self.clone(), future: Box::pin(future) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future behind a gate.
pub(super) struct Behind<F> {
    gate: Gate,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Behind<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut inside = self.gate.inside();
            if inside.is_closed {
                inside.held.push(context.waker().clone());
                return Poll::Pending;
            }
        }
        self.future.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::Gate;

    #[test]
    fn nobody_goes_on_until_it_opens() {
        let gate = Gate::default();
        let mut behind = gate.hold(std::future::ready(7));
        gate.close();
        assert_eq!((&mut behind).now_or_never(), None);
        gate.open();
        assert_eq!((&mut behind).now_or_never(), Some(7));
    }
}
