//! Polls: the messages from a position on, and the position moved in the database before they are
//! handed out. Another broker may have moved it since this one last saw it.

use std::sync::Arc;

use broker_client::wire::Offset;
use tokio::time::Instant;

use super::MysqlStore;
use super::failure::Failure;
use super::positions::{Move, Moved};
use super::subscriptions::{KnownPosition, Subscribed};
use super::topic::Topic;
use crate::store::segment::{Taking, as_offset};
use crate::store::{Error, Poll, Polled};

impl MysqlStore {
    pub(super) async fn poll_now(&self, poll: &Poll<'_>, until: Instant) -> Result<Polled, Error> {
        self.topics.forget_if_lost();
        let subscription = self.subscriptions.find(&poll.subscription, until).await?;
        let polled = self.poll_known(poll, &subscription, until).await;
        if polled.is_err() && subscription.topic.tail.is_deleted() {
            let consumer = poll.subscription.consumer;
            self.subscriptions.forget(consumer);
            return Err(Error::UnknownConsumer(consumer));
        }
        polled
    }

    async fn poll_known(
        &self,
        poll: &Poll<'_>,
        subscription: &Subscribed,
        until: Instant,
    ) -> Result<Polled, Error> {
        let topic = &subscription.topic;
        let busy = || Error::Unavailable("another poll of this consumer takes too long".to_owned());
        // Polls of one consumer follow each other.
        let locked = tokio::time::timeout_at(until, subscription.known.lock()).await;
        let mut known = locked.map_err(|_| busy())?;
        let mut is_repeated = false;
        loop {
            let KnownPosition { position: from, is_durable } = *known;
            let left = if poll.max > 0 { topic.tail.first() } else { 0 };
            let start = poll.offset.unwrap_or(from.max(left));
            // What is passed is passed for good, but how far is for the database to say.
            let is_passed = start < from;
            let taken = if is_passed {
                Taking::new(start, 0, 0)
            } else {
                self.check_end(topic, poll.offset, until).await?;
                let taking = Taking::for_poll(start, poll);
                match self.take(topic, taking, poll.waits, until).await {
                    Ok(taken) => taken,
                    Err(error) => match self.moved_on(poll, from, until).await? {
                        Some(position) => {
                            *known = KnownPosition { position, is_durable: false };
                            continue;
                        }
                        // From where messages are left.
                        None if error.is_deleted() && poll.offset.is_none() => continue,
                        None => return Err(error),
                    },
                }
            };
            if let Some(bytes) = taken.too_large {
                return Err(Error::NoRoom { bytes });
            }
            let to = match poll.offset {
                _ if is_passed => from,
                Some(start) => start,
                None => taken.next,
            };
            let stays = to == from;
            if poll.waits && stays && is_durable && !is_passed && taken.messages.is_empty() {
                return Ok(Polled { messages: taken.messages, position: to });
            }
            let consumer = poll.subscription.consumer;
            // What another broker is just committing must not be confirmed before it is on disk.
            let barrier = stays && !is_durable && poll.offset.is_some();
            let moved = match self.positions.ask(Move { consumer, from, to, barrier }, until).await
            {
                // Whether it has moved or not: a poll that says from where it reads gets the same.
                Err(Error::OutcomeUnknown(_)) if poll.offset.is_some() && !is_repeated => {
                    is_repeated = true;
                    continue;
                }
                moved => moved?,
            };
            match moved {
                Moved::Done if is_passed => {
                    return Err(Error::OffsetPassed { given: start, position: from });
                }
                Moved::Done => {
                    *known =
                        KnownPosition { position: to, is_durable: is_durable || barrier || !stays };
                    topic.counts.delivered(as_offset(taken.messages.len()));
                    return Ok(Polled { messages: taken.messages, position: to });
                }
                Moved::Stands(position) => *known = KnownPosition { position, is_durable: false },
                Moved::Gone => {
                    self.subscriptions.forget(consumer);
                    return Err(Error::UnknownConsumer(consumer));
                }
            }
        }
    }

    /// Where a subscription stands that another broker has moved on from where this one believed
    /// it to be: what it passed by then may be deleted, and cannot be read any more.
    async fn moved_on(
        &self,
        poll: &Poll<'_>,
        from: Offset,
        until: Instant,
    ) -> Result<Option<Offset>, Error> {
        let consumer = poll.subscription.consumer;
        let looking = Move { consumer, from, to: from, barrier: false };
        match self.positions.ask(looking, until).await {
            Ok(Moved::Stands(stands)) => Ok(Some(stands)),
            Ok(Moved::Gone) => {
                self.subscriptions.forget(consumer);
                Err(Error::UnknownConsumer(consumer))
            }
            Ok(Moved::Done) | Err(_) => Ok(None),
        }
    }

    /// Refuses an offset past the end of the log.
    async fn check_end(
        &self,
        topic: &Topic,
        offset: Option<Offset>,
        until: Instant,
    ) -> Result<(), Error> {
        match offset {
            Some(given) if given > topic.tail.durable_end() => {
                let end = self.end(topic, until).await?;
                if given > end { Err(Error::OffsetBeyond { given, end }) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    /// Takes what there is, out of memory as far as it is there. [`Error::OffsetDeleted`] where
    /// the first that is wanted is deleted.
    pub(super) async fn take(
        &self,
        topic: &Arc<Topic>,
        mut taking: Taking,
        waits: bool,
        until: Instant,
    ) -> Result<Taking, Error> {
        let mut is_asked = false;
        loop {
            let (given, first) = (taking.next, topic.tail.first());
            if given < first && !taking.is_full() {
                let is_begun = !taking.messages.is_empty();
                return if is_begun {
                    Ok(taking)
                } else {
                    Err(Error::OffsetDeleted { given, first })
                };
            }
            topic.tail.take(&mut taking);
            if taking.is_full() {
                return Ok(taking);
            }
            let end = match topic.tail.end() {
                // An answer with messages may lack those of a moment ago, and so may one that
                // waits for them.
                Some(end) if is_asked || waits || !taking.messages.is_empty() => end,
                Some(end) if end > taking.next => end,
                _ => {
                    is_asked = true;
                    self.end(topic, until).await?
                }
            };
            if taking.next >= end {
                return Ok(taking);
            }
            match topic.read(taking.next, until).await.map_err(Failure::into_error)? {
                Some(segment) => taking.take_from(&segment),
                // Either another poll has read them, or the log is shorter than it seemed.
                None if topic.tail.gap(taking.next) == Some(0) => {}
                None if topic.tail.first() > taking.next => {}
                None => {
                    self.end(topic, until).await?;
                    if !taking.messages.is_empty() || is_asked {
                        return Ok(taking);
                    }
                    is_asked = true;
                }
            }
        }
    }

    /// Where the log of a topic ends now; [`Error::UnknownTopic`] where it is deleted.
    pub(super) async fn end(&self, topic: &Topic, until: Instant) -> Result<Offset, Error> {
        let ends = self.ends.ask(vec![topic.id], until).await?;
        let end = *ends.first().expect("as many ends come as topics were asked for");
        let Some(end) = end else {
            topic.tail.delete();
            return Err(Error::UnknownTopic(topic.name.as_str().to_owned()));
        };
        topic.tail.see(end);
        Ok(end)
    }
}
