//! Neighbours in the wrong order: reorder (for everybody, and provably wrong) and diverge (for one
//! consumer, and each order right by itself).
//!
//! Both need two requests side by side in the log, so that no third message gets between and is
//! out of order too: the topic's lane is taken while the two are appended.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;

use broker::store::{Answer, Append, Error, Poll, Polled, Subscription};
use broker_client::wire::{Offset, ProducerId, Sequence};
use tokio::sync::oneshot;
use tokio::time::{Duration, timeout};

use super::foresight::Foresight;
use super::lanes::{Lanes, Own, Whom};
use super::store::Trick;
use super::truth::{Truth, lock};

/// A producer that does not go on within this time is not waited for any longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// So long a request waits for another producer's.
const COMPANY_WITHIN: Duration = Duration::from_millis(20);

/// So many requests of a topic wait in vain before it is left alone.
const LONELY_MAX: u32 = 50;

/// The last message of a request and the first of the same producer's next one, swapped.
pub(super) struct Reorder {
    foresight: Foresight,
    lanes: Lanes,
    /// One at a time: two that wait for producers which wait for each other would never end.
    half: Mutex<Option<Half>>,
}

/// A pair whose second request is still to come.
pub(super) struct Half {
    pub(super) producer: ProducerId,
    pub(super) next: Sequence,
    /// Where the second one's first message belongs.
    pub(super) offset: Offset,
    pub(super) own: Own,
}

impl Reorder {
    pub(super) fn new(foresight: Foresight) -> Self {
        Self { foresight, lanes: Lanes::default(), half: Mutex::default() }
    }

    async fn append(&self, truth: &Truth, append: Append<'_>) -> Result<Offset, Error> {
        let goes_on = self.foresight.next(&append).is_some();
        if let Some(answer) = continued(&self.half, &append) {
            let offset = truth.append(append).await?;
            if let Some(half) = answer.filter(|half| half.offset == offset) {
                half.own.lane.swap(offset - 1, Whom::All);
                truth.use_place(append.topic);
            }
            return Ok(offset);
        }
        let lane = self.lanes.of(append.topic);
        if goes_on && truth.due(append.topic).is_some() && lock(&self.half).is_none() {
            let own = patient(&self.half, Own::take(&lane)).await;
            own.hide_from(truth.end(append.topic));
            let first = truth.append(append).await?;
            let sequence = append.sequence.expect("only a request with one is known to go on");
            let next = sequence + append.payloads.len() as Sequence;
            let offset = first + append.payloads.len() as Offset;
            let mut half = lock(&self.half);
            // Another one may have come first; then this one is over, as dropping its lane says.
            half.get_or_insert(Half { producer: append.producer, next, offset, own });
            return Ok(first);
        }
        let _turn = patient(&self.half, lane.turn.read()).await;
        truth.append(append).await
    }
}

/// Where the producer is one that is waited for: its half, if this is the request that completes
/// it, and nothing if it is a repeat of the one before. Such a request must not wait for its turn,
/// for it is the one that has it.
pub(super) fn continued(half: &Mutex<Option<Half>>, append: &Append<'_>) -> Option<Option<Half>> {
    let mut half = lock(half);
    let waiting = half.as_ref().filter(|half| half.producer == append.producer)?;
    let completes = append.sequence == Some(waiting.next);
    Some(if completes { half.take() } else { None })
}

/// Waits for a turn; where that takes too long, the half that is in the way is given up.
pub(super) async fn patient<T>(half: &Mutex<Option<Half>>, turn: impl Future<Output = T>) -> T {
    tokio::pin!(turn);
    loop {
        if let Ok(turn) = timeout(PATIENCE, &mut turn).await {
            return turn;
        }
        drop(lock(half).take());
    }
}

impl Trick for Reorder {
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.append(truth, append))
    }

    fn poll<'a>(&'a self, truth: &'a Truth, poll: Poll<'a>) -> Answer<'a, Polled> {
        let lane = self.lanes.of(poll.subscription.topic);
        Box::pin(async move { lane.poll(truth, poll).await })
    }

    fn arrival<'a>(
        &'a self,
        truth: &'a Truth,
        subscription: Subscription<'a>,
        offset: Offset,
    ) -> Answer<'a, ()> {
        let lane = self.lanes.of(subscription.topic);
        Box::pin(
            async move { patient(&self.half, lane.arrival(truth, subscription, offset)).await },
        )
    }
}

/// Neighbouring requests of two producers, both on their way at once, swapped for one consumer.
#[derive(Default)]
pub(super) struct Diverge {
    lanes: Lanes,
    waiting: Mutex<BTreeMap<String, Waiting>>,
    /// By topic, how many requests waited in vain.
    lonely: Mutex<BTreeMap<String, u32>>,
}

