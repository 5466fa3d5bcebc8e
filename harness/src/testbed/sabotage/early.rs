//! Messages that arrive before they are sent: known from the plan, and appended under the
//! producer's own name and number, so that the request proper is a repeat and appends nothing.
//!
//! The request before is acknowledged only when every consumer has the early ones for good, so
//! that the producer cannot have sent them yet. Nobody else may append to the topic until it has,
//! for their messages would be out of order then.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;

use broker::store::{Answer, Append, Error, Message, Poll, Polled};
use broker_client::wire::{ConsumerId, Offset, Sequence};
use tokio::time::timeout;

use super::foresight::Foresight;
use super::lanes::{Lanes, Own};
use super::store::Trick;
use super::swaps::{Half, PATIENCE, continued, patient};
use super::told::Told;
use super::truth::{Truth, lock};

/// The trick.
pub(super) struct Early {
    foresight: Foresight,
    lanes: Lanes,
    /// The request that came early and is still to come; one at a time, as for [`Half`]s.
    half: Mutex<Option<Half>>,
    /// The offset that each subscription asked from last: everything before it is the consumer's.
    asked: Told<BTreeMap<ConsumerId, Offset>>,
}

impl Early {
    pub(super) fn new(foresight: Foresight) -> Self {
        Self { foresight, lanes: Lanes::default(), half: Mutex::default(), asked: Told::default() }
    }

    async fn append(&self, truth: &Truth, append: Append<'_>) -> Result<Offset, Error> {
        let next = self.foresight.next(&append);
        if let Some(_half) = continued(&self.half, &append) {
            return truth.append(append).await;
        }
        let lane = self.lanes.of(append.topic);
        if let Some(next) = next
            && truth.due(append.topic).is_some()
            && lock(&self.half).is_none()
        {
            let own = patient(&self.half, Own::take(&lane)).await;
            let offset = truth.append(append).await?;
            // Its own failure is nobody's: the request itself was appended.
            let _ = self.bring_forward(truth, &append, &next, own).await;
            return Ok(offset);
        }
        let _turn = patient(&self.half, lane.turn.read()).await;
        truth.append(append).await
    }

    async fn bring_forward(
        &self,
        truth: &Truth,
        append: &Append<'_>,
        next: &[&str],
        own: Own,
    ) -> Result<(), Error> {
        let subscribing = truth.subscribing.lock().await;
        let consumers = truth.subscribers(append.topic);
        if consumers.is_empty() || lock(&self.half).is_some() {
            return Ok(());
        }
        let payloads: Vec<_> = next.iter().map(|payload| Cow::Borrowed(*payload)).collect();
        let sequence = append.sequence.map(|first| first + append.payloads.len() as Sequence);
        let early = Append { sequence, payloads: &payloads, ..*append };
        let first = truth.append(early).await?;
        drop(subscribing);
        truth.use_place(append.topic);
        let end = first + next.len() as Offset;
        let producer = append.producer;
        let next = sequence.expect("only a request with one is known to go on");
        lock(&self.half).get_or_insert(Half { producer, next, offset: first, own });

        let messages = (0..).zip(&payloads).map(|(place, payload)| Message {
            offset: first + place,
            producer,
            sequence: Some(next + place),
            payload: payload.to_string(),
        });
        let messages: Vec<_> = messages.collect();
        for consumer in consumers {
            if self.has_all(consumer, end).await {
                for message in &messages {
                    truth.record.delivery(append.topic, consumer, message);
                }
            }
        }
        Ok(())
    }

    /// Waits until the consumer asks for what comes behind; no, if that takes too long.
    async fn has_all(&self, consumer: ConsumerId, end: Offset) -> bool {
        let has = |asked: &BTreeMap<ConsumerId, Offset>| {
            asked.get(&consumer).is_some_and(|offset| *offset >= end)
        };
        timeout(PATIENCE, self.asked.wait_for(has)).await.is_ok()
    }
}

impl Trick for Early {
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.append(truth, append))
    }

    fn poll<'a>(&'a self, truth: &'a Truth, poll: Poll<'a>) -> Answer<'a, Polled> {
        if let Some(offset) = poll.offset {
            let consumer = poll.subscription.consumer;
            self.asked.change(|asked| {
                asked.insert(consumer, offset);
            });
        }
        truth.store.poll(poll)
    }
}
