//! One consumer's subscription, over the driver's process.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::answer::{Done, Polled};
use super::process::{Asked, PATIENCE, Process};
use super::registrations::Registrations;
use super::request::Request;
use crate::driver::batch::Batch;
use crate::driver::client::Session;
use crate::driver::contract::Subscriber;
use crate::driver::failure::{Failure, FailureKind};
use crate::history::Offset;
use crate::plan::TopicIndex;

/// See [`Subscriber`].
pub(super) struct ExecSubscriber {
    pub(super) process: Arc<Process>,
    pub(super) registrations: Arc<Registrations>,
    pub(super) topic: TopicIndex,
    /// As the broker knows it.
    pub(super) name: String,
    pub(super) session: Session,
    pub(super) start: Option<Offset>,
    /// Whether a poll may wait.
    pub(super) waits: bool,
    /// The poll that is under way: one that was given up may bring messages yet.
    pub(super) asked: Option<Asked>,
    /// Whether something was delivered that is not acknowledged.
    pub(super) is_owed: bool,
}

impl ExecSubscriber {
    fn id(&self) -> &str {
        self.session.id.as_deref().unwrap_or_default()
    }

    /// Acknowledges everything that was delivered.
    async fn acknowledge(&mut self) -> Result<(), Failure> {
        if self.is_owed {
            let ack = Request::Ack { topic: &self.name, subscription: self.id() };
            let epoch = self.session.epoch.as_deref();
            self.process.call::<Done>(&ack, PATIENCE, epoch).await?;
            self.is_owed = false;
        }
        Ok(())
    }

    /// The answer to the poll that is under way, which is asked where there is none. May be dropped.
    async fn answer(&mut self, max: u32, wait: Duration) -> Result<Polled, Failure> {
        if self.asked.is_none() {
            let wait_ms = if self.waits { wait } else { Duration::ZERO }.as_millis();
            let wait_ms = u64::try_from(wait_ms).unwrap_or(u64::MAX);
            let poll = Request::Poll { topic: &self.name, subscription: self.id(), max, wait_ms };
            let asked = self.process.ask(&poll, wait + PATIENCE);
            self.asked = Some(asked.map_err(|why| gone(&why))?);
        }
        let asked = self.asked.as_mut().expect("it was asked above");
        let said = asked.answer().await.map_err(|silence| self.process.failure(&silence))?;
        self.asked = None;
        self.process.understand(&said, "poll", self.session.epoch.as_deref())
    }

    /// Whether all of it is of the life of the store that the subscription was made in.
    fn check_epoch(&self, polled: &Polled) -> Result<(), Failure> {
        let own = self.session.epoch.as_deref();
        let other = |epoch: &&str| Some(*epoch) != own;
        match polled.messages.iter().filter_map(|message| message.epoch.as_deref()).find(other) {
            None => Ok(()),
            Some(other) => {
                let kind = FailureKind::SessionOver { in_same_life: Some(false) };
                let why = format!("it brought messages of another life of the store, {other}");
                Err(Failure { kind, ..Failure::new(why) })
            }
        }
    }
}

/// The failure of a poll that nobody is there for any more.
fn gone(why: &str) -> Failure {
    Failure { kind: FailureKind::Final, ..Failure::new(why) }
}

impl Subscriber for ExecSubscriber {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        self.start
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            self.acknowledge().await?;
            // It was asked before this call, so that nothing in it says nothing about now.
            let mut is_old = self.asked.is_some();
            loop {
                let polled = self.answer(max, wait).await?;
                self.check_epoch(&polled)?;
                if polled.messages.is_empty() && is_old {
                    is_old = false;
                    continue;
                }
                self.is_owed = !polled.messages.is_empty();
                self.registrations.fill(self.topic, &polled.messages, batch);
                return Ok(());
            }
        })
    }

    fn can_wait(&self) -> bool {
        self.waits
    }

    fn cancel_safe(&self) -> bool {
        true
    }

    fn unsubscribe(mut self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            self.acknowledge().await?;
            let end = Request::Unsubscribe { topic: &self.name, subscription: self.id() };
            let epoch = self.session.epoch.as_deref();
            self.process.call::<Done>(&end, PATIENCE, epoch).await.map(|_| ())
        })
    }
}
