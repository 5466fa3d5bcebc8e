//! Neighbours in the wrong order: reorder (at every consumer, and provably wrong) and diverge (at
//! one consumer, and each order right by itself).
//!
//! What is held back is kept by consumer and topic, so that it survives a consumer that crashes and
//! resumes.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::chosen::APART;
use super::trick::{Feed, Held, Request, Shared, Trick, rewrite};
use crate::driver::{Batch, Delivered};
use crate::input::names::Actor;
use crate::lock::lock;
use crate::plan::{MessageId, StreamIndex, TopicIndex};

/// So long a request waits for another producer's, and a delivery for its neighbour.
const COMPANY_WITHIN: Duration = Duration::from_millis(20);

/// So many requests of a topic wait in vain before it is left alone.
const LONELY_MAX: u32 = 50;

/// The last message of a request comes behind the same producer's next message.
#[derive(Default)]
pub(super) struct Reorder {
    chosen: Mutex<BTreeMap<(Feed, MessageId), Progress>>,
}

/// What became of a chosen message at one consumer.
enum Progress {
    Waits(Held),
    Done,
}

impl Trick for Reorder {
    fn edit(&self, shared: &Shared, feed: Feed, batch: &mut Batch) {
        let mut chosen = lock(&self.chosen);
        rewrite(batch, |delivered, edited| {
            let Some(message) = delivered.identity.message() else { return edited.push(delivered) };
            match chosen.get(&(feed, message)) {
                // Delivered again after a crash, and it waits already.
                Some(Progress::Waits(_)) => return,
                Some(Progress::Done) => return edited.push(delivered),
                None if shared.chosen.consumer(message).is_some() => {
                    chosen.insert((feed, message), Progress::Waits(Held::new(&delivered)));
                    return;
                }
                None => edited.push(delivered),
            }
            let first = shared.plan.stream(message).first;
            let mut before = chosen.range_mut((feed, first)..(feed, message));
            if let Some((_, progress)) = before.next_back()
                && let Progress::Waits(held) = progress
            {
                edited.push(held.delivered());
                shared.note(feed, &held.delivered());
                *progress = Progress::Done;
            }
        });
    }
}

/// Two requests of two producers that are under way at once: where they are neighbours, one consumer
/// gets them in the other order.
#[derive(Default)]
pub(super) struct Diverge(Mutex<Meetings>);

#[derive(Default)]
struct Meetings {
    /// By topic: a request that waits for another producer's.
    waiting: BTreeMap<TopicIndex, Waiting>,
    /// By topic: how many requests waited in vain.
    lonely: BTreeMap<TopicIndex, u32>,
    /// By the last message of one request: the first one of the other, and at whom they are swapped.
    pairs: BTreeMap<MessageId, (MessageId, Actor)>,
    held: BTreeMap<Feed, Neighbour>,
    /// By topic: the consumers of what came to nothing, because a request waited in vain or was
    /// another's company, or a pair were no neighbours. Later requests stand in for them.
    owed: BTreeMap<TopicIndex, Vec<Actor>>,
    /// By stream: the last message of the last request that waited.
    latest: BTreeMap<StreamIndex, MessageId>,
}

struct Waiting {
    stream: StreamIndex,
    first: MessageId,
    last: MessageId,
    consumer: Actor,
    company: oneshot::Sender<()>,
}

/// A delivery that is held until the next one shows whether that is its partner.
struct Neighbour {
    since: Instant,
    delivery: Held,
    message: MessageId,
    partner: MessageId,
}

impl Meetings {
    /// Meets the request that waits, or lets this one wait for another; then the receiver hears of it.
    fn meet(&mut self, shared: &Shared, request: &Request<'_>) -> Option<oneshot::Receiver<()>> {
        let topic = request.topic;
        if let Some(other) = self.waiting.get(&topic) {
            if other.stream != request.stream
                && let Some(other) = self.waiting.remove(&topic)
            {
                self.pairs.insert(other.last, (request.first(), other.consumer));
                self.pairs.insert(request.last(), (other.first, other.consumer));
                // It may just have given up.
                let _ = other.company.send(());
                if let Some(consumer) = shared.chosen.consumer(request.last()) {
                    self.owe(topic, consumer);
                }
            }
            return None;
        }
        let lonely = self.lonely.get(&topic).is_some_and(|lonely| *lonely >= LONELY_MAX);
        if lonely || shared.plan.topics[topic.place()].consumers.len() < 2 {
            return None;
        }
        let chosen = shared.chosen.consumer(request.last());
        let consumer = chosen.or_else(|| self.stands_in(shared, request))?;
        self.latest.insert(request.stream, request.last());
        let (company, met) = oneshot::channel();
        let (first, last) = (request.first(), request.last());
        let stream = request.stream;
        self.waiting.insert(topic, Waiting { stream, first, last, consumer, company });
        Some(met)
    }

