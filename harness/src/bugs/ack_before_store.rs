//! Acknowledges what it has only in memory, and stores it a moment later. A broker that crashes in
//! between takes it along: acknowledged, and lost.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::store::{Answer, Append, Error, Poll, Polled, Subscription};
use broker_client::wire::{Offset, ProducerId, Sequence};
use tokio::time::{Instant, timeout_at};

use super::small_store::{Behaviour, SmallStore};

/// So long after its ack a request is stored.
const STORED_AFTER: Duration = Duration::from_millis(15);

/// The bug, and what it keeps in memory.
#[derive(Default)]
pub(super) struct AckBeforeStore {
    pending: Mutex<VecDeque<Pending>>,
}

/// A request that is acknowledged and not stored.
struct Pending {
    due: Instant,
    topic: String,
    producer: ProducerId,
    sequence: Option<Sequence>,
    payloads: Vec<String>,
    offset: Offset,
}

impl AckBeforeStore {
    fn pending(&self) -> MutexGuard<'_, VecDeque<Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores what is due, and says when the next one is.
    fn store(&self, store: &SmallStore) -> Option<Instant> {
        let mut pending = self.pending();
        let now = Instant::now();
        while let Some(first) = pending.front().filter(|first| first.due <= now) {
            let payloads: Vec<_> = first.payloads.iter().map(Cow::from).collect();
            let append = Append {
                topic: &first.topic,
                producer: first.producer,
                epoch: None,
                sequence: first.sequence,
                payloads: &payloads,
            };
            // It was checked before it was acknowledged.
            let _ = store.state.appending(&append, |log| {
                log.write(&append, first.offset);
                Ok(())
            });
            pending.pop_front();
            store.state.changed.notify_waiters();
        }
        pending.front().map(|next| next.due)
    }

    fn accept(&self, store: &SmallStore, append: &Append<'_>) -> Result<Offset, Error> {
        let (repeated, end) =
            store.state.appending(append, |log| Ok((log.repeated(append)?, log.end())))?;
        let mut pending = self.pending();
        let twin = |known: &&Pending| {
            known.producer == append.producer
                && known.sequence.is_some()
                && known.sequence == append.sequence
        };
        if let Some(offset) = repeated.or_else(|| Some(pending.iter().find(twin)?.offset)) {
            return Ok(offset);
        }
        let of_topic = pending.iter().filter(|known| known.topic == append.topic);
        let ends = of_topic.map(|known| known.offset + known.payloads.len() as Offset);
        let offset = ends.max().unwrap_or(end).max(end);
        pending.push_back(Pending {
            due: Instant::now() + STORED_AFTER,
            topic: append.topic.to_owned(),
            producer: append.producer,
            sequence: append.sequence,
            payloads: append.payloads.iter().map(ToString::to_string).collect(),
            offset,
        });
        drop(pending);
        store.state.changed.notify_waiters();
        Ok(offset)
    }
}

impl Behaviour for AckBeforeStore {
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            store.state.pause().await;
            self.store(store);
            self.accept(store, &append)
        })
    }

    fn poll<'a>(&'a self, store: &'a SmallStore, poll: Poll<'a>) -> Answer<'a, Polled> {
        self.store(store);
        Box::pin(store.poll(poll))
    }

    fn arrival<'a>(
        &'a self,
        store: &'a SmallStore,
        subscription: Subscription<'a>,
        offset: Offset,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            loop {
                let due = self.store(store);
                let arrival = store.arrival(subscription, offset);
                let changed = store.state.changed.notified();
                match due {
                    Some(due) => {
                        if let Ok(arrived) = timeout_at(due, arrival).await {
                            return arrived;
                        }
                    }
                    // Nothing is to be stored; what is accepted next tells of itself.
                    None => tokio::select! { biased;
                        arrived = arrival => return arrived,
                        () = changed => {}
                    },
                }
            }
        })
    }
}
