//! The small store that the bugs are planted in: its [`DurableState`], and a [`Behaviour`] that may do
//! a step in another way.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use broker::store::{
    Answer, Append, Epoch, Error, List, Listed, Part, Poll, Polled, Read, Size, Store, Subscribed,
    Subscription,
};
use broker_client::wire::{Offset, ProducerId, TopicName};

use super::durable_state::DurableState;

/// What every behaviour works with.
pub(super) struct SmallStore {
    pub(super) state: Arc<DurableState>,
}

/// How the steps are done: right, but for what a bug does in another way. What a behaviour keeps for
/// itself is gone with its broker.
pub(super) trait Behaviour: Send + Sync + 'static {
    /// In place of [`Store::append`].
    fn append<'a>(&'a self, store: &'a SmallStore, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(store.append(append))
    }

    /// In place of [`Store::poll`].
    fn poll<'a>(&'a self, store: &'a SmallStore, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(store.poll(poll))
    }

    /// In place of [`Store::arrival`].
    fn arrival<'a>(
        &'a self,
        store: &'a SmallStore,
        subscription: Subscription<'a>,
        offset: Offset,
    ) -> Answer<'a, ()> {
        Box::pin(store.arrival(subscription, offset))
    }

    /// Whether what an append has written is synced before it is acknowledged.
    fn syncs_before_it_acks(&self) -> bool {
        true
    }
}

/// No bug.
pub(super) struct Correct;

impl Behaviour for Correct {}

impl SmallStore {
    /// All in one step, with a pause on either side.
    pub(super) async fn append(&self, append: Append<'_>) -> Result<Offset, Error> {
        self.state.pause().await;
        let offset = self.state.appending(&append, |log| match log.repeated(&append)? {
            Some(offset) => Ok(offset),
            None => {
                let end = log.end();
                log.write(&append, end);
                Ok(end)
            }
        })?;
        self.state.changed.notify_waiters();
        self.state.pause().await;
        Ok(offset)
    }

    /// All in one step, with a pause on either side.
    pub(super) async fn poll(&self, poll: Poll<'_>) -> Result<Polled, Error> {
        self.state.pause().await;
        let polled = self.state.consuming(&poll.subscription, |log| log.poll(&poll))?;
        self.state.pause().await;
        Ok(polled)
    }

    /// Looks only after it has begun to listen.
    pub(super) async fn arrival(
        &self,
        subscription: Subscription<'_>,
        offset: Offset,
    ) -> Result<(), Error> {
        loop {
            let changed = self.state.changed.notified();
            if self.state.consuming(&subscription, |log| Ok(log.end()))? > offset {
                return Ok(());
            }
            changed.await;
        }
    }
}

/// The store with a behaviour in it.
pub(super) struct BuggyStore {
    pub(super) store: SmallStore,
    pub(super) behaviour: Box<dyn Behaviour>,
}

impl Store for BuggyStore {
    fn epoch(&self) -> &Epoch {
        self.store.state.epoch()
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        Box::pin(async move {
            self.store.state.admit(true).await?;
            self.store.state.create_topic(&topic)
        })
    }

    /// Never: no run deletes topics.
    fn delete_topic<'a>(&'a self, _topic: &'a str) -> Answer<'a, ()> {
        Box::pin(ready(Err(Error::Refused("this store deletes no topics".to_owned()))))
    }

    fn topics<'a>(&'a self, list: List<'a>) -> Answer<'a, Listed> {
        Box::pin(ready(self.store.state.topics(&list)))
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        Box::pin(async move {
            self.store.state.admit(true).await?;
            Ok(self.store.state.register_producer(&topic))
        })
    }

    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed> {
        Box::pin(async move {
            self.store.state.admit(true).await?;
            self.store.state.sync(None).await?;
            self.store.state.register_consumer(topic)
        })
    }

    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(async move {
            self.store.state.admit(true).await?;
            let offset = self.behaviour.append(&self.store, append).await?;
            // Also what repeats: the broker that wrote it may have been killed before it was synced.
            if self.behaviour.syncs_before_it_acks() {
                self.store.state.sync(None).await?;
            }
            Ok(offset)
        })
    }

    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(async move {
            self.store.state.admit(false).await?;
            let polled = self.behaviour.poll(&self.store, poll).await?;
            // What is delivered is not to be forgotten, either.
            self.store.state.sync(None).await?;
            Ok(polled)
        })
    }

    fn size<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, Size> {
        let size = |log: &mut super::log::Log| Ok(log.size(subscription.consumer));
        Box::pin(ready(self.store.state.consuming(&subscription, size)))
    }

    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.store.state.admit(false).await?;
            self.store.state.consuming(&subscription, |log| {
                log.move_to(subscription.consumer, None);
                Ok(())
            })?;
            self.store.state.changed.notify_waiters();
            self.store.state.sync(None).await
        })
    }

    /// None: simulations are over before anybody is idle for long.
    fn end_idle(&self, _idle: Duration) -> Answer<'_, usize> {
        Box::pin(ready(Ok(0)))
    }

    /// None either.
    fn end_idle_producers(&self, _idle: Duration) -> Answer<'_, usize> {
        Box::pin(ready(Ok(0)))
    }

    /// Everything is kept.
    fn tidy(&self) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()> {
        self.behaviour.arrival(&self.store, subscription, offset)
    }

    fn read<'a>(&'a self, read: Read<'a>) -> Answer<'a, Part> {
        Box::pin(ready(self.store.state.read(&read)))
    }

    fn ready(&self) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }
}
