//! A feed: what one consumer got of one topic.

use super::bits::Bits;
use crate::check::finding::Share;
use crate::history::{Answer, Delivery, EpochIndex, History, Polled, Subscribed};
use crate::plan::{ConsumerIndex, MessageId, Plan, TopicIndex};

#[derive(Debug)]
pub(in crate::check) struct Feed {
    pub(in crate::check) consumer: ConsumerIndex,
    pub(in crate::check) topic: TopicIndex,
    /// Whether the plan has this consumer on this topic.
    pub(in crate::check) planned: bool,
    /// The first subscription that was confirmed, by place: what is due follows from it.
    pub(in crate::check) subscription: Option<usize>,
    /// The polls that brought something, in the order of their completion.
    pub(super) pieces: Vec<Piece>,
    /// Of each delivery, in the order received.
    pub(in crate::check) classifications: Vec<Classification>,
    /// The messages that got here at all, by place on the topic.
    pub(in crate::check) got: Bits,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) poll: usize,
    /// The first one's place among the consumer's deliveries.
    pub(super) first: usize,
    /// Its place among the feed's.
    pub(super) at: usize,
    pub(super) count: usize,
}

/// What a delivery is; the first that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Classification {
    /// The first time that this consumer gets this message, as it should.
    First,
    /// No planned message explains it, or one that was never sent.
    Phantom,
    /// Another topic's, at a consumer that does not subscribe, or from before it did, or of an earlier
    /// run.
    Misrouted,
    /// Refused for sure, or so far.
    Resurrected,
    /// From before it was invoked.
    Early,
    /// Not the first time.
    Again,
    /// Not the first time, and that is fair: the consumer crashed before it acknowledged it.
    Redelivered,
    /// Not the first time, at an offset that this consumer got two messages at. A consumer that
    /// acknowledges one of them by that offset asks for the other: the fault is the offset's.
    Misnumbered,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Seen {
    /// Its place among the consumer's polls.
    pub(in crate::check) poll: usize,
    /// Its place among the consumer's deliveries.
    pub(in crate::check) place: usize,
    pub(in crate::check) delivery: Delivery,
    pub(in crate::check) classification: Classification,
}

impl Seen {
    /// Its message, if this is the first time that it comes here and all is well with it.
    ///
    /// Loops over all deliveries of a run ask this themselves: the compiler does not take
    /// [`Feed::firsts`] apart, and a fifth of the time of all checks went there.
    #[inline]
    pub(in crate::check) fn first(&self) -> Option<MessageId> {
        (self.classification == Classification::First)
            .then(|| self.delivery.message().expect("a first delivery is of a message"))
    }
}

impl Feed {
    /// Whose it is, and of what.
    pub(in crate::check) const fn share(&self) -> Share {
        (self.consumer, self.topic)
    }

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
                    classifications: Vec::new(),
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
    pub(in crate::check) fn iter(&self, history: &History) -> impl Iterator<Item = Seen> {
        self.iter_pieces(history, |_| true)
    }

    /// Its deliveries of one life of the store, in the order received.
    pub(in crate::check) fn iter_life(
        &self,
        history: &History,
        epoch: Option<EpochIndex>,
    ) -> impl Iterator<Item = Seen> {
        self.iter_pieces(history, move |poll| self.claim(history, poll).epoch == epoch)
    }

    /// Its first deliveries, each with its message, in the order received.
    pub(in crate::check) fn firsts(
        &self,
        history: &History,
    ) -> impl Iterator<Item = (Seen, MessageId)> {
        self.iter(history).filter_map(|seen| Some((seen, seen.first()?)))
    }

    /// The same of one life of the store.
    pub(in crate::check) fn firsts_of_life(
        &self,
        history: &History,
        epoch: Option<EpochIndex>,
    ) -> impl Iterator<Item = (Seen, MessageId)> {
        self.iter_life(history, epoch).filter_map(|seen| Some((seen, seen.first()?)))
    }

    fn iter_pieces(
        &self,
        history: &History,
        wanted: impl Fn(usize) -> bool,
    ) -> impl Iterator<Item = Seen> {
        let deliveries = &history.consumers[self.consumer.place()].deliveries;
        let pieces = self.pieces.iter().filter(move |piece| wanted(piece.poll));
        pieces.flat_map(move |piece| {
            let own = &deliveries[piece.first..piece.first + piece.count];
            let classifications = &self.classifications[piece.at..piece.at + piece.count];
            let poll = piece.poll;
            (piece.first..).zip(own).zip(classifications).map(
                move |((place, &delivery), &classification)| Seen {
                    poll,
                    place,
                    delivery,
                    classification,
                },
            )
        })
    }

    /// The lives of the store that it speaks of.
    pub(super) fn lives(&self, history: &History) -> impl Iterator<Item = Option<EpochIndex>> {
        let claims = history.consumers[self.consumer.place()].subscriptions.iter();
        claims.filter(|claim| claim.topic == self.topic).map(|claim| claim.epoch)
    }

    /// The poll at this place of the consumer's.
    pub(in crate::check) fn poll<'a>(&self, history: &'a History, poll: usize) -> &'a Polled {
        &history.consumers[self.consumer.place()].polls[poll]
    }

    /// The subscription that a poll was made under.
    pub(in crate::check) fn claim<'a>(&self, history: &'a History, poll: usize) -> &'a Subscribed {
        let part = &history.consumers[self.consumer.place()];
        &part.subscriptions[part.polls[poll].subscription as usize]
    }

    /// Whether anything is due to it: it is planned, and a subscription of it was confirmed.
    pub(in crate::check) fn due_from<'a>(&self, history: &'a History) -> Option<&'a Subscribed> {
        let part = &history.consumers[self.consumer.place()];
        self.subscription.filter(|_| self.planned).map(|place| &part.subscriptions[place])
    }
}
