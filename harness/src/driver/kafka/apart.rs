//! Calls of librdkafka that block, kept off the threads that the run's tasks share.

use std::ops::Deref;
use std::sync::Arc;
use std::thread;

use crate::driver::failure::Failure;

/// Carries out a call that blocks, on a thread for such.
pub(super) async fn apart<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    #[expect(
        clippy::disallowed_methods,
        reason = "librdkafka blocks, and no simulation is near it"
    )]
    let called = tokio::task::spawn_blocking(call).await;
    called.map_err(|error| Failure::new(format!("a call of librdkafka did not end: {error}")))
}

/// Held by every client of a run for as long as its threads work.
#[derive(Clone, Default)]
pub(super) struct Alive(Arc<()>);

impl Alive {
    /// How many others hold it.
    pub(super) fn others(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// A client of librdkafka. Its last owner ends it on a thread of its own: it says goodbye to its
/// broker, which may be paused.
pub(super) struct Shared<T: Send + Sync + 'static>(Arc<Ended<T>>);

struct Ended<T: Send + 'static> {
    client: Option<T>,
    alive: Alive,
}

impl<T: Send + Sync + 'static> Shared<T> {
    pub(super) fn new(client: T, alive: &Alive) -> Self {
        Self(Arc::new(Ended { client: Some(client), alive: alive.clone() }))
    }
}

impl<T: Send + Sync + 'static> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Send + Sync + 'static> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.client.as_ref().expect("it is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Ended<T> {
    fn drop(&mut self) {
        let (client, alive) = (self.client.take(), self.alive.clone());
        let end = move || {
            drop(client);
            drop(alive);
        };
        // Where no thread can be had, the closure with the client in it is dropped here after all.
        let _ = thread::Builder::new().name("kafka-end".to_owned()).spawn(end);
    }
}
