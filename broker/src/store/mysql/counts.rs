//! What a broker counts of its database: transactions by what they are for, and what goes through topics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::Histogram;
use crate::store::WorkObserved;
use crate::store::traffic::AllCounts;

/// How many requests share a transaction, in powers of two.
const GROUPS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

/// What a store counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) appends: WorkCounts,
    pub(super) positions: WorkCounts,
    pub(super) registrations: WorkCounts,
    /// Looks at the ends of logs; they commit nothing.
    pub(super) ends: WorkCounts,
    /// What goes through all topics.
    pub(super) traffic: Arc<AllCounts>,
}

/// What is counted of one queue of requests, or of several of the same kind.
#[derive(Debug)]
pub(super) struct WorkCounts {
    groups: Histogram,
    commits: AtomicU64,
    retries: AtomicU64,
}

impl Default for WorkCounts {
    fn default() -> Self {
        Self {
            groups: Histogram::new(GROUPS),
            commits: AtomicU64::new(0),
            retries: AtomicU64::new(0),
        }
    }
}

impl WorkCounts {
    /// So many requests share a transaction.
    pub(super) fn begun(&self, requests: usize) {
        self.groups.note(u64::try_from(requests).unwrap_or(u64::MAX));
    }

    /// It was carried out.
    pub(super) fn done(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// It is tried again.
    pub(super) fn tried_again(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    fn now(&self) -> WorkObserved {
        WorkObserved {
            commits: self.commits.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            groups: self.groups.counted(1.0),
        }
    }
}

impl Counts {
    /// Of each kind of work, its name and what was counted.
    pub(super) fn now(&self) -> Vec<(&'static str, WorkObserved)> {
        let work = [
            ("append", &self.appends),
            ("position", &self.positions),
            ("registration", &self.registrations),
            ("end", &self.ends),
        ];
        work.map(|(name, counts)| (name, counts.now())).into()
    }
}
