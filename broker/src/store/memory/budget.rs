//! How much a store retains, over all its topics, and how much it may.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::store::Error;

/// Bytes retained, and the most that may be.
pub(super) struct Budget {
    limit: u64,
    used: AtomicU64,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Self {
        Self { limit, used: AtomicU64::new(0) }
    }

    /// Sets `bytes` aside, or refuses.
    pub(super) fn take(&self, bytes: usize) -> Result<(), Error> {
        let limit = self.limit;
        let within = |used: u64| used.checked_add(as_u64(bytes)).filter(|&sum| sum <= limit);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within) {
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Full { limit }),
        }
    }

    /// Whether so many bytes more would be within `most`.
    pub(super) fn fits(&self, bytes: usize, most: u64) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(as_u64(bytes)) <= most
    }

    /// What is taken, and the most that may be.
    pub(super) fn now(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.limit)
    }

    /// Gives back what was taken.
    pub(super) fn give(&self, bytes: usize) {
        self.used.fetch_sub(as_u64(bytes), Ordering::Relaxed);
    }
}

fn as_u64(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("sizes in memory fit 64 bits")
}
