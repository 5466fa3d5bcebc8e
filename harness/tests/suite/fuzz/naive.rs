//! A second judge, written from docs/checks.md alone and deliberately naive: every rule looks at
//! every pair. It knows histories as long as they are small, from brokers with one epoch and from
//! consumers that do not crash.
//!
//! Where the page counts exactly, so does this; where it leaves open which of several deliveries is
//! to blame, this says only that there is something.

use std::collections::{BTreeMap, BTreeSet};

use harness::check::Verdict;
use harness::history::{Answer, History, Offset, Outcome, Sent, Stamp, Subscribed};
use harness::plan::{MessageId, Plan, TopicIndex};
use harness::scenario::{Acked, AnomalyKind, Delivery, Order};

/// What this judge says.
#[derive(Debug, Default)]
pub struct Judged {
    /// What is found, whether it breaks a promise or not.
    pub found: BTreeMap<AnomalyKind, Count>,
    /// Kinds of which nothing is said: what decides them is itself in dispute.
    pub open: BTreeSet<AnomalyKind>,
    /// Kinds that break a promise.
    pub broken: BTreeSet<AnomalyKind>,
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

/// One delivery, with all that is said of it.
struct Got<'a> {
    consumer: usize,
    topic: TopicIndex,
    subscription: &'a Subscribed,
    completed: Stamp,
    message: Option<MessageId>,
    offset: Option<Offset>,
    is_corrupt: bool,
    kind: Option<AnomalyKind>,
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
    judge.places(&mut judged);
    judge.acks(&mut judged);
    judge.stale = judged.found.contains_key(&AnomalyKind::StaleAck);
    judge.lost(&mut judged);
    judge.doubts(&mut judged);
    judged
}

