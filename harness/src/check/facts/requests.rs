//! All requests of a run, with what the rules need of each side by side, and which of them each
//! message went out in.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::history::{EpochIndex, History, Offset, Offsets, Outcome, ProducerHistory, Sent, Stamp};
use crate::plan::{MessageId, Plan, StreamIndex, TopicIndex};

pub(in crate::check) struct Requests {
    /// In the order of producers, and of invocation within each.
    pub(in crate::check) all: Vec<Request>,
    /// When the last of them ended.
    pub(in crate::check) end: Stamp,
    /// By [`MessageId`]: a place in `all`, or [`UNSENT`].
    by_message: Vec<u32>,
    /// By [`TopicIndex`]: places in `all`, ascending by first message.
    by_topic: Vec<Vec<u32>>,
    /// The messages that went out in several requests: places in `all`, ascending.
    repeated: BTreeMap<MessageId, Vec<u32>>,
}

const UNSENT: u32 = u32::MAX;

impl Requests {
    pub(super) fn new(plan: &Plan, history: &History) -> Self {
        let mut requests = Self {
            all: Vec::new(),
            end: 0,
            by_message: vec![UNSENT; plan.messages.len()],
            by_topic: vec![Vec::new(); plan.topics.len()],
            repeated: BTreeMap::new(),
        };
        let slots = slots(plan);
        for (producer, part) in history.producers.iter().enumerate() {
            for (send, sent) in part.sends.iter().enumerate() {
                requests.end = requests.end.max(sent.completed.stamp);
                let slot = slots[sent.stream.place()];
                requests.add(Request::new(plan, part, (producer, send), sent, slot));
            }
        }
        for own in &mut requests.by_topic {
            own.sort_by_key(|place| requests.all[*place as usize].first);
        }
        requests
    }

    fn add(&mut self, request: Request) {
        let place = MessageId::new(self.all.len()).0;
        let mut request = request;
        for message in request.messages() {
            let entry = &mut self.by_message[message];
            if let Some(known) = self.all.get_mut(*entry as usize) {
                (known.repeated, request.repeated) = (true, true);
                let places = self.repeated.entry(MessageId::new(message));
                places.or_insert_with(|| vec![*entry]).push(place);
                // A message sent twice is as good as its best request.
                if (known.fate, known.acked) <= (request.fate, request.acked) {
                    continue;
                }
            }
            *entry = place;
        }
        self.by_topic[request.topic.place()].push(place);
        self.all.push(request);
    }

    /// The request that a message went out in.
    pub(in crate::check) fn of(&self, message: MessageId) -> Option<&Request> {
        self.all.get(self.by_message[message.place()] as usize)
    }

    /// The requests that a message went out in, in the order of their invocation.
    pub(in crate::check) fn each_of(&self, message: MessageId) -> impl Iterator<Item = &Request> {
        let one = self.by_message[message.place()];
        let places = self.repeated.get(&message).map(Vec::as_slice);
        let places = places.unwrap_or(std::slice::from_ref(&self.by_message[message.place()]));
        let is_sent = one != UNSENT;
        places.iter().filter(move |_| is_sent).map(|place| &self.all[*place as usize])
    }

    /// From when on a message may be in the log, `request` being the one that it went out in: since
    /// the first attempt that may have happened began.
    #[inline]
    pub(in crate::check) fn sent_from(&self, message: MessageId, request: &Request) -> Stamp {
        if request.repeated { self.first_sent(message) } else { request.invoked }
    }

    fn first_sent(&self, message: MessageId) -> Stamp {
        let lasting = |request: &&Request| request.fate != Fate::Refused;
        let first = self.each_of(message).filter(lasting).map(|request| request.invoked).min();
        first
            .or_else(|| self.each_of(message).map(|request| request.invoked).min())
            .unwrap_or(NEVER)
    }

    /// Whether several attempts or requests, `request` among them, may each have put the message into
    /// the log.
    pub(in crate::check) fn may_stand_twice(&self, message: MessageId, request: &Request) -> bool {
        let lasting = |own: &&Request| own.fate != Fate::Refused;
        let twice = || {
            self.each_of(message).any(|own| own.retried)
                || self.each_of(message).filter(lasting).count() > 1
        };
        request.retried || request.repeated && twice()
    }

    /// Whether a message had been sent by then at all, refused or not.
    pub(in crate::check) fn was_tried_by(
        &self,
        history: &History,
        message: MessageId,
        stamp: Stamp,
    ) -> bool {
        self.each_of(message).any(|request| request.sent(history).invoked.stamp <= stamp)
    }

