//! Our broker with several requests of one producer under way at a time.
//!
//! They travel over several connections, so that one may arrive before another that left before it.
//! The sequence keeps their order, and each message once: what arrives early the broker refuses as a
//! gap, and that is sent again when the one before it is in. A repeat of a request whose answer was
//! lost may come when later ones are in already; then the broker says that its sequence is old, and
//! by that, that it has it.

use std::sync::Arc;

use broker_client::wire::{self, Code, Offset, ProducerId, Sequence, TopicName};
use broker_client::{Client, Error, Progress, Refusal, Retry, TopicProducer, backoff};

use super::failure::outcome;
use crate::driver::contract::{Outgoing, Pending, Reply};
use crate::history::{Offsets, Outcome};
use crate::ordered_signal::OrderedSignal;

/// One registration, and how far it is.
pub(super) struct Pipelined {
    shared: Arc<Shared>,
    next: Sequence,
}

/// What all its requests share.
struct Shared {
    client: Client,
    topic: TopicName,
    id: ProducerId,
    epoch: String,
    retry: Retry,
    progress: OrderedSignal<InOrder>,
}

/// How far the broker has what was issued.
#[derive(Clone, Copy, Debug, Default)]
struct InOrder {
    /// It has everything before this sequence.
    until: Sequence,
    /// A request ended otherwise than acked, or was dropped: what follows it cannot be taken.
    is_over: bool,
}

impl Pipelined {
    pub(super) fn new(client: &Client, registration: &TopicProducer, retry: &Retry) -> Self {
        let next = registration.next_sequence();
        let shared = Shared {
            client: client.clone(),
            topic: registration.topic().clone(),
            id: registration.id(),
            epoch: registration.epoch().to_owned(),
            retry: retry.clone(),
            progress: OrderedSignal::new(InOrder { until: next, is_over: false }),
        };
        Self { shared: Arc::new(shared), next }
    }

    pub(super) fn is_over(&self) -> bool {
        self.shared.progress.lock().is_over
    }

    /// A request that takes the next sequences, whether or not it is awaited.
    pub(super) fn issue(&mut self, messages: &[Outgoing<'_>]) -> Pending {
        let payloads: Vec<String> = messages.iter().map(|own| own.payload.to_owned()).collect();
        let first = self.next;
        self.next += payloads.len() as Sequence;
        let ending = Ending { shared: Arc::clone(&self.shared), is_acked: false };
        Box::pin(ending.settle(first, payloads))
    }
}

/// A request under way. Dropped before it is acked, it ends its registration, for its sequences must
/// not be used again.
struct Ending {
    shared: Arc<Shared>,
    is_acked: bool,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.is_acked {
            self.shared.progress.change(|progress| progress.is_over = true);
        }
    }
}

impl Ending {
    async fn settle(mut self, first: Sequence, payloads: Vec<String>) -> Reply {
        let count = payloads.len();
        let (result, attempts) = self.shared.repeat(first, &payloads).await;
        if result.is_ok() {
            self.is_acked = true;
            let end = first + count as Sequence;
            self.shared.progress.change(|progress| progress.until = progress.until.max(end));
        }
        let outcome = match result {
            // Old, so that it stands somewhere, and nothing says where.
            Ok(None) => Outcome::Acked { offsets: Offsets::Untold },
            result => outcome(result),
        };
        Reply::whole(count, outcome, attempts)
    }
}

impl Shared {
    /// Makes the request as often as that may help; with how many attempts may have happened, at
    /// least one.
    async fn repeat(
        &self,
        first: Sequence,
        payloads: &[String],
    ) -> (Result<Option<Offset>, Error>, u32) {
        let mut unknown = None;
        let mut lasting = 0_u32;
        let id = self.id.cast_unsigned().rotate_left(32) ^ first;
        let stream = backoff::stream(&["in flight", self.topic.as_str()], id);
        let watch = &mut |progress: Progress<'_>| match progress {
            Progress::Began => lasting += 1,
            Progress::Failed(error) if error.is_definite() => lasting -= 1,
            Progress::Failed(error) => unknown = Some(error.clone()),
        };
        let result = self.retry.repeat_watched(stream, || self.attempt(first, payloads), watch);
        let result = match (result.await, unknown) {
            (Ok(offset), _) => Ok(Some(offset)),
            (Err(error), Some(_)) if error.code() == Some(&Code::SequenceOld) => Ok(None),
            (Err(error), unknown) => Err(unknown.unwrap_or(error)),
        };
        (result, lasting.max(1))
    }

    /// One attempt; what came too early for the broker waits for its turn, and is no attempt.
    async fn attempt(&self, first: Sequence, payloads: &[String]) -> Result<Offset, Error> {
        loop {
            let before = *self.progress.lock();
            if before.is_over && before.until < first {
                return Err(follows_a_failure());
            }
            let error = match self.produce(first, payloads).await {
                Ok(offset) => return Ok(offset),
                Err(error) => error,
            };
            let is_early = error.code() == Some(&Code::SequenceGap) && before.until < first;
            if !is_early {
                return Err(error);
            }
            let turn = |now: &InOrder| (now.is_over || now.until >= first).then_some(());
            self.progress.wait_for(turn).await;
        }
    }

    async fn produce(&self, first: Sequence, payloads: &[String]) -> Result<Offset, Error> {
        let payloads: Vec<&str> = payloads.iter().map(String::as_str).collect();
        let (message, messages) = match &payloads[..] {
            [payload] => (Some(*payload), None),
            batch => (None, Some(batch)),
        };
        let answer = self
            .client
            .produce(&wire::Produce {
                topic: self.topic.as_str(),
                producer_id: self.id,
                message,
                messages,
                sequence: Some(first),
                epoch: Some(&self.epoch),
            })
            .await?;
        let none = "the answer cannot be understood: no offset";
        answer.offset.ok_or_else(|| Error::Unknown(none.to_owned()))
    }
}

/// Why a request is not made, or not once more: the broker takes sequences in their order. It is as
/// good as never sent, for whatever ended the one before it.
fn follows_a_failure() -> Error {
    let message = "the registration is over: a request that was issued before failed".to_owned();
    Error::Refused(Refusal { message, ..Refusal::default() })
}
