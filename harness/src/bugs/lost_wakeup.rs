//! Keeps a note per consumer whether there may be something new, to spare the log a look. The note
//! "nothing new" is made a moment after the look that found nothing; a message that comes in between
//! is never looked for, until another one comes. The last message of a topic is lost.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use broker::store::{Answer, Append, Poll, Polled, Subscription};
use broker_client::wire::{ConsumerId, Offset};

use super::small_store::{Behaviour, SmallStore};

/// The bug, and what it keeps in memory.
#[derive(Default)]
pub(super) struct LostWakeup {
    /// The consumers for which there is nothing new.
    nothing_new: Mutex<BTreeSet<ConsumerId>>,
}

impl LostWakeup {
    fn nothing_new(&self) -> MutexGuard<'_, BTreeSet<ConsumerId>> {
        self.nothing_new.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Behaviour for LostWakeup {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            let offset = store.append(append).await?;
            self.nothing_new().clear();
            store.state.changed.notify_waiters();
            Ok(offset)
        })
    }

    fn poll<'a>(&'a self, store: &'a SmallStore, mut poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(async move {
            let consumer = poll.subscription.consumer;
            if self.nothing_new().contains(&consumer) {
                // Acknowledges, and does not look.
                poll.max = 0;
                return store.state.consuming(&poll.subscription, |log| log.poll(&poll));
            }
            let polled = store.state.consuming(&poll.subscription, |log| log.poll(&poll))?;
            if polled.messages.is_empty() {
                // Here a message may come.
                store.state.pause().await;
                self.nothing_new().insert(consumer);
            }
            Ok(polled)
        })
    }

    fn arrival<'a>(
        &'a self,
        store: &'a SmallStore,
        subscription: Subscription<'a>,
        _offset: Offset,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            loop {
                let changed = store.state.changed.notified();
                if !self.nothing_new().contains(&subscription.consumer) {
                    return Ok(());
                }
                changed.await;
            }
        })
    }
}
