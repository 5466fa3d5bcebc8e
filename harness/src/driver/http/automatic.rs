//! Our broker polled as the original's clients poll (`acknowledge: automatic`): without an offset, so
//! that a poll acknowledges by itself what it brings. It is gone from the broker, whether or not its
//! answer arrives.

use std::time::Duration;

use broker_client::wire::{self, Code, ConsumerId, TopicName};
use broker_client::{Client, Error};
use futures_util::future::BoxFuture;

use super::failure::{failed, failed_under};
use super::reading::Reading;
use crate::driver::batch::Batch;
use crate::driver::client::Session;
use crate::driver::contract::Subscriber;
use crate::driver::failure::Failure;
use crate::history::Offset;

/// What a subscription was made with.
pub(super) struct Claim {
    pub(super) client: Client,
    pub(super) topic: TopicName,
    pub(super) id: ConsumerId,
    pub(super) epoch: String,
    /// Where the subscription starts.
    pub(super) start: Option<Offset>,
}

pub(super) struct Consumer {
    claim: Claim,
    session: Session,
    reading: Reading,
}

impl Consumer {
    pub(super) fn new(claim: Claim, reading: Reading) -> Self {
        let session = Session { id: Some(claim.id.to_string()), epoch: Some(claim.epoch.clone()) };
        Self { claim, session, reading }
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        self.claim.start
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            let Claim { client, topic, id, .. } = &self.claim;
            let wait = u64::try_from(wait.as_millis()).ok().filter(|millis| *millis > 0);
            let request = wire::Consume {
                topic: topic.as_str(),
                consumer_id: *id,
                epoch: self.session.epoch.as_deref(),
                offset: None,
                max: Some(max.into()),
                wait_ms: wait,
            };
            match client.consume(&request).await {
                Ok(messages) => {
                    let filled = self.reading.fill(batch, messages);
                    filled.map_err(|unnamed| unnamed.failure("polling", topic))
                }
                Err(Error::Refused(refusal)) if refusal.code == Some(Code::Empty) => Ok(()),
                Err(error) => Err(failed_under((*id, true), "polling", topic, &error)),
            }
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn cancel_safe(&self) -> bool {
        false
    }

    fn unsubscribe(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        Box::pin(async move {
            let Claim { client, topic, id, .. } = &self.claim;
            let epoch = self.session.epoch.as_deref();
            let request = wire::Subscription { topic: topic.as_str(), consumer_id: *id, epoch };
            let ended = client.unsubscribe(&request).await;
            ended.map_err(|error| failed("unsubscribing from", topic, &error))
        })
    }
}
