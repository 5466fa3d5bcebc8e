//! One lane a topic: keeps appends apart and messages out of sight while a trick puts two requests
//! side by side, and hands out neighbours in the wrong order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use broker::store::{Error, Message, Poll, Polled, Subscription};
use broker_client::wire::{ConsumerId, Offset};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

use super::told::Told;
use super::truth::{Truth, lock};

/// The lanes of all topics.
#[derive(Default)]
pub(super) struct Lanes {
    by_topic: Mutex<BTreeMap<String, Arc<Lane>>>,
}

impl Lanes {
    /// The topic's lane, made at its first use.
    pub(super) fn of(&self, topic: &str) -> Arc<Lane> {
        Arc::clone(lock(&self.by_topic).entry(topic.to_owned()).or_default())
    }
}

/// One topic's.
#[derive(Default)]
pub(super) struct Lane {
    /// Shared by requests that append as they come, held alone by one that must have its place.
    pub(super) turn: Arc<RwLock<()>>,
    /// Nothing from here on is handed out yet.
    hidden: Told<Option<Offset>>,
    /// The first of two neighbours that are handed out in the wrong order, and to whom.
    pairs: Mutex<BTreeMap<Offset, Whom>>,
}

/// Who gets a pair in the wrong order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// Every consumer.
    All,
    /// This one.
    One(ConsumerId),
}

/// A lane that is one's own: nobody else appends. Dropped, it is everybody's again and nothing is
/// hidden.
pub(super) struct Own {
    pub(super) lane: Arc<Lane>,
    _turn: OwnedRwLockWriteGuard<()>,
}

impl Own {
    /// Waits until nobody else appends.
    pub(super) async fn take(lane: &Arc<Lane>) -> Self {
        let turn = Arc::clone(&lane.turn).write_owned().await;
        Self { lane: Arc::clone(lane), _turn: turn }
    }

    /// Keeps everything from `offset` on out of sight. Must come before it is appended.
    pub(super) fn hide_from(&self, offset: Offset) {
        self.lane.hidden.change(|hidden| *hidden = Some(offset));
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.lane.hidden.change(|hidden| *hidden = None);
    }
}

impl Lane {
    /// From now on the message at `first` and the next one are handed out in the wrong order.
    /// Must come before they are in sight.
    pub(super) fn swap(&self, first: Offset, whom: Whom) {
        lock(&self.pairs).insert(first, whom);
    }

    /// Polls; both of a pair always come in one answer, with their true offsets.
    pub(super) async fn poll(&self, truth: &Truth, poll: Poll<'_>) -> Result<Polled, Error> {
        let Polled { messages: honest, position } = truth.store.poll(poll).await?;
        // Looked at after the poll: what is in it and to be hidden was hidden before it came.
        let hidden = self.hidden.look(|hidden| *hidden);
        let in_sight = |message: &Message| hidden.is_none_or(|from| message.offset < from);
        let mut answer: Vec<Message> = honest.iter().take_while(in_sight).collect();
        if let Some(first) = answer.last().filter(|last| self.is_swapped(poll, last.offset)) {
            let offset = first.offset;
            answer.pop();
            if answer.is_empty() {
                let whole = std::num::NonZeroUsize::MAX;
                let both = Poll { offset: Some(offset), max: 2, max_bytes: whole, ..poll };
                answer = truth.store.poll(both).await?.messages.iter().collect();
            }
        }
        let mut place = 1;
        while place < answer.len() {
            if self.is_swapped(poll, answer[place - 1].offset) {
                answer.swap(place - 1, place);
                let subscription = poll.subscription;
                truth.record.delivery(subscription.topic, subscription.consumer, &answer[place]);
                // The one that is late now must not be taken along any further.
                place += 1;
            }
            place += 1;
        }
        Ok(Polled { messages: answer.into_iter().collect(), position })
    }

    /// Waits until something past `offset` is in sight.
    pub(super) async fn arrival(
        &self,
        truth: &Truth,
        subscription: Subscription<'_>,
        offset: Offset,
    ) -> Result<(), Error> {
        let in_sight = |from: &Option<Offset>| from.is_none_or(|from| from > offset);
        loop {
            self.hidden.wait_for(in_sight).await;
            truth.store.arrival(subscription, offset).await?;
            if self.hidden.look(in_sight) {
                return Ok(());
            }
        }
    }

    fn is_swapped(&self, poll: Poll<'_>, first: Offset) -> bool {
        match lock(&self.pairs).get(&first) {
            Some(Whom::All) => true,
            Some(Whom::One(consumer)) => *consumer == poll.subscription.consumer,
            None => false,
        }
    }
}
