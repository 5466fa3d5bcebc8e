//! What every check reads: the plan and the history, by column and by feed.
//!
//! Which request a message went out in is one array, so that a delivery leads to all stamps about
//! its message by two look-ups. Feeds are worked out on as many threads as there are cores; what
//! comes out does not depend on how many.

mod bits;
mod classify;
mod ended;
mod feed;
mod log;
mod places;
mod repeats;
mod requests;
mod uneven;

pub(super) use bits::Bits;
pub(super) use ended::Ended;
pub(super) use feed::{Classification, Feed, Seen};
pub(super) use log::Log;
pub(super) use requests::{Fate, NEVER, Request};
pub(super) use uneven::{Restart, Step, Stray, strays};

use places::Places;
use requests::Requests;

use super::keep::Keep;
use crate::history::{Answer, End, History, Moment, Polled, Subscribed};
use crate::parallel;
use crate::plan::{MessageId, Plan, StreamIndex, TopicIndex};

pub(super) struct Facts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) history: &'a History,
    pub(super) requests: Requests,
    pub(super) places: Places<'a>,
    /// By consumer, then by topic: one for each that is planned, or that the history has anyway.
    pub(super) feeds: Vec<Feed>,
    /// By topic, then by life of the store.
    pub(super) logs: Vec<Log>,
    /// Which anomalies are kept with their proofs.
    pub(super) keep: Keep,
}

impl<'a> Facts<'a> {
    /// Prepares plan and history.
    ///
    /// # Panics
    /// If the history refers to what the plan does not have.
    pub(super) fn new(plan: &'a Plan, history: &'a History) -> Self {
        assert_eq!(plan.producers.len(), history.producers.len(), "producers of plan and history");
        assert_eq!(plan.consumers.len(), history.consumers.len(), "consumers of plan and history");
        let mut facts = Self {
            plan,
            history,
            requests: Requests::new(plan, history),
            places: Places::new(plan),
            feeds: Vec::new(),
            logs: Vec::new(),
            keep: Keep::First,
        };
        let mut feeds = Feed::of_all(plan, history);
        let work =
            |feed: &Feed| classify::classify(plan, history, &facts.requests, &facts.places, feed);
        let classifications = facts.parallel(&feeds, work);
        for (feed, (classifications, got)) in feeds.iter_mut().zip(classifications) {
            feed.classifications = classifications;
            feed.got = got;
        }
        let topics: Vec<TopicIndex> = (0..plan.topics.len()).map(TopicIndex::new).collect();
        let logs = facts
            .parallel(&topics, |topic| Log::of_topic(history, &facts.requests, &feeds, *topic));
        facts.logs = logs.into_iter().flatten().collect();
        facts.feeds = feeds;
        facts
    }

    /// The feeds of one topic, in the order of consumers.
    pub(super) fn feeds_of(&self, topic: TopicIndex) -> impl Iterator<Item = &Feed> {
        self.feeds.iter().filter(move |feed| feed.topic == topic)
    }

    /// When the broker forgot the feed's subscription, which nobody had ended.
    pub(super) fn forgotten(&self, feed: &Feed) -> Option<Moment> {
        self.last_claim(feed)?.forgotten
    }

    /// Whether it was fair to forget it: where the broker does not tell one life of its store from
    /// another, a process that was ended on purpose may have begun a new one.
    pub(super) fn forgot_fairly(&self, feed: &Feed) -> bool {
        let Some(claim) = self.last_claim(feed) else { return false };
        let Some(forgotten) = claim.forgotten else { return false };
        claim.epoch.is_none()
            && self.history.faults.iter().any(|firing| {
                firing.began.stamp < forgotten.stamp && self.ended_by(firing).is_some()
            })
    }

    /// Whether a first delivery may be of the second place of its message in the log: it may stand
    /// there twice, and the subscription may begin between the two. Then its place among others says
    /// nothing.
    pub(super) fn may_be_the_second(
        &self,
        feed: &Feed,
        seen: Seen,
        message: MessageId,
        request: &Request,
    ) -> bool {
        let confirmed = feed.claim(self.history, seen.poll).confirmed;
        self.requests.may_stand_twice(message, request)
            && confirmed.is_none_or(|confirmed| {
                confirmed.stamp >= self.requests.sent_from(message, request)
            })
    }

    /// Whether the producer of a stream has several requests of a topic under way at a time.
    pub(super) fn has_several_in_flight(&self, stream: StreamIndex) -> bool {
        let producer = self.plan.streams[stream.place()].producer;
        self.plan.scenario.producers[producer.place()].in_flight.get() > 1
    }

    /// The subscription that the feed had in the end.
    fn last_claim(&self, feed: &Feed) -> Option<&'a Subscribed> {
        let claims = &self.history.consumers[feed.consumer.place()].subscriptions;
        claims.iter().rev().find(|claim| claim.topic == feed.topic)
    }

    /// Whether what is missing in this feed may still have been on its way.
    pub(super) fn undecided(&self, feed: &Feed) -> bool {
        match self.history.end {
            End::Interrupted => true,
            // Nothing more would have come, so no last word is needed.
            _ if self.forgotten(feed).is_some() => self.forgot_fairly(feed),
            End::Drained => false,
            // It was answered in a way that may be this broker's word for nothing; a failure of any
            // other kind keeps a run from being idle.
            End::Idle => {
                self.last_poll(feed).is_some_and(|poll| matches!(poll.answer, Answer::Failed(_)))
            }
            // If the last poll was asked after everything was sent, and brought nothing, then the
            // broker had the time to hand out all that it has, and nothing more to say.
            End::Deadline => !self.last_poll(feed).is_some_and(|poll| {
                poll.invoked.stamp > self.requests.end && poll.answer == Answer::Delivered(0)
            }),
        }
    }

    /// The consumer's last poll of the feed's topic.
    pub(super) fn last_poll(&self, feed: &Feed) -> Option<&'a Polled> {
        let part = &self.history.consumers[feed.consumer.place()];
        let topic = |poll: &&Polled| part.subscriptions[poll.subscription as usize].topic;
        part.polls.iter().rev().find(|poll| topic(poll) == feed.topic)
    }

    /// Applies `work` to each item, on all cores where that pays, and keeps the items' order.
    pub(super) fn parallel<T: Sync, R: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> R + Sync,
    ) -> Vec<R> {
        let deliveries: usize = self.history.consumers.iter().map(|c| c.deliveries.len()).sum();
        parallel::map(items, deliveries, work)
    }
}
