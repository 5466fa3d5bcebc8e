//! Large requests and answers: what takes the processor long for them is done off the workers, few
//! at a time, so that everybody else's requests go on meanwhile.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::failure::Answer;
use crate::store::Error;

/// Bytes from which on a body or an answer is large. Four connections with batches of 250 kB that
/// the workers did left a seventh of its rate to another client.
const LARGE: usize = 64 * 1024;

/// Where the work for large requests and answers is done.
pub(crate) struct LargeWork(Option<Arc<Semaphore>>);

impl LargeWork {
    /// By the task that asks, as a simulation needs it, which cannot order threads.
    pub(crate) fn in_place() -> Self {
        Self(None)
    }

    /// On other threads than the workers of this runtime, half as many at a time.
    pub(crate) fn off_workers() -> Self {
        let workers = Handle::current().metrics().num_workers();
        Self(Some(Arc::new(Semaphore::new((workers / 2).max(1)))))
    }

    /// Where what is to be done for so many bytes is begun, if that is not here.
    pub(super) fn elsewhere(&self, bytes: usize) -> Option<Elsewhere> {
        self.0.as_ref().filter(|_| bytes >= LARGE).map(|slots| Elsewhere(Arc::clone(slots)))
    }
}

/// Threads beside the workers.
pub(super) struct Elsewhere(Arc<Semaphore>);

impl Elsewhere {
    /// Begins the work there, up to where it waits for something; then it goes on here. In a box, for
    /// the many requests that are not large shall be small.
    pub(super) fn begin(
        self,
        work: impl Future<Output = Answer> + Send + 'static,
    ) -> BoxFuture<'static, Answer> {
        Box::pin(self.begin_now(work))
    }

    async fn begin_now(self, work: impl Future<Output = Answer> + Send + 'static) -> Answer {
        let slot = self.0.acquire_owned().await;
        let mut work = Box::pin(work);
        #[expect(clippy::disallowed_methods, reason = "no simulation comes here, see `in_place`")]
        let begun = spawn_blocking(move || {
            step_back();
            let polled = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            drop(slot);
            (polled, work)
        });
        match begun.await {
            Ok((Poll::Ready(answer), _)) => answer,
            // Polled again at once, it waits for the same with the waker of this task.
            Ok((Poll::Pending, work)) => work.await,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and it was not begun.
                Err(_) => Err(Error::Unavailable("shutting down".to_owned()).into()),
            },
        }
    }
}

/// Lets the workers go first where there are not enough processors for all threads.
fn step_back() {
    /// A third of the time of a thread that has not stepped back.
    #[cfg(target_os = "linux")]
    const NICE: i32 = 5;
    // Elsewhere it would be the whole process. Where it is not allowed, all are equal.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICE);
}
