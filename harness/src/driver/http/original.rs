//! The six original routes alone: no batches, no sequences, no offsets. A poll acknowledges by
//! itself what it brings: it is gone from the broker, whether or not its answer arrives. Our own
//! broker can be polled so too (`acknowledge: automatic`), and then answers with all that it adds.
//!
//! Nothing whose outcome is unknown is repeated, because the repetition would be a second message.

use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::{self, Code, ConsumerId, ProducerId, TopicName};
use broker_client::{Client, Error, Progress, Refusal, Retry};
use futures_util::future::{BoxFuture, ready};

use super::failure::{code, failed, failed_under, note, outcome};
use super::reading::Reading;
use crate::driver::attempts::Attempts;
use crate::driver::batch::Batch;
use crate::driver::client::Session;
use crate::driver::contract::{Outgoing, Reply, Sender, Subscriber};
use crate::driver::failure::Failure;
use crate::history::{Offset, forgets};
use crate::plan::Plan;

/// What a producer's registration was made with.
pub(super) struct Registration {
    pub(super) client: Client,
    pub(super) topic: TopicName,
    pub(super) id: ProducerId,
    pub(super) retry: Retry,
}

pub(super) struct Producer {
    registration: Registration,
    session: Session,
    /// Whether the broker does not know the id any more.
    is_over: bool,
    plan: Arc<Plan>,
}

impl Producer {
    pub(super) fn new(registration: Registration, plan: &Arc<Plan>) -> Self {
        let session = Session { id: Some(registration.id.to_string()), epoch: None };
        Self { registration, session, is_over: false, plan: Arc::clone(plan) }
    }
}

impl Sender for Producer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn send<'a>(
        &'a mut self,
        messages: &'a [Outgoing<'a>],
        attempts: &'a mut Attempts<'_>,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let [Outgoing { message, payload }] = messages else {
                let message = "the original routes carry one message a request: set `batch: 1`";
                let refusal = Refusal { message: message.to_owned(), ..Refusal::default() };
                let outcome = outcome(Err(Error::Refused(refusal)));
                return Reply::whole(messages.len(), outcome, 1);
            };
            let tagged = self.plan.tag(*message) + payload;
            let Registration { client, topic, id, retry } = &self.registration;
            let request = wire::Produce {
                topic: topic.as_str(),
                producer_id: *id,
                message: Some(&tagged),
                messages: None,
                sequence: None,
                epoch: None,
            };
            let mut made = 0;
            let attempt = || {
                made += 1;
                let request = &request;
                async move {
                    match client.produce(request).await {
                        // It never left, so another attempt is no second message.
                        Err(error @ Error::NotSent(_)) => Err(error),
                        result => Ok(result),
                    }
                }
            };
            let watch = &mut |progress: Progress<'_>| note(attempts, progress);
            let result = retry.repeat_watched(id.cast_unsigned(), attempt, watch).await;
            if let Ok(Err(error)) = &result {
                note(attempts, Progress::Failed(error));
            }
            let result = result.and_then(|result| result).map(|_| None);
            self.is_over = result.as_ref().err().and_then(code).is_some_and(forgets);
            Reply::whole(1, outcome(result), made)
        })
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

/// What a subscription was made with.
pub(super) struct Claim {
    pub(super) client: Client,
    pub(super) topic: TopicName,
    pub(super) id: ConsumerId,
    /// What only ours tells, and takes: the epoch and where the subscription starts.
    pub(super) ours: Option<(String, Option<Offset>)>,
}

pub(super) struct Consumer {
    claim: Claim,
    session: Session,
    reading: Reading,
}

impl Consumer {
    pub(super) fn new(claim: Claim, reading: Reading) -> Self {
        let epoch = claim.ours.as_ref().map(|(epoch, _)| epoch.clone());
        let session = Session { id: Some(claim.id.to_string()), epoch };
        Self { claim, session, reading }
    }

    fn is_ours(&self) -> bool {
        self.claim.ours.is_some()
    }
}

impl Subscriber for Consumer {
    fn session(&self) -> &Session {
        &self.session
    }

    fn start(&self) -> Option<Offset> {
        self.claim.ours.as_ref().and_then(|(_, start)| *start)
    }

    /// From the original one message at most, whatever `max` says, and at once.
    fn poll<'a>(
        &'a mut self,
        max: u32,
        wait: Duration,
        batch: &'a mut Batch,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            batch.clear();
            let (ours, Claim { client, topic, id, .. }) = (self.is_ours(), &self.claim);
            let wait = u64::try_from(wait.as_millis()).ok().filter(|millis| *millis > 0);
            let request = wire::Consume {
                topic: topic.as_str(),
                consumer_id: *id,
                epoch: self.session.epoch.as_deref(),
                offset: None,
                max: ours.then(|| max.into()),
                wait_ms: wait.filter(|_| ours),
            };
            match client.consume(&request).await {
                Ok(messages) => {
                    let filled = self.reading.fill(batch, messages);
                    filled.map_err(|unnamed| unnamed.failure("polling", topic))
                }
                Err(Error::Refused(refusal)) if is_empty(&refusal) => Ok(()),
                Err(error) => Err(failed_under((*id, ours), "polling", topic, &error)),
            }
        })
    }

    fn can_wait(&self) -> bool {
        self.is_ours()
    }

    fn cancel_safe(&self) -> bool {
        false
    }

    /// The original has no route for it.
    fn unsubscribe(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>> {
        if !self.is_ours() {
            return Box::pin(ready(Ok(())));
        }
        Box::pin(async move {
            let Claim { client, topic, id, .. } = &self.claim;
            let epoch = self.session.epoch.as_deref();
            let request = wire::Subscription { topic: topic.as_str(), consumer_id: *id, epoch };
            let ended = client.unsubscribe(&request).await;
            ended.map_err(|error| failed("unsubscribing from", topic, &error))
        })
    }
}

/// The original has no codes: its words decide, spelt as it spells them.
fn is_empty(refusal: &Refusal) -> bool {
    refusal.code == Some(Code::Empty) || refusal.message.starts_with("Empty logs for Comsumer")
}
