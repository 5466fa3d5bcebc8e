//! Ids of requests that came without one.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::HeaderValue;

use crate::store::Epoch;

/// Makes ids that no other broker makes.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// What they begin with.
    own: OnceLock<Epoch>,
    made: AtomicU64,
}

impl Ids {
    pub(super) fn next(&self) -> HeaderValue {
        let own = self.own.get_or_init(Epoch::random);
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{own}-{number}")).expect("it is letters and digits")
    }
}
