//! A broker that speaks only the six original routes: no batches, no sequences, no offsets.
//!
//! Nothing whose outcome is unknown is repeated, because the repetition would be a second message.
//! A message that was handed out is gone from the broker, whether or not its answer arrived.

use std::time::Duration;

use broker_client::wire::{self, Code, ConsumerId, Offset, ProducerId, TopicName};
use broker_client::{Client, Error, Refusal, Retry};

use super::http::{failed, outcome};
use super::{Batch, Delivered, Failure, Pending, Reply, Sender, Subscriber};

pub(super) struct Producer {
    client: Client,
    topic: TopicName,
    id: ProducerId,
    retry: Retry,
}

impl Producer {
    pub(super) fn new(client: &Client, topic: &TopicName, id: ProducerId, retry: &Retry) -> Self {
        Self { client: client.clone(), topic: topic.clone(), id, retry: retry.clone() }
    }
}

impl Sender for Producer {
    fn session(&self) -> (Option<ProducerId>, Option<&str>) {
        (Some(self.id), None)
    }

    fn send<'a>(&'a mut self, payloads: &'a [&'a str]) -> Pending<'a, Reply> {
        Box::pin(async move {
            let [payload] = payloads else {
                let message = "the original routes carry one message a request: set `batch: 1`";
                let refusal = Refusal { message: message.to_owned(), ..Refusal::default() };
                return Reply { outcome: outcome(Err(Error::Refused(refusal))), attempts: 1 };
            };
            let request = wire::Produce {
                topic: self.topic.as_str(),
                producer_id: self.id,
                message: Some(payload),
                messages: None,
                sequence: None,
                epoch: None,
            };
            let mut attempts = 0;
            let client = &self.client;
            let attempt = || {
                attempts += 1;
                let request = &request;
                async move {
                    match client.produce(request).await {
                        // It never left, so another attempt is no second message.
                        Err(error @ Error::NotSent(_)) => Err(error),
                        result => Ok(result),
                    }
                }
            };
            let result = self.retry.repeat(self.id.cast_unsigned(), attempt).await;
            let result = result.and_then(|result| result).map(|_| None);
            Reply { outcome: outcome(result), attempts }
        })
    }

    fn is_over(&self) -> bool {
        false
    }
}

pub(super) struct Consumer {
    client: Client,
    topic: TopicName,
    id: ConsumerId,
}

impl Consumer {
    pub(super) fn new(client: &Client, topic: &TopicName, id: ConsumerId) -> Self {
        Self { client: client.clone(), topic: topic.clone(), id }
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> (Option<ConsumerId>, Option<&str>) {
        (Some(self.id), None)
    }

    fn start(&self) -> Option<Offset> {
        None
    }

    /// One message at most, whatever `max` says, and at once.
    fn poll<'a>(
        &'a mut self,
        _max: u32,
        _wait: Duration,
        batch: &'a mut Batch,
    ) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            let request = wire::Consume {
                topic: self.topic.as_str(),
                consumer_id: self.id,
                epoch: None,
                offset: None,
                max: None,
                wait_ms: None,
            };
            match self.client.consume(&request).await {
                Ok(messages) => {
                    for message in messages.iter() {
                        let payload = message.payload;
                        batch.push(Delivered {
                            offset: None,
                            producer: None,
                            sequence: None,
                            payload,
                        });
                    }
                    Ok(())
                }
                Err(Error::Refused(refusal)) if is_empty(&refusal) => Ok(()),
                Err(error) => Err(failed("polling", &self.topic, &error)),
            }
        })
    }

    fn can_wait(&self) -> bool {
        false
    }

    fn cancel_safe(&self) -> bool {
        false
    }

    /// There is no route for it.
    fn unsubscribe(self: Box<Self>) -> Pending<'static, Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The original has no codes: its words decide, spelt as it spells them.
fn is_empty(refusal: &Refusal) -> bool {
    refusal.code == Some(Code::Empty) || refusal.message.starts_with("Empty logs for Comsumer")
}
