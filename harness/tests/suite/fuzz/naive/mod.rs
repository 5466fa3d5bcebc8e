//! A second judge, written from docs/checks.md alone and deliberately naive: every rule looks at
//! every pair. It knows histories as long as they are small, and all that the world plays; of faults
//! it knows only that they end a broker.
//!
//! Where the page counts exactly, so does this; where it leaves open which of several deliveries is
//! to blame, this says only that there is something.

mod acks;
mod due;
mod kinds;
mod log;
mod order;

use std::collections::{BTreeMap, BTreeSet};

use harness::check::Verdict;
use harness::history::{
    Answer, Attempt, Class, EpochIndex, History, Offset, Outcome, Sent, Stamp, Subscribed,
};
use harness::plan::{MessageId, Plan, TopicIndex};
use harness::scenario::{AnomalyKind, Order};

/// What this judge says.
#[derive(Debug, Default)]
pub struct Judged {
    /// What is found, whether it breaks a promise or not.
    pub found: BTreeMap<AnomalyKind, Count>,
    /// Kinds of which nothing is said: what decides them is itself in dispute.
    pub open: BTreeSet<AnomalyKind>,
    /// Kinds that break a promise.
    pub broken: BTreeSet<AnomalyKind>,
    /// Acked messages that are not in the log, counted apart from what consumers miss.
    pub not_in_log: u64,
    /// Whether something is certainly wrong, of whatever kind.
    pub wrong: bool,
    /// Whether something keeps a run without violations from being a pass.
    pub doubtful: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Exactly(u64),
    Some,
}

impl Judged {
    pub fn verdict(&self) -> Verdict {
        match (self.broken.is_empty(), self.doubtful) {
            (false, _) => Verdict::Fail,
            (true, true) => Verdict::Unknown,
            (true, false) => Verdict::Pass,
        }
    }

    fn add(&mut self, kind: AnomalyKind, count: Count, breaks: bool) {
        let before = self.found.get(&kind).copied();
        let count = match (before, count) {
            (Some(Count::Exactly(before)), Count::Exactly(more)) => Count::Exactly(before + more),
            (None, count) => count,
            _ => Count::Some,
        };
        if count != Count::Exactly(0) {
            self.found.insert(kind, count);
            if breaks {
                self.broken.insert(kind);
            }
        }
    }

    fn one(&mut self, kind: AnomalyKind, breaks: bool) {
        self.add(kind, Count::Exactly(1), breaks);
    }
}

/// What a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The first of its message here, as it should be.
    First,
    /// Not the first, and fair: the consumer crashed before it had acknowledged the ones before.
    Redelivered,
    Wrong(AnomalyKind),
}

/// One delivery, with all that is said of it.
struct Got<'a> {
    consumer: usize,
    topic: TopicIndex,
    subscription: &'a Subscribed,
    completed: Stamp,
    /// Whether the consumer, where it acknowledges by offset or apart from polling, had done so.
    is_acknowledged: bool,
    message: Option<MessageId>,
    offset: Option<Offset>,
    is_corrupt: bool,
    standing: Standing,
}

struct Judge<'a> {
    plan: &'a Plan,
    history: &'a History,
    got: Vec<Got<'a>>,
    /// Whether an ack is known to be wrong, so that what follows from its offset is in dispute.
    stale: bool,
}

pub fn judge(plan: &Plan, history: &History) -> Judged {
    let mut judge = Judge { plan, history, got: deliveries(history), stale: false };
    judge.classify();
    let mut judged = Judged::default();
    judge.single_deliveries(&mut judged);
    judge.order(&mut judged);
    judge.acks(&mut judged);
    judge.stale = judged.found.contains_key(&AnomalyKind::StaleAck);
    judge.lost(&mut judged);
    judge.not_in_log(&mut judged);
    judge.doubts(&mut judged);
    judged
}

fn deliveries(history: &History) -> Vec<Got<'_>> {
    let mut all = Vec::new();
    for (consumer, own) in history.consumers.iter().enumerate() {
        let mut place = 0;
        for (poll, polled) in own.polls.iter().enumerate() {
            let Answer::Delivered(count) = polled.answer else { continue };
            let subscription = &own.subscriptions[polled.subscription as usize];
            for _ in 0..count {
                let delivery = own.deliveries[place];
                let odd = own.oddities.contains_key(&u64::try_from(place).unwrap());
                let has_offsets = subscription.offset.is_some() || delivery.offset().is_some();
                let later = &own.polls[poll + 1..];
                let is_polled_again =
                    later.iter().any(|own| own.subscription == polled.subscription);
                all.push(Got {
                    consumer,
                    topic: subscription.topic,
                    subscription,
                    completed: polled.completed.stamp,
                    is_acknowledged: is_polled_again || !has_offsets && !history.acknowledged_apart,
                    message: delivery.message(),
                    offset: delivery.offset(),
                    is_corrupt: odd && delivery.message().is_some(),
                    standing: Standing::First,
                });
                place += 1;
            }
        }
    }
    all
}

