//! What every check reads: the plan and the history, by column and by feed.
//!
//! Which request a message went out in is one array, so that a delivery leads to all stamps about
//! its message by two look-ups. Feeds are worked out on as many threads as there are cores; what
//! comes out does not depend on how many.

mod bits;
mod feed;
mod log;
mod parallel;
mod request;

pub(super) use bits::Bits;
pub(super) use feed::{Feed, Seen, Standing};
pub(super) use log::{Late, Log};
pub(super) use request::{Fate, NEVER, Request};

use crate::history::{Answer, Delivery, End, History, Outcome, Polled, Stamp};
use crate::plan::{ConsumerIndex, MessageId, Plan, StreamIndex, TopicIndex};

/// Plan and history, prepared.
pub(super) struct Facts<'a> {
    pub(super) plan: &'a Plan,
    pub(super) history: &'a History,
    /// In the order of producers, and of invocation within each.
    pub(super) requests: Vec<Request>,
    /// By [`MessageId`]: a place in `requests`, or [`UNSENT`].
    request_of: Vec<u32>,
    /// By [`StreamIndex`]: what to add to a message's id to get its place on its topic.
    shift: Vec<u32>,
    /// By [`TopicIndex`]: how many messages are planned on it.
    topic_sizes: Vec<usize>,
    /// By consumer, then by topic: one for each that is planned, or that the history has anyway.
    pub(super) feeds: Vec<Feed>,
    /// By topic, then by life of the store.
    pub(super) logs: Vec<Log>,
    /// By [`TopicIndex`]: places in `requests`, ascending by first message.
    by_topic: Vec<Vec<u32>>,
    /// When the last request of all ended.
    pub(super) drain_began: Stamp,
}

const UNSENT: u32 = u32::MAX;

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
            requests: Vec::new(),
            request_of: vec![UNSENT; plan.messages.len()],
            shift: vec![0; plan.streams.len()],
            topic_sizes: vec![0; plan.topics.len()],
            feeds: Vec::new(),
            logs: Vec::new(),
            by_topic: vec![Vec::new(); plan.topics.len()],
            drain_began: 0,
        };
        facts.place_streams();
        facts.place_requests();
        let mut feeds = Feed::of_all(plan, history);
        let standings = facts.parallel(&feeds, |feed| feed::judge(&facts, feed));
        for (feed, (standings, got)) in feeds.iter_mut().zip(standings) {
            feed.standings = standings;
            feed.got = got;
        }
        facts.feeds = feeds;
        let topics: Vec<TopicIndex> = (0..plan.topics.len()).map(TopicIndex::new).collect();
        let logs = facts.parallel(&topics, |topic| Log::of_topic(&facts, *topic));
        facts.logs = logs.into_iter().flatten().collect();
        facts
    }

    fn place_streams(&mut self) {
        for (topic, size) in self.plan.topics.iter().zip(&mut self.topic_sizes) {
            for stream in &topic.streams {
                let planned = &self.plan.streams[stream.place()];
                let base = u32::try_from(*size).expect("loading bounds messages by u32::MAX");
                self.shift[stream.place()] = base.wrapping_sub(planned.first.0);
                *size += planned.count as usize;
            }
        }
    }

    fn place_requests(&mut self) {
        let slots = slots(self.plan);
        for (producer, part) in self.history.producers.iter().enumerate() {
            for (send, sent) in part.sends.iter().enumerate() {
                self.drain_began = self.drain_began.max(sent.completed.stamp);
                let slot = slots[sent.stream.place()];
                let request = Request::new(self.plan, part, (producer, send), sent, slot);
                let place = MessageId::new(self.requests.len()).0;
                for entry in &mut self.request_of[request.messages()] {
                    let known = self.requests.get(*entry as usize).map(|known| known.fate);
                    // A message sent twice is as good as its best request.
                    if known.is_none_or(|known| known > request.fate) {
                        *entry = place;
                    }
                }
                self.by_topic[request.topic.place()].push(place);
                self.requests.push(request);
            }
        }
        for own in &mut self.by_topic {
            own.sort_by_key(|place| self.requests[*place as usize].first);
        }
    }

    /// The request that a message went out in.
    pub(super) fn request(&self, message: MessageId) -> Option<&Request> {
        self.requests.get(self.request_of[message.place()] as usize)
    }

    /// The offset that a message was acked at, where its ack said so.
    pub(super) fn acked_at(&self, message: MessageId) -> Option<u64> {
        let request = self.request(message)?;
        let (producer, send) = request.source;
        match &self.history.producers[producer].sends[send].outcome {
            Outcome::Acked { offsets } => offsets.of(message.0 - request.first.0),
            _ => None,
        }
    }

    /// The place in [`Facts::requests`] of the request that a message went out in.
    pub(super) fn request_place(&self, message: MessageId) -> u32 {
        self.request_of[message.place()]
    }

    /// A message's place among all that are planned on its topic.
    pub(super) fn local(&self, stream: StreamIndex, message: MessageId) -> usize {
        message.0.wrapping_add(self.shift[stream.place()]) as usize
    }

    /// The same for a message whose stream is not at hand.
    pub(super) fn local_of(&self, message: MessageId) -> usize {
        self.local(self.plan.messages.stream(message), message)
    }

    /// How many messages are planned on a topic.
    pub(super) fn topic_size(&self, topic: TopicIndex) -> usize {
        self.topic_sizes[topic.place()]
    }

    /// The requests of one topic, ascending by first message.
    pub(super) fn requests_of(&self, topic: TopicIndex) -> impl Iterator<Item = &Request> {
        self.by_topic[topic.place()].iter().map(|place| &self.requests[*place as usize])
    }

    /// The feeds of one topic, in the order of consumers.
    pub(super) fn feeds_of(&self, topic: TopicIndex) -> impl Iterator<Item = &Feed> {
        self.feeds.iter().filter(move |feed| feed.topic == topic)
    }

    /// One consumer's deliveries.
    pub(super) fn deliveries(&self, consumer: ConsumerIndex) -> &'a [Delivery] {
        &self.history.consumers[consumer.place()].deliveries
    }

    /// Whether what is missing in this feed may still have been on its way.
    pub(super) fn undecided(&self, feed: &Feed) -> bool {
        match self.history.end {
            End::Drained | End::Idle => false,
            End::Interrupted => true,
            End::Deadline => !self.is_last_answer_empty(feed),
        }
    }

    /// Whether the feed's last poll was asked after everything was sent, and brought nothing: then
    /// the broker had the time to hand out all that it has, and nothing more to say.
    fn is_last_answer_empty(&self, feed: &Feed) -> bool {
        self.last_poll(feed).is_some_and(|poll| {
            poll.invoked.stamp > self.drain_began && poll.answer == Answer::Delivered(0)
        })
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

/// By stream: its place among the streams of its topic.
fn slots(plan: &Plan) -> Vec<u32> {
    let mut slots = vec![0; plan.streams.len()];
    for topic in &plan.topics {
        for (slot, stream) in (0..).zip(&topic.streams) {
            slots[stream.place()] = slot;
        }
    }
    slots
}
