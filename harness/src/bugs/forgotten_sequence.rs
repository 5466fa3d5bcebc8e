//! Has the producers' sequences in memory only. A request that was stored, but whose answer a crash
//! kept from its producer, is repeated after the restart, and nobody knows it any more: a duplicate.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use broker::store::{Answer, Append};
use broker_client::wire::{Offset, ProducerId};

use super::log::{Count, repeated};
use super::small_store::{Behaviour, SmallStore};

/// The bug, and what it keeps in memory.
#[derive(Default)]
pub(super) struct ForgottenSequence {
    counts: Mutex<BTreeMap<ProducerId, Count>>,
}

impl Behaviour for ForgottenSequence {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let state = &store.state;
            state.pause().await;
            let offset = state.appending(&append, |log| {
                let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(offset) = repeated(counts.get(&append.producer), &append)? {
                    return Ok(offset);
                }
                let end = log.end();
                log.write(&append, end);
                counts.extend(Count::of(&append, end).map(|count| (append.producer, count)));
                Ok(end)
            })?;
            state.changed.notify_waiters();
            state.pause().await;
            Ok(offset)
        })
    }
}