/// The attempts of a request that may each have put its messages into the log.
fn real_attempts(sent: &Sent) -> Vec<Attempt> {
    let all = sent.each_attempt(1);
    let real = all.iter().filter(|own| matches!(own.class, Class::Acked | Class::Unknown));
    let mut real: Vec<Attempt> = real.cloned().collect();
    if sent.tries.is_empty() && sent.attempts > 1 {
        real.extend(real.first().cloned());
    }
    real
}

impl Judge<'_> {
    fn sends(&self, message: MessageId) -> impl Iterator<Item = &Sent> {
        let stream = self.plan.messages.stream(message);
        let number = message.0 - self.plan.stream(message).first.0;
        let all = self.history.producers.iter().flat_map(|own| &own.sends);
        all.filter(move |sent| {
            sent.stream == stream && (sent.first..sent.first + sent.count).contains(&number)
        })
    }

    /// When it may have been in the log first.
    fn sent(&self, message: MessageId) -> Option<Stamp> {
        self.sends(message).flat_map(real_attempts).map(|own| own.began.stamp).min()
    }

    /// When it was in the log for sure.
    fn acked(&self, message: MessageId) -> Option<Stamp> {
        let acked = |sent: &&Sent| matches!(sent.outcome, Outcome::Acked { .. });
        self.sends(message).filter(acked).map(|sent| sent.completed.stamp).min()
    }

    /// The life of the store and the offset that its ack named.
    fn acked_at(&self, message: MessageId) -> Option<(Option<EpochIndex>, Offset)> {
        self.sends(message).find_map(|sent| match &sent.outcome {
            Outcome::Acked { offsets } => {
                let place = message.0 - self.plan.stream(message).first.0 - sent.first;
                Some((self.epoch(sent), offsets.of(place)?))
            }
            _ => None,
        })
    }

    fn epoch(&self, sent: &Sent) -> Option<EpochIndex> {
        let producer = self.plan.streams[sent.stream.place()].producer.place();
        self.history.producers[producer].sessions[sent.session as usize].epoch
    }

    /// Whether several attempts may each have put it into the log.
    fn may_stand_twice(&self, message: MessageId) -> bool {
        self.sends(message).flat_map(real_attempts).count() > 1
    }

    /// Whether x stands before y in every log that agrees with the acks.
    fn is_before(&self, x: MessageId, y: MessageId) -> bool {
        self.is_before_by_ack(x, y)
            || (x < y && self.sends(x).any(|sent| self.sends(y).any(|other| sent == other)))
    }

    fn is_before_by_ack(&self, x: MessageId, y: MessageId) -> bool {
        self.acked(x).zip(self.sent(y)).is_some_and(|(acked, sent)| acked < sent)
    }

    /// Whether the broker took x before y because it left before, where several requests of one
    /// producer are under way at a time.
    fn is_issued_before(&self, x: MessageId, y: MessageId) -> bool {
        let producer = self.plan.stream(x).producer.place();
        let several = self.plan.scenario.producers[producer].in_flight.get() > 1;
        let acked = |sent: &&Sent| matches!(sent.outcome, Outcome::Acked { .. });
        let began = |sent: &Sent| real_attempts(sent).first().map(|own| own.began.stamp);
        several
            && self.is_same_stream(x, y)
            && self.sends(x).filter(acked).any(|own| {
                let later =
                    |other: &Sent| own.session == other.session && began(own) < began(other);
                self.sends(y).any(later)
            })
    }

    fn is_same_stream(&self, x: MessageId, y: MessageId) -> bool {
        self.plan.messages.stream(x) == self.plan.messages.stream(y)
    }

    /// Whether an order of the two is promised.
    fn counts(&self, x: MessageId, y: MessageId) -> bool {
        match self.plan.scenario.expect.order {
            Order::PerTopic => true,
            Order::PerProducer | Order::None => self.is_same_stream(x, y),
        }
    }

    fn messages(&self) -> impl Iterator<Item = MessageId> + use<> {
        (0..self.plan.messages.len()).map(MessageId::new)
    }

    fn topics(&self) -> impl Iterator<Item = TopicIndex> + use<> {
        (0..self.plan.topics.len()).map(TopicIndex::new)
    }

    fn topic(&self, message: MessageId) -> TopicIndex {
        self.plan.stream(message).topic
    }

    /// A consumer's first deliveries of a topic, in order.
    fn firsts(&self, consumer: usize, topic: TopicIndex) -> Vec<&Got<'_>> {
        let own = |got: &&Got<'_>| {
            got.consumer == consumer && got.topic == topic && got.standing == Standing::First
        };
        self.got.iter().filter(own).collect()
    }

    /// Whether deliveries disagree about what stands where.
    fn disputed(&self, topic: TopicIndex) -> bool {
        let own = || self.got.iter().filter(move |got| got.topic == topic && got.offset.is_some());
        let misrouted = Standing::Wrong(AnomalyKind::Misrouted);
        own().filter(|a| a.standing != misrouted).any(|a| {
            own()
                .filter(|b| a.subscription.epoch == b.subscription.epoch)
                .any(|b| (a.offset == b.offset) != (a.message == b.message))
        })
    }
}