    /// The consumer that is owed one, if this request is apart from those that are chosen or were.
    fn stands_in(&mut self, shared: &Shared, request: &Request<'_>) -> Option<Actor> {
        let (first, last) = (request.first(), request.last());
        let is_apart = |latest: &MessageId| latest.0 + APART < first.0;
        let around = first..MessageId(last.0 + APART + 1);
        if !self.latest.get(&request.stream).is_none_or(is_apart)
            || shared.chosen.first_of(around).is_some()
        {
            return None;
        }
        self.owed.get_mut(&request.topic)?.pop()
    }

    fn owe(&mut self, topic: TopicIndex, consumer: Actor) {
        self.owed.entry(topic).or_default().push(consumer);
    }

    /// They were no neighbours, and are a pair no more.
    fn part(&mut self, feed: Feed, held: &Neighbour) {
        self.pairs.remove(&held.message);
        self.pairs.remove(&held.partner);
        self.owe(feed.topic, feed.consumer);
    }

    /// Takes a request back that waited in vain.
    fn withdraw(&mut self, request: &Request<'_>) {
        let waiting = self.waiting.get(&request.topic);
        if waiting.is_some_and(|waiting| waiting.stream == request.stream)
            && let Some(waiting) = self.waiting.remove(&request.topic)
        {
            self.owe(request.topic, waiting.consumer);
            *self.lonely.entry(request.topic).or_default() += 1;
        }
    }

    fn deliver(
        &mut self,
        shared: &Shared,
        feed: Feed,
        delivered: Delivered<'_>,
        edited: &mut Batch,
    ) {
        let message = delivered.identity.message();
        if let Some(held) = self.held.remove(&feed) {
            if message == Some(held.partner) {
                edited.push(delivered);
                edited.push(held.delivery.delivered());
                shared.note(feed, &held.delivery.delivered());
                self.pairs.remove(&held.message);
                self.pairs.remove(&held.partner);
                return;
            }
            // Delivered again after a crash, it is held again.
            if message != Some(held.message) {
                self.part(feed, &held);
                edited.push(held.delivery.delivered());
            }
        }
        let pair = message.and_then(|message| Some((message, *self.pairs.get(&message)?)));
        match pair {
            Some((message, (partner, consumer))) if consumer == feed.consumer => {
                let (since, delivery) = (Instant::now(), Held::new(&delivered));
                self.held.insert(feed, Neighbour { since, delivery, message, partner });
            }
            _ => edited.push(delivered),
        }
    }
}

impl Trick for Diverge {
    fn before<'a>(&'a self, shared: &'a Shared, request: &'a Request<'a>) -> BoxFuture<'a, ()> {
        let waits = lock(&self.0).meet(shared, request);
        Box::pin(async move {
            if let Some(company) = waits
                && timeout(COMPANY_WITHIN, company).await.is_err()
            {
                lock(&self.0).withdraw(request);
            }
        })
    }

    fn wait(&self, feed: Feed, wait: Duration) -> Duration {
        if lock(&self.0).held.contains_key(&feed) { wait.min(COMPANY_WITHIN) } else { wait }
    }

    fn edit(&self, shared: &Shared, feed: Feed, batch: &mut Batch) {
        let mut meetings = lock(&self.0);
        let over = |held: &Neighbour| held.since.elapsed() >= COMPANY_WITHIN;
        if batch.is_empty() && meetings.held.get(&feed).is_some_and(over) {
            if let Some(held) = meetings.held.remove(&feed) {
                meetings.part(feed, &held);
                batch.push(held.delivery.delivered());
            }
            return;
        }
        rewrite(batch, |delivered, edited| meetings.deliver(shared, feed, delivered, edited));
    }
}