/// A request that waits for another producer's, and so is concurrent with it.
struct Waiting {
    producer: ProducerId,
    epoch: Option<String>,
    sequence: Option<Sequence>,
    payloads: Vec<Cow<'static, str>>,
    answer: oneshot::Sender<Result<Offset, Error>>,
}

impl Diverge {
    async fn append(&self, truth: &Truth, append: Append<'_>) -> Result<Offset, Error> {
        let topic = append.topic;
        if let Some(first) = self.company(&append) {
            return self.append_both(truth, first, append).await;
        }
        if let Some(answer) = self.wait(truth, &append) {
            tokio::pin!(answer);
            let waited = timeout(COMPANY_WITHIN, &mut answer).await;
            let answered = match waited {
                Err(_) if self.withdraw(&append) => None,
                // Too late to withdraw: it is being appended.
                Err(_) => answer.await.ok(),
                Ok(answered) => answered.ok(),
            };
            if let Some(answered) = answered {
                return answered;
            }
            *lock(&self.lonely).entry(topic.to_owned()).or_default() += 1;
        }
        let lane = self.lanes.of(topic);
        let _turn = lane.turn.read().await;
        truth.append(append).await
    }

    /// The request that waits for one like this.
    fn company(&self, append: &Append<'_>) -> Option<Waiting> {
        let mut waiting = lock(&self.waiting);
        let other = waiting.get(append.topic)?.producer != append.producer;
        if other { waiting.remove(append.topic) } else { None }
    }

    /// Takes the producer's own request back, if it still waits.
    fn withdraw(&self, append: &Append<'_>) -> bool {
        let mut waiting = lock(&self.waiting);
        let own = waiting.get(append.topic).is_some_and(|own| own.producer == append.producer);
        own && waiting.remove(append.topic).is_some()
    }

    /// Lets a request wait where a place is due and somebody else could notice.
    fn wait(
        &self,
        truth: &Truth,
        append: &Append<'_>,
    ) -> Option<oneshot::Receiver<Result<Offset, Error>>> {
        let topic = append.topic;
        truth.due(topic)?;
        append.sequence?;
        let lonely = lock(&self.lonely).get(topic).is_some_and(|lonely| *lonely >= LONELY_MAX);
        let mut waiting = lock(&self.waiting);
        if lonely || truth.subscribers(topic).len() < 2 || waiting.contains_key(topic) {
            return None;
        }
        let (answer, receiver) = oneshot::channel();
        let payloads = append.payloads.iter().map(|text| Cow::Owned(text.to_string())).collect();
        let request = Waiting {
            producer: append.producer,
            epoch: append.epoch.map(str::to_owned),
            sequence: append.sequence,
            payloads,
            answer,
        };
        waiting.insert(topic.to_owned(), request);
        Some(receiver)
    }

    async fn append_both(
        &self,
        truth: &Truth,
        first: Waiting,
        second: Append<'_>,
    ) -> Result<Offset, Error> {
        let topic = second.topic;
        let place = truth.due(topic);
        let own = Own::take(&self.lanes.of(topic)).await;
        own.hide_from(truth.end(topic));
        let request = Append {
            topic,
            producer: first.producer,
            epoch: first.epoch.as_deref(),
            sequence: first.sequence,
            payloads: &first.payloads,
        };
        let before = truth.append(request).await;
        let after = truth.append(second).await;
        if let (Ok(before), Ok(after), Some(place)) = (&before, &after, place)
            && before + first.payloads.len() as Offset == *after
            && let Some(consumer) = truth.nth_subscriber(topic, place.consumer)
        {
            own.lane.swap(after - 1, Whom::One(consumer));
            truth.use_place(topic);
        }
        // Its client may have given up.
        let _ = first.answer.send(before);
        after
    }
}

impl Trick for Diverge {
    fn append<'a>(&'a self, truth: &'a Truth, append: Append<'a>) -> Answer<'a, Offset> {
        Box::pin(self.append(truth, append))
    }

    fn poll<'a>(&'a self, truth: &'a Truth, poll: Poll<'a>) -> Answer<'a, Polled> {
        let lane = self.lanes.of(poll.subscription.topic);
        Box::pin(async move { lane.poll(truth, poll).await })
    }

    fn arrival<'a>(
        &'a self,
        truth: &'a Truth,
        subscription: Subscription<'a>,
        offset: Offset,
    ) -> Answer<'a, ()> {
        let lane = self.lanes.of(subscription.topic);
        Box::pin(async move { lane.arrival(truth, subscription, offset).await })
    }
}
