//! A feed: what one consumer got of one topic, and how each delivery stands.

use crate::history::{Answer, Delivery, EpochIndex, History, Polled, Subscribed};
use crate::plan::{ConsumerIndex, MessageId, Plan, TopicIndex};

use super::{Bits, Facts, Fate, Request};

/// What one consumer got of one topic.
#[derive(Debug)]
pub(in crate::check) struct Feed {
    pub(in crate::check) consumer: ConsumerIndex,
    pub(in crate::check) topic: TopicIndex,
    /// Whether the plan has this consumer on this topic.
    planned: bool,
    /// The first subscription that was confirmed, by place: what is due follows from it.
    pub(in crate::check) subscription: Option<usize>,
    /// The polls that brought something, in the order of their completion.
    pieces: Vec<Piece>,
    /// Of each delivery, in the order received.
    pub(in crate::check) standings: Vec<Standing>,
    /// The messages that got here at all, by place on the topic.
    pub(in crate::check) got: Bits,
}

/// The deliveries of one poll.
#[derive(Clone, Copy, Debug)]
struct Piece {
    poll: usize,
    /// The first one's place among the consumer's deliveries.
    first: usize,
    /// Its place among the feed's.
    at: usize,
    count: usize,
}

/// How a delivery stands; the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Standing {
    /// The first time that this consumer gets this message, as it should.
    First,
    /// No planned message explains it, or one that was never sent.
    Phantom,
    /// Another topic's, at a consumer that does not subscribe, or from before it did.
    Misrouted,
    /// Refused for sure.
    Resurrected,
    /// From before it was invoked.
    Early,
    /// Not the first time.
    Again,
    /// Not the first time, and that is fair: the consumer crashed before it acknowledged it.
    Redelivered,
}

/// One delivery of a feed.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Seen {
    /// Its place among the consumer's polls.
    pub(in crate::check) poll: usize,
    /// Its place among the consumer's deliveries.
    pub(in crate::check) place: usize,
    pub(in crate::check) delivery: Delivery,
    pub(in crate::check) standing: Standing,
}

impl Feed {
    /// Every feed, in the order of consumers, then topics.
    pub(super) fn of_all(plan: &Plan, history: &History) -> Vec<Self> {
        let mut feeds = Vec::new();
        for (consumer, part) in history.consumers.iter().enumerate() {
            let consumer = ConsumerIndex::new(consumer);
            let planned = &plan.consumers[consumer.place()].topics;
            let extra = part.subscriptions.iter().map(|subscription| subscription.topic);
            let mut topics: Vec<TopicIndex> = planned.iter().copied().chain(extra).collect();
            topics.sort_unstable();
            topics.dedup();
            let base = feeds.len();
            feeds.extend(topics.iter().map(|&topic| {
                Self {
                    consumer,
                    topic,
                    planned: planned.contains(&topic),
                    subscription: part
                        .subscriptions
                        .iter()
                        .position(|own| own.topic == topic && own.confirmed.is_some()),
                    pieces: Vec::new(),
                    standings: Vec::new(),
                    got: Bits::default(),
                }
            }));
            let mut first = 0;
            for (poll, polled) in part.polls.iter().enumerate() {
                let Answer::Delivered(count) = polled.answer else { continue };
                let count = count as usize;
                if count > 0 {
                    let topic = part.subscriptions[polled.subscription as usize].topic;
                    let own = topics.binary_search(&topic).expect("made of the same topics");
                    let pieces = &mut feeds[base + own].pieces;
                    let at = pieces.last().map_or(0, |last: &Piece| last.at + last.count);
                    pieces.push(Piece { poll, first, at, count });
                }
                first += count;
            }
            assert_eq!(first, part.deliveries.len(), "deliveries and what the polls say");
        }
        feeds
    }

    /// Its deliveries in the order received.
    pub(in crate::check) fn iter(&self, facts: &Facts<'_>) -> impl Iterator<Item = Seen> {
        self.iter_pieces(facts, |_| true)
    }

    /// Its deliveries of one life of the store, in the order received.
    pub(in crate::check) fn iter_life(
        &self,
        facts: &Facts<'_>,
        epoch: Option<EpochIndex>,
    ) -> impl Iterator<Item = Seen> {
        self.iter_pieces(facts, move |poll| self.claim(facts, poll).epoch == epoch)
    }

