//! Acknowledges what it has only in memory, and stores it a moment later. A broker that crashes in
//! between takes it along: acknowledged, and lost.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use broker::store::{Answer, Append, Error, Poll, Polled, Subscription};
use broker_client::wire::{Offset, ProducerId, Sequence};
use tokio::time::{Instant, timeout_at};

use super::desk::{Desk, Mistake};

/// So long after its ack a request is stored.
const STORED_AFTER: Duration = Duration::from_millis(15);

/// The mistake, and what it has in mind.
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
    fn store(&self, desk: &Desk) -> Option<Instant> {
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
            let _ = desk.paper.appending(&append, |log| {
                log.write(&append, first.offset);
                Ok(())
            });
            pending.pop_front();
            desk.paper.changed.notify_waiters();
        }
        pending.front().map(|next| next.due)
    }

    fn accept(&self, desk: &Desk, append: &Append<'_>) -> Result<Offset, Error> {
        let (repeated, end) =
            desk.paper.appending(append, |log| Ok((log.repeated(append)?, log.end())))?;
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
        desk.paper.changed.notify_waiters();
        Ok(offset)
    }
}

impl Mistake for AckBeforeStore {
    fn append<'a>(&'a self, desk: &'a Desk, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            desk.paper.pause().await;
            self.store(desk);
            self.accept(desk, &append)
        })
    }

    fn poll<'a>(&'a self, desk: &'a Desk, poll: Poll<'a>) -> Answer<'a, Polled> {
        self.store(desk);
        Box::pin(desk.poll(poll))
    }

    fn arrival<'a>(
        &'a self,
        desk: &'a Desk,
        subscription: Subscription<'a>,
        offset: Offset,
    ) -> Answer<'a, ()> {
        Box::pin(async move {
            loop {
                let due = self.store(desk);
                let arrival = desk.arrival(subscription, offset);
                let changed = desk.paper.changed.notified();
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