fn deliveries(history: &History) -> Vec<Got<'_>> {
    let mut all = Vec::new();
    for (consumer, own) in history.consumers.iter().enumerate() {
        let mut place = 0;
        for polled in &own.polls {
            let Answer::Delivered(count) = polled.answer else { continue };
            let subscription = &own.subscriptions[polled.subscription as usize];
            for _ in 0..count {
                let delivery = own.deliveries[place];
                let odd = own.oddities.contains_key(&u64::try_from(place).unwrap());
                all.push(Got {
                    consumer,
                    topic: subscription.topic,
                    subscription,
                    completed: polled.completed.stamp,
                    message: delivery.message(),
                    offset: delivery.offset(),
                    is_corrupt: odd && delivery.message().is_some(),
                    kind: None,
                });
                place += 1;
            }
        }
    }
    all
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

    fn is_refused(sent: &Sent) -> bool {
        matches!(sent.outcome, Outcome::Refused { .. })
    }

    /// When it may have been in the log first.
    fn sent(&self, message: MessageId) -> Option<Stamp> {
        let real = self.sends(message).filter(|sent| !Self::is_refused(sent));
        real.map(|sent| sent.invoked.stamp).min()
    }

    /// When it was in the log for sure.
    fn acked(&self, message: MessageId) -> Option<Stamp> {
        let acked = |sent: &&Sent| matches!(sent.outcome, Outcome::Acked { .. });
        self.sends(message).filter(acked).map(|sent| sent.completed.stamp).min()
    }

    /// Whether x stands before y in every log that agrees with the acks.
    fn is_before(&self, x: MessageId, y: MessageId) -> bool {
        self.is_before_by_ack(x, y)
            || (x < y && self.sends(x).any(|sent| self.sends(y).any(|other| sent == other)))
    }

    fn is_before_by_ack(&self, x: MessageId, y: MessageId) -> bool {
        self.acked(x).zip(self.sent(y)).is_some_and(|(acked, sent)| acked < sent)
    }

    /// Whether the message may stand in the log twice, and the subscription be made between the two:
    /// then the end of its batch comes before the beginning, fairly.
    fn may_come_in_the_middle(&self, got: &Got<'_>) -> bool {
        let message = got.message.unwrap();
        let real = self.sends(message).filter(|sent| !Self::is_refused(sent)).count();
        let confirmed = got.subscription.confirmed.unwrap().stamp;
        real > 1 && self.sent(message).is_some_and(|sent| confirmed >= sent)
    }

    fn is_same_stream(&self, x: MessageId, y: MessageId) -> bool {
        self.plan.messages.stream(x) == self.plan.messages.stream(y)
    }

    fn messages(&self) -> impl Iterator<Item = MessageId> + use<> {
        (0..self.plan.messages.len()).map(MessageId::new)
    }

    fn topic(&self, message: MessageId) -> TopicIndex {
        self.plan.stream(message).topic
    }

    /// The first that fits of phantom, misrouted, resurrected, early and duplicate.
    fn classify(&mut self) {
        for place in 0..self.got.len() {
            self.got[place].kind = self.kind(place);
        }
    }

    fn kind(&self, place: usize) -> Option<AnomalyKind> {
        let got = &self.got[place];
        let Some(message) = got.message else { return Some(AnomalyKind::Phantom) };
        if self.sends(message).next().is_none() {
            return Some(AnomalyKind::Phantom);
        }
        let planned = &self.plan.consumers[got.consumer].topics;
        if self.topic(message) != got.topic || !planned.contains(&got.topic) {
            return Some(AnomalyKind::Misrouted);
        }
        let from_before = match (got.offset, got.subscription.offset) {
            (Some(offset), Some(start)) => offset < start,
            _ => self.acked(message).is_some_and(|acked| acked < got.subscription.invoked.stamp),
        };
        if from_before {
            return Some(AnomalyKind::Misrouted);
        }
        if self.sent(message).is_none_or(|sent| got.completed < sent) {
            let refused =
                |sent: &Sent| Self::is_refused(sent) && sent.invoked.stamp < got.completed;
            let only_refused = self.sent(message).is_none() || self.sends(message).any(refused);
            let kinds = (AnomalyKind::Resurrected, AnomalyKind::Early);
            return Some(if only_refused { kinds.0 } else { kinds.1 });
        }
        let same = |own: &Got<'_>| {
            own.consumer == got.consumer
                && own.topic == got.topic
                && own.message == got.message
                && !matches!(own.kind, Some(AnomalyKind::Phantom | AnomalyKind::Misrouted))
        };
        self.got[..place].iter().any(same).then_some(AnomalyKind::Duplicate)
    }

    fn single_deliveries(&self, judged: &mut Judged) {
        let once = self.plan.scenario.expect.delivery != Delivery::AtLeastOnce;
        for got in &self.got {
            if got.is_corrupt {
                judged.one(AnomalyKind::Corrupted, true);
            }
            if let Some(kind) = got.kind {
                judged.one(kind, once || kind != AnomalyKind::Duplicate);
            }
        }
    }

    /// A consumer's first deliveries of a topic, in order.
    fn firsts(&self, consumer: usize, topic: TopicIndex) -> Vec<&Got<'_>> {
        let own =
            |got: &&Got<'_>| got.consumer == consumer && got.topic == topic && got.kind.is_none();
        self.got.iter().filter(own).collect()
    }

    /// Those of them that come after something that the acks prove to be behind; of one producer's
    /// where no order between producers is promised.
    fn reordered(&self, firsts: &[&Got<'_>]) -> Vec<usize> {
        let late = |place: &usize| {
            let message = firsts[*place].message.unwrap();
            firsts[..*place].iter().any(|before| {
                let before = before.message.unwrap();
                let by_ack = self.is_before_by_ack(message, before);
                let fair = !by_ack && self.may_come_in_the_middle(firsts[*place]);
                self.counts(message, before) && self.is_before(message, before) && !fair
            })
        };
        (0..firsts.len()).filter(late).collect()
    }

    fn order(&self, judged: &mut Judged) {
        let promised = self.plan.scenario.expect.order;
        for topic in (0..self.plan.topics.len()).map(TopicIndex::new) {
            let mut edges = BTreeSet::new();
            let mut late = 0;
            let mut tells = true;
            for consumer in 0..self.plan.consumers.len() {
                let firsts = self.firsts(consumer, topic);
                let reordered = self.reordered(&firsts);
                let count = Count::Exactly(reordered.len().try_into().unwrap());
                judged.add(AnomalyKind::Reordered, count, promised != Order::None);
                tells &= firsts.iter().all(|got| got.offset.is_some());
                let agreed = self.undisputed_by_acks(&firsts);
                if reordered.is_empty() && agreed.len() < firsts.len() {
                    // The end of a batch came before its beginning, which may be fair or not.
                    judged.open.insert(AnomalyKind::Divergent);
                }
                let offsets: Vec<Option<Offset>> = agreed.iter().map(|got| got.offset).collect();
                late += u64::try_from(agreed.len() - longest_ascending(&offsets)).unwrap();
                for (place, got) in agreed.iter().enumerate() {
                    edges.extend(agreed[..place].iter().map(|own| (own.message, got.message)));
                }
            }
            let breaks = promised == Order::PerTopic;
            if self.disputed(topic) {
                judged.open.insert(AnomalyKind::Divergent);
            } else if tells {
                judged.add(AnomalyKind::Divergent, Count::Exactly(late), breaks);
            } else if is_circular(&edges) {
                judged.add(AnomalyKind::Divergent, Count::Some, breaks);
            }
        }
    }

    /// A consumer's first deliveries without those that the acks prove to be late, and without what
    /// those should have come before.
    fn undisputed_by_acks<'b>(&self, firsts: &[&'b Got<'b>]) -> Vec<&'b Got<'b>> {
        let wrong = |x: usize, y: usize| {
            let (x, y) = (firsts[x].message.unwrap(), firsts[y].message.unwrap());
            self.counts(x, y) && self.is_before(y, x)
        };
        let fine = |place: &usize| {
            !(0..*place).any(|earlier| wrong(earlier, *place))
                && !(place + 1..firsts.len()).any(|later| wrong(*place, later))
        };
        (0..firsts.len()).filter(fine).map(|place| firsts[place]).collect()
    }

    /// Whether an order of the two is promised.
    fn counts(&self, x: MessageId, y: MessageId) -> bool {
        match self.plan.scenario.expect.order {
            Order::PerTopic => true,
            Order::PerProducer | Order::None => self.is_same_stream(x, y),
        }
    }

    /// Whether deliveries disagree about what stands where.
    fn disputed(&self, topic: TopicIndex) -> bool {
        let own = || self.got.iter().filter(move |got| got.topic == topic && got.offset.is_some());
        own().any(|a| {
            own().any(|b| {
                (a.offset == b.offset) != (a.message == b.message)
                    && a.kind != Some(AnomalyKind::Misrouted)
            })
        })
    }

    /// One offset holds one message; a message stands at one offset.
    fn places(&self, judged: &mut Judged) {
        for topic in (0..self.plan.topics.len()).map(TopicIndex::new) {
            if self.disputed(topic) {
                judged.open.extend([AnomalyKind::Divergent, AnomalyKind::Duplicate]);
            }
        }
    }

    /// Acks that name an offset that could not be their own.
    fn acks(&self, judged: &mut Judged) {
        let mut stale = false;
        let mut told: Vec<(TopicIndex, Offset, MessageId)> = Vec::new();
        for producer in &self.history.producers {
            let mut last: BTreeMap<(u32, TopicIndex), Offset> = BTreeMap::new();
            for sent in &producer.sends {
                let Outcome::Acked { offsets } = &sent.outcome else { continue };
                let stream = self.plan.streams[sent.stream.place()];
                for place in 0..sent.count {
                    let Some(offset) = offsets.of(place) else { continue };
                    let message = MessageId(stream.first.0 + sent.first + place);
                    stale |= told
                        .iter()
                        .any(|own| own.0 == stream.topic && own.1 == offset && own.2 != message);
                    told.push((stream.topic, offset, message));
                    let before = last.insert((sent.session, stream.topic), offset);
                    stale |= before.is_some_and(|before| before >= offset);
                    let elsewhere = |got: &Got<'_>| {
                        got.message == Some(message)
                            && got.topic == stream.topic
                            && got.kind.is_none()
                            && got.offset.is_some_and(|own| own != offset)
                    };
                    // Either the ack is wrong or the delivery; where the message left twice, it may
                    // stand in the log twice.
                    if self.got.iter().any(elsewhere) {
                        judged.open.extend([AnomalyKind::StaleAck, AnomalyKind::Divergent]);
                        let there = |got: &Got<'_>| {
                            got.message == Some(message) && got.offset == Some(offset)
                        };
                        let twice = self.got.iter().any(there);
                        judged.wrong |= self.sends(message).count() == 1 && !twice;
                    }
                }
            }
        }
        if (0..self.plan.topics.len()).any(|topic| self.disputed(TopicIndex::new(topic))) {
            judged.open.insert(AnomalyKind::StaleAck);
        }
        if stale {
            judged.add(AnomalyKind::StaleAck, Count::Some, true);
        }
    }

    fn lost(&self, judged: &mut Judged) {
        let breaks = self.plan.scenario.expect.delivery != Delivery::AtMostOnce;
        for (consumer, own) in self.plan.consumers.iter().enumerate() {
            for topic in &own.topics {
                let missing = self.messages().filter(|message| {
                    self.topic(*message) == *topic
                        && self.acked(*message).is_some()
                        && !self.has(consumer, *topic, *message)
                });
                for message in missing {
                    match self.is_due(consumer, *topic, message) {
                        Some(true) => judged.one(AnomalyKind::Lost, breaks),
                        Some(false) => {}
                        None => drop(judged.open.insert(AnomalyKind::Lost)),
                    }
                }
            }
        }
    }

    fn has(&self, consumer: usize, topic: TopicIndex, message: MessageId) -> bool {
        let own = |got: &Got<'_>| {
            got.consumer == consumer && got.topic == topic && got.message == Some(message)
        };
        self.got.iter().any(own)
    }

    fn subscription(&self, consumer: usize, topic: TopicIndex) -> Option<&Subscribed> {
        let own = |claim: &&Subscribed| claim.topic == topic && claim.confirmed.is_some();
        self.history.consumers[consumer].subscriptions.iter().find(own)
    }

    /// None where what would decide it is in dispute.
    fn is_due(&self, consumer: usize, topic: TopicIndex, message: MessageId) -> Option<bool> {
        let Some(claim) = self.subscription(consumer, topic) else { return Some(false) };
        let confirmed = claim.confirmed.unwrap().stamp;
        if self.sent(message).is_some_and(|sent| confirmed < sent) {
            return Some(true);
        }
        if self.acked(message).is_some_and(|acked| acked < claim.invoked.stamp) {
            return Some(false);
        }
        if self.disputed(topic) || self.stale {
            return None;
        }
        let mut places: BTreeSet<Offset> = BTreeSet::new();
        let seen = self.got.iter().filter(|got| got.message == Some(message) && got.topic == topic);
        places.extend(seen.filter_map(|got| got.offset));
        places.extend(self.ack_offset(message));
        if places.len() > 1 {
            return None;
        }
        match (claim.offset, places.first()) {
            (Some(start), Some(offset)) => Some(*offset >= start),
            _ => self.is_behind_what_came(consumer, topic, message),
        }
    }

    fn ack_offset(&self, message: MessageId) -> Option<Offset> {
        self.sends(message).find_map(|sent| match &sent.outcome {
            Outcome::Acked { offsets } => {
                offsets.of(message.0 - self.plan.stream(message).first.0 - sent.first)
            }
            _ => None,
        })
    }

    /// Whether anything shows that it stands behind something that this consumer got: an ack, or a
    /// consumer that got both in this order.
    fn is_behind_what_came(
        &self,
        consumer: usize,
        topic: TopicIndex,
        message: MessageId,
    ) -> Option<bool> {
        let order = self.plan.scenario.expect.order;
        let own: Vec<MessageId> =
            self.firsts(consumer, topic).iter().filter_map(|got| got.message).collect();
        if order == Order::None {
            return Some(false);
        }
        if own.iter().any(|first| self.counts(*first, message) && self.is_before(*first, message)) {
            return Some(true);
        }
        if order != Order::PerTopic {
            return Some(false);
        }
        let shown = (0..self.plan.consumers.len()).any(|other| {
            let firsts = self.firsts(other, topic);
            let late = self.reordered(&firsts);
            let at = firsts.iter().position(|got| got.message == Some(message));
            at.is_some_and(|at| {
                late.is_empty()
                    && firsts[..at].iter().any(|got| own.contains(&got.message.unwrap()))
            })
        });
        // What other consumers show may be false where one of them is out of order, and what several
        // of them show together needs more than pairs.
        if shown { self.all_agree(topic).then_some(true) } else { None }
    }

    fn all_agree(&self, topic: TopicIndex) -> bool {
        let mut edges = BTreeSet::new();
        for consumer in 0..self.plan.consumers.len() {
            let firsts = self.firsts(consumer, topic);
            for (place, got) in firsts.iter().enumerate() {
                edges.extend(firsts[..place].iter().map(|own| (own.message, got.message)));
            }
        }
        for x in self.messages() {
            for y in self.messages() {
                if self.topic(x) == topic && self.topic(y) == topic && self.is_before(x, y) {
                    edges.insert((Some(x), Some(y)));
                }
            }
        }
        !is_circular(&edges)
    }

    fn doubts(&self, judged: &mut Judged) {
        let acked = self.messages().filter(|message| self.acked(*message).is_some()).count();
        judged.doubtful |= acked == 0;
        if self.plan.scenario.expect.acked == Acked::All {
            judged.doubtful |= acked < self.plan.messages.len();
        }
        for (consumer, own) in self.plan.consumers.iter().enumerate() {
            for topic in &own.topics {
                let on_topic = |message: &MessageId| {
                    self.topic(*message) == *topic && self.acked(*message).is_some()
                };
                let due = |message| self.is_due(consumer, *topic, message) != Some(false);
                let any_due = self.messages().filter(on_topic).any(due);
                let any =
                    self.got.iter().any(|got| got.consumer == consumer && got.topic == *topic);
                judged.doubtful |= self.messages().any(|m| on_topic(&m)) && !any_due && !any;
            }
        }
    }
}

/// How many of them are left at most where as few as possible are taken out so that they ascend.
fn longest_ascending<T: Ord>(all: &[T]) -> usize {
    let mut lengths: Vec<usize> = Vec::new();
    for (place, own) in all.iter().enumerate() {
        let before = (0..place).filter(|earlier| all[*earlier] < *own);
        lengths.push(1 + before.map(|earlier| lengths[earlier]).max().unwrap_or(0));
    }
    lengths.into_iter().max().unwrap_or(0)
}

/// Whether these edges lead from somewhere back to it.
fn is_circular<T: Copy + Ord>(edges: &BTreeSet<(T, T)>) -> bool {
    let mut nodes: BTreeSet<T> = edges.iter().flat_map(|(from, to)| [*from, *to]).collect();
    loop {
        let free = nodes
            .iter()
            .find(|node| !edges.iter().any(|(from, to)| to == *node && nodes.contains(from)));
        match free.copied() {
            Some(free) => drop(nodes.remove(&free)),
            None => return !nodes.is_empty(),
        }
    }
}
