//! A consumer of any number of topics.

use std::future::poll_fn;
use std::ops::Range;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::backoff::Retry;
use crate::client::Client;
use crate::error::Error;
use crate::messages::Messages;
use crate::subscription::Subscription;
use crate::wire::{Offset, TopicName};

pub use self::delivery::{Delivered, Delivery};
use self::topic_poll::TopicPoll;

mod delivery;
mod topic_poll;

/// How a [`Consumer`] polls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// At most so many messages an answer; at least 1. Default 100.
    pub max: u32,
    /// How long the broker holds a poll for which there is nothing; it may cap it. Default 20 s.
    pub wait: Duration,
    /// How a poll that failed is repeated before the failure is shown.
    pub retry: Retry,
}

impl Default for Options {
    fn default() -> Self {
        Self { max: 100, wait: Duration::from_secs(20), retry: Retry::default() }
    }
}

/// Gets messages from topics, each in the order of its log and, as long as the broker's store
/// lives, each exactly once.
///
/// One request per topic is under way at a time, in a task of its own, and answers are handed out
/// in turn: a busy topic does not keep a quiet one waiting. A program may take its time between
/// calls, as long as it does not block the thread that these tasks run on.
///
/// Messages are acknowledged by the next request for their topic, which one of the next calls of
/// [`Consumer::poll`] makes, so nothing is acknowledged before the program came back for more.
///
/// End a consumer with [`Consumer::unsubscribe`]. Dropping it stops its requests and leaves its
/// subscriptions on the broker, which keeps messages for them until it ends them by itself
/// (`--subscription-idle`).
#[derive(Debug)]
pub struct Consumer {
    client: Client,
    options: Options,
    polls: Vec<TopicPoll>,
    /// The place of the topic that is polled first.
    turn: usize,
}

/// A poll that failed for good, or that found messages deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("polling {topic}: {error}")]
pub struct PollError {
    /// Of this topic.
    pub topic: TopicName,
    /// Why.
    pub error: Error,
    /// Where the broker's retention has deleted messages before they came: their offsets. The next poll
    /// goes on behind them.
    pub deleted: Option<Range<Offset>>,
}

impl Consumer {
    /// A consumer of nothing yet, with default options.
    #[must_use]
    pub fn new(client: &Client) -> Self {
        Self::with_options(client, Options::default())
    }

    /// A consumer of nothing yet.
    #[must_use]
    pub fn with_options(client: &Client, options: Options) -> Self {
        Self { client: client.clone(), options, polls: Vec::new(), turn: 0 }
    }

    /// Subscribes to what is appended to the topic from now on. A topic that is subscribed to
    /// already is subscribed to anew, which is the way on after its broker lost its store; the
    /// subscription before is ended first, and what it had not brought yet is passed over.
    ///
    /// # Errors
    /// As [`Subscription::unsubscribe`], where there was one before, and as
    /// [`Subscription::subscribe`]. The subscription before may have ended then, which polls show;
    /// calling again is fine.
    pub async fn subscribe(&mut self, topic: &TopicName) -> Result<(), Error> {
        let before = self.polls.iter().position(|poll| poll.subscription.topic() == topic);
        if let Some(place) = before {
            self.polls[place].stop().await;
            self.polls[place].subscription.end().await?;
        }
        let subscription =
            Subscription::subscribe(&self.client, topic, &self.options.retry).await?;
        let poll = TopicPoll::new(subscription);
        match before {
            Some(place) => self.polls[place] = poll,
            None => self.polls.push(poll),
        }
        Ok(())
    }

    /// The subscriptions, in the order in which they were made.
    pub fn subscriptions(&self) -> impl Iterator<Item = &Subscription> {
        self.polls.iter().map(|poll| &poll.subscription)
    }

    /// Waits for messages of any topic; for ever, if there is no subscription.
    ///
    /// The future may be dropped, as `tokio::time::timeout` does, without losing a message.
    ///
    /// # Errors
    /// A topic's poll was refused, or failed until the bounds for repeating were reached; if that
    /// was over before this call, it is tried once more before it is shown. Calling again is fine:
    /// the other topics are not affected, and this one is tried again. After
    /// [`wire::Code::WrongEpoch`](crate::wire::Code::WrongEpoch) it needs
    /// [`Consumer::subscribe`]; what the lost store held is lost. After
    /// [`wire::Code::UnknownConsumer`](crate::wire::Code::UnknownConsumer) its topic was deleted, or
    /// the broker ended the subscription.
    ///
    /// Where retention has deleted messages that this consumer had yet to get, that is said once, by
    /// [`PollError::deleted`], and the next call goes on with what is left.
    pub async fn poll(&mut self) -> Result<Delivery, PollError> {
        if self.polls.is_empty() {
            std::future::pending::<()>().await;
        }
        for poll in &mut self.polls {
            poll.begin();
        }
        let (place, result) = poll_fn(|context| self.poll_topics(context)).await;
        self.turn = (place + 1) % self.polls.len();
        let subscription = &mut self.polls[place].subscription;
        let topic = subscription.topic().clone();
        match result {
            Ok(messages) => {
                subscription.accept(&messages);
                Ok(Delivery::new(topic, messages))
            }
            Err(error) => {
                let deleted = subscription.skip_deleted(&error);
                Err(PollError { topic, error, deleted })
            }
        }
    }

    /// Acknowledges everything that was handed out. Needed only before a pause, or before the
    /// program ends without [`Consumer::unsubscribe`].
    ///
    /// # Errors
    /// The first topic's failure; the others are acknowledged nevertheless.
    pub async fn acknowledge(&self) -> Result<(), PollError> {
        let mut result = Ok(());
        // Whatever is under way: a request may have acknowledged already, or may never arrive.
        for subscription in self.subscriptions() {
            if let Err(error) = subscription.acknowledge().await {
                let topic = subscription.topic().clone();
                result = result.and(Err(PollError { topic, error, deleted: None }));
            }
        }
        result
    }

    /// Ends all subscriptions.
    ///
    /// # Errors
    /// The first topic's failure; the others are ended nevertheless.
    pub async fn unsubscribe(self) -> Result<(), PollError> {
        let mut result = Ok(());
        for mut poll in self.polls {
            poll.stop().await;
            let topic = poll.subscription.topic().clone();
            if let Err(error) = poll.subscription.unsubscribe().await {
                result = result.and(Err(PollError { topic, error, deleted: None }));
            }
        }
        result
    }

    /// Advances every topic's request, beginning with the one whose turn it is, and completes with
    /// the first that brought something.
    fn poll_topics(&mut self, context: &mut Context<'_>) -> Poll<(usize, Result<Messages, Error>)> {
        let Options { max, wait, .. } = self.options;
        let count = self.polls.len();
        for place in (self.turn..count).chain(0..self.turn) {
            if let Poll::Ready(result) = self.polls[place].poll(max, wait, context) {
                return Poll::Ready((place, result));
            }
        }
        Poll::Pending
    }
}