    fn iter_pieces(
        &self,
        facts: &Facts<'_>,
        wanted: impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = Seen> {
        let deliveries = facts.deliveries(self.consumer);
        let pieces = self.pieces.iter().filter(move |piece| wanted(piece.poll));
        pieces.flat_map(move |piece| {
            let own = &deliveries[piece.first..piece.first + piece.count];
            let standings = &self.standings[piece.at..piece.at + piece.count];
            let poll = piece.poll;
            (piece.first..).zip(own).zip(standings).map(move |((place, &delivery), &standing)| {
                Seen { poll, place, delivery, standing }
            })
        })
    }

    /// The lives of the store that it speaks of.
    pub(super) fn lives(&self, facts: &Facts<'_>) -> impl Iterator<Item = Option<EpochIndex>> {
        let claims = facts.history.consumers[self.consumer.place()].subscriptions.iter();
        claims.filter(|claim| claim.topic == self.topic).map(|claim| claim.epoch)
    }

    /// The poll at this place of the consumer's.
    pub(in crate::check) fn poll<'a>(&self, facts: &Facts<'a>, poll: usize) -> &'a Polled {
        &facts.history.consumers[self.consumer.place()].polls[poll]
    }

    /// The subscription that a poll was made under.
    pub(in crate::check) fn claim<'a>(&self, facts: &Facts<'a>, poll: usize) -> &'a Subscribed {
        let part = &facts.history.consumers[self.consumer.place()];
        &part.subscriptions[part.polls[poll].subscription as usize]
    }

    /// Whether anything is due to it: it is planned, and a subscription of it was confirmed.
    pub(in crate::check) fn due_from<'a>(&self, facts: &Facts<'a>) -> Option<&'a Subscribed> {
        let part = &facts.history.consumers[self.consumer.place()];
        self.subscription.filter(|_| self.planned).map(|place| &part.subscriptions[place])
    }

    /// Whether the plan has this consumer on this topic.
    pub(in crate::check) const fn planned(&self) -> bool {
        self.planned
    }
}

/// How each delivery of a feed stands, and which messages it brought.
pub(super) fn judge(facts: &Facts<'_>, feed: &Feed) -> (Vec<Standing>, Bits) {
    let deliveries = facts.deliveries(feed.consumer);
    let total = feed.pieces.last().map_or(0, |last| last.at + last.count);
    let mut standings = Vec::with_capacity(total);
    let mut got = Bits::new(facts.topic_size(feed.topic));
    for piece in &feed.pieces {
        let completed = feed.poll(facts, piece.poll).completed.stamp;
        let claim = feed.claim(facts, piece.poll);
        let sure = claim.confirmed.map(|confirmed| confirmed.stamp);
        for delivery in &deliveries[piece.first..piece.first + piece.count] {
            let sent = delivery.message().and_then(|m| Some((m, facts.request(m)?)));
            let Some((message, request)) = sent else {
                standings.push(Standing::Phantom);
                continue;
            };
            if request.topic != feed.topic || !feed.planned {
                standings.push(Standing::Misrouted);
                continue;
            }
            let after = sure.is_some_and(|sure| sure < request.invoked);
            if forbidden(claim, request, *delivery, after) {
                standings.push(Standing::Misrouted);
                if after {
                    // It is due all the same, and here: it is not also lost.
                    got.insert(facts.local(request.stream, message));
                }
                continue;
            }
            let new = got.insert(facts.local(request.stream, message));
            standings.push(if request.fate == Fate::Refused {
                Standing::Resurrected
            } else if completed < request.invoked {
                Standing::Early
            } else if new {
                Standing::First
            } else {
                Standing::Again
            });
        }
    }
    excuse(facts, feed, &mut standings);
    (standings, got)
}

/// Whether a message may not come under a subscription because it is older. What stands before the
/// offset that the subscription starts at never may, even if it was sent `after` the subscription
/// was confirmed: then the broker contradicts itself. Where there are no offsets only the stamps
/// tell.
fn forbidden(claim: &Subscribed, request: &Request, delivery: Delivery, after: bool) -> bool {
    let comparable = !after || request.epoch == claim.epoch;
    let before = claim.offset.zip(delivery.offset()).is_some_and(|(start, at)| at < start);
    request.acked < claim.invoked.stamp || comparable && before
}

/// Marks the repeats that follow from a crash of the consumer: every delivery before was brought by
/// the last poll of an incarnation that is over, so it was never acknowledged.
fn excuse(facts: &Facts<'_>, feed: &Feed, standings: &mut [Standing]) {
    let part = &facts.history.consumers[feed.consumer.place()];
    let own = part.subscriptions.iter().filter(|own| own.topic == feed.topic);
    let incarnations: Vec<u32> = own.map(|own| own.incarnation).collect();
    if incarnations.iter().all(|incarnation| *incarnation == incarnations[0]) {
        return;
    }
    // A poll acknowledges what the one before it on the same subscription brought; one that failed
    // may never have arrived.
    let mut last = vec![0; part.subscriptions.len()];
    for (poll, polled) in part.polls.iter().enumerate() {
        if matches!(polled.answer, Answer::Delivered(_)) {
            last[polled.subscription as usize] = poll;
        }
    }
    let mut unacknowledged = std::collections::BTreeMap::<MessageId, u32>::new();
    let mut acknowledged = std::collections::BTreeSet::new();
    let deliveries = &part.deliveries;
    for piece in &feed.pieces {
        let subscription = part.polls[piece.poll].subscription as usize;
        let incarnation = part.subscriptions[subscription].incarnation;
        for (place, delivery) in
            deliveries[piece.first..piece.first + piece.count].iter().enumerate()
        {
            let Some(message) = delivery.message() else { continue };
            let standing = &mut standings[piece.at + place];
            let crashed = unacknowledged.get(&message).is_some_and(|known| *known < incarnation);
            if *standing == Standing::Again && crashed && !acknowledged.contains(&message) {
                *standing = Standing::Redelivered;
            }
            if last[subscription] == piece.poll {
                unacknowledged.insert(message, incarnation);
            } else {
                acknowledged.insert(message);
            }
        }
    }
}
