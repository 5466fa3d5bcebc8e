//! Clients of librdkafka, whose end blocks, kept off the threads that the run's tasks share.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Counts the clients of a run whose threads work.
#[derive(Clone, Default)]
pub(super) struct Alive(Arc<AtomicUsize>);

impl Alive {
    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Acquire)
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
        alive.0.fetch_add(1, Ordering::Release);
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
            alive.0.fetch_sub(1, Ordering::Release);
        };
        // Where no thread can be had, the closure with the client in it is dropped here after all.
        let _ = thread::Builder::new().name("kafka-end".to_owned()).spawn(end);
    }
}
