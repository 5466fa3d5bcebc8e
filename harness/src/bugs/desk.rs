//! The small store that the bugs are planted in: a broker's desk, with what is written down on
//! [`Paper`] and with a [`Mistake`] that may do a step in its own way.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use broker::store::{
    Answer, Append, Epoch, Error, Part, Poll, Polled, Read, Size, Store, Subscribed, Subscription,
};
use broker_client::wire::{Offset, ProducerId, TopicName};

use super::paper::Paper;

/// What every mistake works with.
pub(super) struct Desk {
    pub(super) paper: Arc<Paper>,
}

/// A way to do a step. What is not done in an own way is done right; what the mistake keeps for
/// itself is gone with its broker.
pub(super) trait Mistake: Send + Sync + 'static {
    /// In place of [`Store::append`].
    fn append<'a>(&'a self, desk: &'a Desk, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(desk.append(append))
    }

    /// In place of [`Store::poll`].
    fn poll<'a>(&'a self, desk: &'a Desk, poll: Poll<'a>) -> Answer<'a, Polled> {
        Box::pin(desk.poll(poll))
    }

    /// In place of [`Store::arrival`].
    fn arrival<'a>(
        &'a self,
        desk: &'a Desk,
        subscription: Subscription<'a>,
        offset: Offset,
    ) -> Answer<'a, ()> {
        Box::pin(desk.arrival(subscription, offset))
    }
}

/// No mistake.
pub(super) struct Careful;

impl Mistake for Careful {}

impl Desk {
    /// All in one step, with a pause on either side.
    pub(super) async fn append(&self, append: Append<'_>) -> Result<Offset, Error> {
        self.paper.pause().await;
        let offset = self.paper.appending(&append, |log| match log.repeated(&append)? {
            Some(offset) => Ok(offset),
            None => {
                let end = log.end();
                log.write(&append, end);
                Ok(end)
            }
        })?;
        self.paper.changed.notify_waiters();
        self.paper.pause().await;
        Ok(offset)
    }

    /// All in one step, with a pause on either side.
    pub(super) async fn poll(&self, poll: Poll<'_>) -> Result<Polled, Error> {
        self.paper.pause().await;
        let polled = self.paper.consuming(&poll.subscription, |log| log.poll(&poll))?;
        self.paper.pause().await;
        Ok(polled)
    }

    /// Looks only after it has begun to listen.
    pub(super) async fn arrival(
        &self,
        subscription: Subscription<'_>,
        offset: Offset,
    ) -> Result<(), Error> {
        loop {
            let changed = self.paper.changed.notified();
            if self.paper.consuming(&subscription, |log| Ok(log.end()))? > offset {
                return Ok(());
            }
            changed.await;
        }
    }
}

/// The store with a mistake in it.
pub(super) struct Wrong {
    pub(super) desk: Desk,
    pub(super) mistake: Box<dyn Mistake>,
}

impl Store for Wrong {
    fn epoch(&self) -> &Epoch {
        self.desk.paper.epoch()
    }

    fn create_topic(&self, topic: TopicName) -> Answer<'_, ()> {
        Box::pin(ready(self.desk.paper.create_topic(topic)))
    }

    fn topics(&self) -> Answer<'_, Vec<TopicName>> {
        Box::pin(ready(Ok(self.desk.paper.topics())))
    }

    fn register_producer(&self, topic: TopicName) -> Answer<'_, ProducerId> {
        Box::pin(ready(Ok(self.desk.paper.register_producer(topic))))
    }

    fn register_consumer<'a>(&'a self, topic: &'a str) -> Answer<'a, Subscribed> {
        Box::pin(ready(self.desk.paper.register_consumer(topic)))
    }

    fn append<'a>(&'a self, append: Append<'a>) -> Answer<'a, Offset> {
        self.mistake.append(&self.desk, append)
    }

    fn poll<'a>(&'a self, poll: Poll<'a>) -> Answer<'a, Polled> {
        self.mistake.poll(&self.desk, poll)
    }

    fn size<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, Size> {
        let size = |log: &mut super::paper::Log| Ok(log.size(subscription.consumer));
        Box::pin(ready(self.desk.paper.consuming(&subscription, size)))
    }

    fn unsubscribe<'a>(&'a self, subscription: Subscription<'a>) -> Answer<'a, ()> {
        let ended = self.desk.paper.consuming(&subscription, |log| {
            log.positions.remove(&subscription.consumer);
            Ok(())
        });
        self.desk.paper.changed.notify_waiters();
        Box::pin(ready(ended))
    }

    /// None: simulations are over before anybody is idle for long.
    fn end_idle(&self, _idle: Duration) -> Answer<'_, usize> {
        Box::pin(ready(Ok(0)))
    }

    fn arrival<'a>(&'a self, subscription: Subscription<'a>, offset: Offset) -> Answer<'a, ()> {
        self.mistake.arrival(&self.desk, subscription, offset)
    }

    fn read<'a>(&'a self, read: Read<'a>) -> Answer<'a, Part> {
        Box::pin(ready(self.desk.paper.read(&read)))
    }

    fn ready(&self) -> Answer<'_, ()> {
        Box::pin(ready(Ok(())))
    }
}
