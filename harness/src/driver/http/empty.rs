//! How a broker of the original routes says that there is nothing: 404, 204, 200 with a failure in
//! its body, `null`, "Queue is empty". Each consumer polls each of its topics before any producer
//! starts, and what is answered then is this broker's *empty*. Later the same shape is empty, and
//! another is a failed poll.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is known of it, shared by all actors of a run.
#[derive(Debug, Default)]
pub(super) struct Empty {
    /// See [`super::routes::Answer::shape`].
    shapes: Mutex<BTreeSet<String>>,
    has_begun: AtomicBool,
}

impl Empty {
    /// Keeps the shape of an answer that was given before anything was sent.
    pub(super) fn learn(&self, shape: String) {
        self.lock().insert(shape);
    }

    /// Whether an answer of this shape says that there is nothing.
    pub(super) fn has(&self, shape: &str) -> bool {
        self.lock().contains(shape)
    }

    /// What is known, for people.
    pub(super) fn known(&self) -> String {
        let shapes: Vec<String> =
            self.lock().iter().map(|shape| format!("`{}`", shape.trim())).collect();
        if shapes.is_empty() {
            "nothing that was understood".to_owned()
        } else {
            shapes.join(" or ")
        }
    }

    /// Notes that a producer sends: from now on there may be something.
    pub(super) fn begin(&self) {
        self.has_begun.store(true, Ordering::Relaxed);
    }

    /// Whether a producer has sent something.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        // Nothing under this lock can leave the set half-changed.
        self.shapes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
