//! Mutexes.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The value behind a mutex. For values that are changed whole or not at all, so that a panic with the
/// lock held leaves nothing half-changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
