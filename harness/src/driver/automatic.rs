//! A subscription to our broker that is acknowledged by the poll itself, as the original's clients
//! do it: what an answer brings is gone from the broker, whether or not the answer arrives.

use std::time::Duration;

use broker_client::Client;
use broker_client::wire::{self, ConsumerId, Offset, TopicName};

use super::http::failed;
use super::{Batch, Failure, Pending, Subscriber};

pub(super) struct Consumer {
    client: Client,
    topic: TopicName,
    id: ConsumerId,
    epoch: Option<String>,
    start: Option<Offset>,
}

impl Consumer {
    pub(super) fn new(
        client: &Client,
        topic: &TopicName,
        id: ConsumerId,
        epoch: Option<String>,
        start: Option<Offset>,
    ) -> Self {
        Self { client: client.clone(), topic: topic.clone(), id, epoch, start }
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> (Option<ConsumerId>, Option<&str>) {
        (Some(self.id), self.epoch.as_deref())
    }

    fn start(&self) -> Option<Offset> {
        self.start
    }

    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            let request = wire::Consume {
                topic: self.topic.as_str(),
                consumer_id: self.id,
                epoch: self.epoch.as_deref(),
                offset: None,
                max: Some(max.into()),
                wait_ms: u64::try_from(wait.as_millis()).ok().filter(|millis| *millis > 0),
            };
            let polled = self.client.consume(&request).await;
            *batch = polled.map_err(|error| failed("polling", &self.topic, &error))?.into();
            Ok(())
        })
    }

    fn can_wait(&self) -> bool {
        true
    }

    fn cancel_safe(&self) -> bool {
        false
    }

    fn unsubscribe(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
        Box::pin(async move {
            let request = wire::Subscription {
                topic: self.topic.as_str(),
                consumer_id: self.id,
                epoch: self.epoch.as_deref(),
            };
            let ended = self.client.unsubscribe(&request).await;
            ended.map_err(|error| failed("unsubscribing from", &self.topic, &error))
        })
    }
}
