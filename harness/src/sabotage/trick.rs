//! What a way to be wrong is, and what all of them share.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, pending, ready};

use super::chosen::Chosen;
use super::record::{Injected, Record};
use crate::driver::{Batch, Delivered, Identity, Outgoing, Reply, Session};
use crate::history::{Offset, Outcome};
use crate::input::names::Actor;
use crate::lock::lock;
use crate::plan::{MessageId, Plan, StreamIndex, TopicIndex};

/// A way to be wrong: what it does to requests, and to answers of polls. Each call by itself changes
/// nothing.
pub(super) trait Trick: Send + Sync {
    /// Before a request leaves.
    fn before<'a>(&'a self, _: &'a Shared, _: &'a Request<'a>) -> BoxFuture<'a, ()> {
        Box::pin(ready(()))
    }

    /// What the producer is told in place of the reply. It may wait, but keeps nothing that would be
    /// missed where it is dropped.
    fn after<'a>(
        &'a self,
        _: &'a Shared,
        _: &'a Request<'a>,
        reply: Reply,
    ) -> BoxFuture<'a, Reply> {
        Box::pin(ready(reply))
    }

    /// A consumer polls, so it has recorded what its poll before brought.
    fn polled(&self, _: Feed) {}

    /// How long the broker may wait for the first message, in place of `wait`.
    fn wait(&self, _: Feed, wait: Duration) -> Duration {
        wait
    }

    /// Completes when a poll is to be answered whatever the broker says.
    fn urged(&self, _: Feed) -> BoxFuture<'_, ()> {
        Box::pin(pending())
    }

    /// Changes what a poll brought, which may be nothing. Waits for nothing, because a batch that
    /// is in hand would be lost with a poll that is dropped.
    fn edit(&self, _: &Shared, _: Feed, _: &mut Batch) {}
}

/// What one consumer gets of one topic, under whatever subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Feed {
    pub(super) consumer: Actor,
    pub(super) topic: TopicIndex,
}

/// One request to a broker.
pub(super) struct Request<'a> {
    pub(super) stream: StreamIndex,
    pub(super) topic: TopicIndex,
    /// At least one, in the order of the plan.
    pub(super) messages: &'a [Outgoing<'a>],
    /// The first offset that was answered to the same registration's last request with one.
    pub(super) previous: Option<Offset>,
}

impl Request<'_> {
    pub(super) fn first(&self) -> MessageId {
        self.messages[0].message
    }

    pub(super) fn last(&self) -> MessageId {
        self.messages[self.messages.len() - 1].message
    }

    pub(super) fn range(&self) -> Range<MessageId> {
        self.first()..MessageId(self.last().0 + 1)
    }
}

/// What all ways share: who is wronged, and where it is written down.
pub(super) struct Shared {
    pub(super) plan: Arc<Plan>,
    pub(super) chosen: Chosen,
    record: Arc<Record>,
    /// By stream: what the broker calls its producer, and the number of its first message.
    producers: Mutex<BTreeMap<StreamIndex, (Option<String>, u32)>>,
    /// What the broker calls the consumers.
    consumers: Mutex<BTreeMap<Feed, Option<String>>>,
}

impl Shared {
    pub(super) fn new(plan: Arc<Plan>, chosen: Chosen, record: Arc<Record>) -> Self {
        Self { plan, chosen, record, producers: Mutex::default(), consumers: Mutex::default() }
    }

    pub(super) fn registered(&self, stream: StreamIndex, session: &Session, base: u32) {
        lock(&self.producers).insert(stream, (session.id.clone(), base));
    }

    pub(super) fn subscribed(&self, feed: Feed, session: &Session) {
        lock(&self.consumers).insert(feed, session.id.clone());
    }

    /// Whether a delivery is one that is chosen for this consumer; the message, then.
    pub(super) fn chosen_at(&self, feed: Feed, delivered: &Delivered<'_>) -> Option<MessageId> {
        let message = delivered.identity.message()?;
        (self.chosen.consumer(message) == Some(feed.consumer)).then_some(message)
    }

    /// Notes a delivery that is an anomaly.
    pub(super) fn note(&self, feed: Feed, delivered: &Delivered<'_>) {
        self.record.note(&self.delivery(feed, delivered));
    }

    pub(super) fn delivery(&self, feed: Feed, delivered: &Delivered<'_>) -> Injected {
        let consumer = lock(&self.consumers).get(&feed).cloned().flatten();
        Injected {
            topic: self.plan.topics[feed.topic.place()].name.as_str().to_owned(),
            consumer: consumer.as_deref().map(Into::into),
            ..self.message(delivered.identity.message(), delivered.offset)
        }
    }

    /// Notes an ack that is an anomaly, or a delivery from before.
    pub(super) fn note_as(&self, injected: &Injected) {
        self.record.note(injected);
    }

    /// What is said of a message alone.
    pub(super) fn message(&self, message: Option<MessageId>, offset: Option<Offset>) -> Injected {
        let mut injected = Injected {
            topic: String::new(),
            consumer: None,
            producer: None,
            sequence: None,
            offset,
        };
        if let Some(message) = message {
            let stream = self.plan.messages.stream(message);
            let planned = &self.plan.streams[stream.place()];
            injected.topic = self.plan.topics[planned.topic.place()].name.as_str().to_owned();
            if let Some((id, base)) = lock(&self.producers).get(&stream) {
                injected.producer = id.as_deref().map(Into::into);
                injected.sequence = (message.0 - planned.first.0).checked_sub(*base);
            }
        }
        injected
    }
}

/// A delivery that waits to be handed out.
#[derive(Clone, Debug)]
pub(super) struct Held {
    identity: Identity,
    offset: Option<Offset>,
    redelivered: bool,
    payload: String,
}

impl Held {
    pub(super) fn new(delivered: &Delivered<'_>) -> Self {
        let Delivered { identity, offset, redelivered, payload } = *delivered;
        Self { identity, offset, redelivered, payload: payload.to_owned() }
    }

    pub(super) fn delivered(&self) -> Delivered<'_> {
        let Self { identity, offset, redelivered, payload } = self;
        Delivered { identity: *identity, offset: *offset, redelivered: *redelivered, payload }
    }
}

/// Replaces a batch by what `each` makes of its messages, one after the other.
pub(super) fn rewrite(batch: &mut Batch, mut each: impl FnMut(Delivered<'_>, &mut Batch)) {
    let mut edited = Batch::default();
    batch.iter().for_each(|delivered| each(delivered, &mut edited));
    *batch = edited;
}

/// Whether all of a request was acked.
pub(super) fn is_acked(reply: &Reply) -> bool {
    reply.parts.iter().all(|part| matches!(part.outcome, Outcome::Acked { .. }))
}
