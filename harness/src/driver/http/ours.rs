//! Our broker with all that it adds to the original routes: sequences, offsets, epochs.

use std::time::Duration;

use broker_client::{Messages, Progress, Subscription, TopicProducer};
use futures_util::future::{BoxFuture, ready};

use super::fail_over::Went;
use super::failure::{failed, failed_under, note, outcome};
use super::pipelined::Pipelined;
use super::reading::Reading;
use crate::driver::attempts::Attempts;
use crate::driver::batch::Batch;
use crate::driver::client::Session;
use crate::driver::contract::{Outgoing, Pending, Reply, Sender, Subscriber};
use crate::driver::failure::{Failure, FailureKind};
use crate::history::{Offset, Outcome};

/// Its requests go out one at a time or several at a time, and not now so and now so: the two count
/// sequences apart.
pub(super) struct Producer {
    registration: TopicProducer,
    pipelined: Pipelined,
    session: Session,
    is_over: bool,
    /// The number of the broker that it registered with, and where its requests go now; nothing where
    /// they all go to one.
    brokers: Option<(u32, Went)>,
}

impl Producer {
    pub(super) fn new(
        registration: TopicProducer,
        pipelined: Pipelined,
        went: Option<Went>,
    ) -> Self {
        let epoch = Some(registration.epoch().to_owned());
        let session = Session { id: Some(registration.id().to_string()), epoch };
        let brokers = went.map(|went| (went.number(), went));
        Self { registration, pipelined, session, is_over: false, brokers }
    }
}

impl Sender for Producer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn broker(&self) -> Option<u32> {
        self.brokers.as_ref().map(|(registered, _)| *registered)
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            if self.is_over {
                let why = "the registration is over, register anew".to_owned();
                return Reply::whole(messages.len(), Outcome::Refused { why }, 1);
            }
            // Also where this future is dropped.
            self.is_over = true;
            let payloads: Vec<&str> = messages.iter().map(|message| message.payload).collect();
            let went = self.brokers.as_ref().map(|(_, went)| went);
            let go_on = |attempts: &mut Attempts<'_>| {
                if let Some(went) = went {
                    attempts.go_to(went.number());
                }
            };
            let watch = &mut |progress: Progress<'_>| {
                if let Progress::Failed(_) = progress {
                    go_on(attempts);
                }
                note(attempts, progress);
            };
            let sent = self.registration.send_watched(&payloads, watch).await;
            go_on(attempts);
            self.is_over = sent.outcome.is_err();
            Reply::whole(messages.len(), outcome(sent.outcome.map(Some)), sent.attempts.max(1))
        })
    }

    fn issue<'a>(&'a mut self, messages: &'a [Outgoing<'a>]) -> BoxFuture<'a, Pending> {
        Box::pin(ready(self.pipelined.issue(messages)))
    }

    fn is_over(&self) -> bool {
        self.is_over || self.pipelined.is_over()
    }
}

/// So many answers in a row may bring messages and leave the position where it was: they come again
/// with every poll, and a broker of which that is known is not to be asked a million times.
const STANDING_STILL_MAX: u32 = 100;

pub(super) struct Consumer {
    subscription: Subscription,
    session: Session,
    reading: Reading,
    /// So many answers in a row did.
    standing_still: u32,
}

impl Consumer {
    pub(super) fn new(subscription: Subscription, reading: Reading) -> Self {
        let epoch = Some(subscription.epoch().to_owned());
        let session = Session { id: Some(subscription.id().to_string()), epoch };
        Self { subscription, session, reading, standing_still: 0 }
    }

    /// Takes note of whether an answer moved the position on from where it was asked for.
    fn moved_on(&mut self, asked: Offset, messages: &Messages) -> Result<(), Failure> {
        if self.subscription.position() > asked {
            self.standing_still = 0;
        } else if !messages.is_empty() {
            self.standing_still += 1;
        }
        if self.standing_still <= STANDING_STILL_MAX {
            return Ok(());
        }
        let (topic, greatest) = (self.subscription.topic(), messages.end().unwrap_or(0));
        Err(Failure::new(format!(
            "polling {topic}: the broker's offsets do not go on: asked for {asked} and what is \
             behind it, it handed out only what is before {greatest}, {STANDING_STILL_MAX} times \
             and more"
        )))
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        Some(self.subscription.start())
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            let asked = self.subscription.position();
            let polled = self.subscription.poll(max, wait).await;
            let (topic, under) = (self.subscription.topic(), (self.subscription.id(), true));
            let messages = polled.map_err(|error| {
                let failure = failed_under(under, "polling", topic, &error);
                let (from, to) = (asked, self.subscription.position());
                let is_deleted = error.deleted_before().is_some() && to > from;
                let kind =
                    if is_deleted { FailureKind::Deleted { from, to } } else { failure.kind };
                Failure { kind, ..failure }
            })?;
            self.moved_on(asked, &messages)?;
            let topic = self.subscription.topic();
            self.reading.fill(batch, messages).map_err(|unnamed| unnamed.failure("polling", topic))
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let topic = self.subscription.topic().clone();
            let ended = self.subscription.unsubscribe().await;
            ended.map_err(|error| failed("unsubscribing from", &topic, &error))
        })
    }
}
