//! The time since a disk was settled.

use std::sync::Mutex;
use std::time::Instant;

use crate::history::Nanos;
use crate::lock::lock;

/// Tells the time once it was started.
#[derive(Debug, Default)]
pub(super) struct Clock(Mutex<Option<Instant>>);

impl Clock {
    /// Begins, or begins anew.
    pub(super) fn start(&self) {
        *lock(&self.0) = Some(now());
    }

    /// None before it was started.
    pub(super) fn read(&self) -> Option<Nanos> {
        let start = *lock(&self.0);
        start.map(|start| {
            u64::try_from(now().duration_since(start).as_nanos()).expect("it is below 584 years")
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the process of a disk is no part of a run")]
fn now() -> Instant {
    Instant::now()
}