    /// The offset that a message was acked at, where its ack said so.
    pub(in crate::check) fn acked_at(
        &self,
        history: &History,
        message: MessageId,
    ) -> Option<Offset> {
        self.of(message)?.offset_of(history, message)
    }

    /// The same in one life of the store.
    pub(in crate::check) fn acked_in(
        &self,
        history: &History,
        epoch: Option<EpochIndex>,
        message: MessageId,
    ) -> Option<Offset> {
        self.of(message).filter(|request| request.epoch == epoch)?;
        self.acked_at(history, message)
    }

    /// The place in `all` of the request that a message went out in.
    pub(in crate::check) fn place_of(&self, message: MessageId) -> u32 {
        self.by_message[message.place()]
    }

    /// The requests of one topic, ascending by first message.
    pub(in crate::check) fn on(&self, topic: TopicIndex) -> impl Iterator<Item = &Request> {
        self.by_topic[topic.place()].iter().map(|place| &self.all[*place as usize])
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

/// The stamp of what did not happen: after everything.
pub(in crate::check) const NEVER: Stamp = Stamp::MAX;

/// What became of a request, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::check) enum Fate {
    /// It happened.
    Acked,
    /// It may have happened.
    Unknown,
    /// It never happened.
    Refused,
}

/// A request: consecutive messages of one stream.
#[derive(Clone, Debug)]
pub(in crate::check) struct Request {
    /// When its first attempt began that may have happened; of a refused request, its first. Of a
    /// message that went out in several, [`Requests::sent_from`] knows more.
    pub(in crate::check) invoked: Stamp,
    /// When its ack was in; [`NEVER`] where there is none, so that no rule relies on it.
    pub(in crate::check) acked: Stamp,
    /// The first message's, where its ack said so.
    pub(in crate::check) offset: Option<u64>,
    pub(in crate::check) stream: StreamIndex,
    pub(in crate::check) topic: TopicIndex,
    /// The stream's place among those of its topic.
    pub(in crate::check) slot: u32,
    pub(in crate::check) first: MessageId,
    pub(in crate::check) count: u32,
    pub(in crate::check) fate: Fate,
    /// Whether it may have happened more than once.
    pub(in crate::check) retried: bool,
    /// Whether one of its messages went out in another request, too.
    pub(in crate::check) repeated: bool,
    /// Where the history has it: producer, and place in its sends.
    pub(in crate::check) source: (usize, usize),
    /// The life of the store that it went to, where the broker tells.
    pub(in crate::check) epoch: Option<EpochIndex>,
}

impl Request {
    fn new(
        plan: &Plan,
        part: &ProducerHistory,
        source: (usize, usize),
        sent: &Sent,
        slot: u32,
    ) -> Self {
        let stream = &plan.streams[sent.stream.place()];
        let fits = sent.first.checked_add(sent.count).is_some_and(|end| end <= stream.count);
        assert!(fits, "a request goes past the end of its stream");
        let (fate, offset) = match &sent.outcome {
            Outcome::Acked { offsets } => (Fate::Acked, offsets.first()),
            Outcome::Refused { .. } => (Fate::Refused, None),
            Outcome::Unknown { .. } => (Fate::Unknown, None),
        };
        Self {
            invoked: sent.may_have_happened_from().stamp,
            acked: if fate == Fate::Acked { sent.completed.stamp } else { NEVER },
            offset,
            stream: sent.stream,
            topic: stream.topic,
            slot,
            first: MessageId(stream.first.0 + sent.first),
            count: sent.count,
            fate,
            retried: fate != Fate::Refused && sent.may_have_happened_again(),
            repeated: false,
            source,
            epoch: part.sessions.get(sent.session as usize).and_then(|session| session.epoch),
        }
    }

    /// As the history has it.
    pub(in crate::check) fn sent<'a>(&self, history: &'a History) -> &'a Sent {
        let (producer, send) = self.source;
        &history.producers[producer].sends[send]
    }

    /// The offset that its ack named for one of its messages.
    pub(in crate::check) fn offset_of(
        &self,
        history: &History,
        message: MessageId,
    ) -> Option<Offset> {
        let place = message.0 - self.first.0;
        match &self.sent(history).outcome {
            // Of a batch that is scattered in the log, it is the first one's.
            Outcome::Acked { offsets: Offsets::From(_) }
                if place > 0 && history.scattered_batches =>
            {
                None
            }
            Outcome::Acked { offsets } => offsets.of(place),
            Outcome::Refused { .. } | Outcome::Unknown { .. } => None,
        }
    }

    /// The places of its messages.
    pub(in crate::check) fn messages(&self) -> Range<usize> {
        let first = self.first.place();
        first..first + self.count as usize
    }
}
