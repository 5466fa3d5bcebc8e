//! What is known of each message from the requests that it went out in: when it was meant to leave,
//! since when it may be in the log, and when its ack was in. Messages of one request share an entry,
//! so that a run of deliveries leads to one.

use super::{Delivery, EpochIndex, History, Moment, Nanos, Outcome, ProducerHistory, Sent, Stamp};
use crate::plan::{Plan, TopicIndex};

/// Messages of one stream that went out in the same requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Where to.
    pub topic: TopicIndex,
    /// When the plan wanted them sent the first time.
    pub intended: Nanos,
    /// Since when they may be in the log: the greatest stamp where every request was refused.
    pub from: Stamp,
    /// When the first ack was in.
    pub acked: Option<Moment>,
    /// The life of the store that they were acked in, where the broker tells.
    pub epoch: Option<EpochIndex>,
    /// How many messages they are.
    pub count: u64,
}

/// All of them, and which of them each message has.
#[derive(Debug, Default)]
pub struct Origins {
    all: Vec<Origin>,
    /// By message: a place in `all`, or [`UNSENT`].
    by_message: Vec<u32>,
    /// By topic: places in `all`.
    by_topic: Vec<Vec<u32>>,
}

/// No request has carried the message.
pub(super) const UNSENT: u32 = u32::MAX;

impl Origins {
    /// Of every message. Linear in messages and requests.
    pub fn new(plan: &Plan, history: &History) -> Self {
        let mut origins = Self {
            all: Vec::new(),
            by_message: vec![UNSENT; plan.messages.len()],
            by_topic: vec![Vec::new(); plan.topics.len()],
        };
        for part in &history.producers {
            for sent in &part.sends {
                origins.add(plan, part, sent);
            }
        }
        for (place, own) in (0..).zip(&origins.all) {
            if own.count > 0 {
                origins.by_topic[own.topic.place()].push(place);
            }
        }
        origins
    }

    fn add(&mut self, plan: &Plan, part: &ProducerHistory, sent: &Sent) {
        let stream = &plan.streams[sent.stream.place()];
        let own = Origin::of(part, sent, stream.topic);
        let first = stream.first.place() + sent.first as usize;
        let mut rest = &mut self.by_message[first..first + sent.count as usize];
        // Mostly none of them was sent before, and this is one turn.
        while let Some(known) = rest.first().copied() {
            let equal = rest.iter().take_while(|place| **place == known).count();
            let (these, others) = rest.split_at_mut(equal);
            let mut new = own;
            if let Some(known) = self.all.get_mut(known as usize) {
                known.count -= equal as u64;
                new = known.and(&own);
            }
            new.count = equal as u64;
            these.fill(u32::try_from(self.all.len()).unwrap_or(UNSENT));
            self.all.push(new);
            rest = others;
        }
    }

    /// The place of a delivery's message among the origins; [`UNSENT`] where it has none.
    #[inline]
    pub(super) fn place_of(&self, delivery: Delivery) -> u32 {
        delivery.message().map_or(UNSENT, |message| self.by_message[message.place()])
    }

    /// The one at a place.
    pub(super) fn at(&self, place: u32) -> Option<&Origin> {
        self.all.get(place as usize)
    }

    /// Those of one topic.
    pub fn on(&self, topic: TopicIndex) -> impl Iterator<Item = &Origin> {
        self.by_topic[topic.place()].iter().map(|place| &self.all[*place as usize])
    }
}

impl Origin {
    fn of(part: &ProducerHistory, sent: &Sent, topic: TopicIndex) -> Self {
        let is_acked = matches!(sent.outcome, Outcome::Acked { .. });
        let session = part.sessions.get(sent.session as usize).filter(|_| is_acked);
        Self {
            topic,
            intended: sent.intended,
            from: match sent.outcome {
                Outcome::Refused { .. } => Stamp::MAX,
                _ => sent.may_have_happened_from().stamp,
            },
            acked: is_acked.then_some(sent.completed),
            epoch: session.and_then(|own| own.epoch),
            count: 0,
        }
    }

    /// What is known of messages that went out in two requests.
    fn and(&self, other: &Self) -> Self {
        let is_first = match (self.acked, other.acked) {
            (Some(own), Some(other)) => own <= other,
            (own, _) => own.is_some(),
        };
        let first = if is_first { self } else { other };
        Self {
            intended: self.intended.min(other.intended),
            from: self.from.min(other.from),
            ..*first
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{SMALL, SMALL_LOGS, complete, moment, plan};
    use crate::plan::MessageId;

    #[test]
    fn messages_that_are_sent_again_with_others_have_origins_of_their_own() {
        let (_folder, plan) = plan(SMALL, SMALL_LOGS);
        let mut history = complete(&plan);
        let sends = &mut history.producers[0].sends;
        // The first two together, at 0 and refused; then the second and the third, at 4 and acked.
        sends[0].count = 2;
        sends[0].outcome = Outcome::Refused { why: String::new() };
        sends[1] = Sent { first: 1, count: 2, ..sends[2].clone() };
        sends.truncate(2);
        let origins = Origins::new(&plan, &history);
        let of = |message| {
            let place = origins.place_of(Delivery::new(Some(MessageId(message)), None));
            *origins.at(place).unwrap()
        };
        assert_eq!((of(0).acked, of(0).from, of(0).count), (None, Stamp::MAX, 1));
        assert_eq!((of(1).intended, of(1).from, of(1).acked), (0, 4, Some(moment(5))));
        assert_eq!((of(2).intended, of(2).from, of(2).count), (moment(4).at, 4, 1));
        let count: u64 = origins.on(TopicIndex(0)).map(|own| own.count).sum();
        assert_eq!(count, 6);
        assert_eq!(origins.place_of(Delivery::new(None, None)), UNSENT);
    }
}
