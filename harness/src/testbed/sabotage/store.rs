//! A store with a trick in it.

use std::time::Duration;

use broker::store::{
    Answer, Append, Epoch, Part, Poll, Polled, Read, Size, Store, Subscribed, Subscription,
};
use broker_client::wire::{Offset, ProducerId, TopicName};

use super::truth::Truth;

/// A way to be wrong: what it does not change goes to the store that is right.
pub(super) trait Trick: Send + Sync + 'static {
    /// In place of [`Store::append`]. It appends by [`Truth::append`].
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(truth.append(append))
    }

    /// In place of [`Store::poll`], for polls that acknowledge by offset.
    fn poll<'a>(&'a self, truth: &'a Truth, poll: Poll<'a>) -> Answer<'a, Polled> {
        truth.store.poll(poll)
    }

    /// In place of [`Store::arrival`]. It must not complete for messages that [`Trick::poll`]
    /// keeps back: whoever waits would poll again and again.
    fn arrival<'a>(
        &'a self,
        truth: &'a Truth,
        subscription: Subscription<'a>,
        offset: Offset,
    ) -> Answer<'a, ()> {
        truth.store.arrival(subscription, offset)
    }
}

/// A store that is right but for its trick.
pub(super) struct Saboteur<T> {
    pub(super) truth: Truth,
    pub(super) trick: T,
}

impl<T: Trick> Store for Saboteur<T> {
    fn epoch(&self) -> &Epoch {
        self.truth.store.epoch()
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        self.truth.store.create_topic(topic)
    }

    fn topics(&self) -> Answer<'_, Vec<TopicName>> {
        self.truth.store.topics()
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        self.truth.store.register_producer(topic)
    }

    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed> {
        Box::pin(async move {
            let _turn = self.truth.subscribing.lock().await;
            let subscribed = self.truth.store.register_consumer(topic).await?;
            self.truth.subscribed(topic, subscribed.consumer);
            Ok(subscribed)
        })
    }

    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset> {
        self.trick.append(&self.truth, append)
    }

    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled> {
        if poll.offset.is_none() {
            return self.truth.store.poll(poll);
        }
        self.trick.poll(&self.truth, poll)
    }

    fn size<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, Size> {
        self.truth.store.size(subscription)
    }

    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()> {
        Box::pin(async move {
            self.truth.store.unsubscribe(subscription).await?;
            self.truth.unsubscribed(subscription.topic, subscription.consumer);
            Ok(())
        })
    }

    fn end_idle(&self, idle: Duration) -> Answer<'_, usize> {
        self.truth.store.end_idle(idle)
    }

    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()> {
        self.trick.arrival(&self.truth, subscription, offset)
    }

    /// What is really there: an audit is not to be deceived.
    fn read<'a>(&'a self, read: Read<'a>) -> Answer<'a, Part> {
        self.truth.store.read(read)
    }

    fn ready(&self) -> Answer<'_, ()> {
        self.truth.store.ready()
    }
}
