//! The end of a run: what each consumer still waits for, decided from what the producers saw. The
//! broker's own idea of its end never decides completeness.
//!
//! What is due has come, or was passed over: something came that the promised order puts behind it.
//! So a greater offset proves the less the less is promised; see [`Passing`].

mod passing;
mod seen;

use std::collections::BTreeMap;

use crate::history::{EpochIndex, Offset, Offsets, Outcome, ProducerHistory, Sent, Stamp};
use crate::plan::{Plan, TopicIndex};

pub use passing::Passing;
pub use seen::Seen;

/// What was acked, as far as a consumer must know it to tell that it is caught up.
#[derive(Debug, Default)]
pub struct DrainTarget {
    topics: Vec<TopicTarget>,
}

/// Of the three only what the promised order calls for is filled.
#[derive(Debug, Default)]
struct TopicTarget {
    /// The greatest acked offset of each epoch.
    ends: BTreeMap<Option<EpochIndex>, Offset>,
    /// What was acked of each stream.
    streams: BTreeMap<u32, StreamTarget>,
    /// Every acked request.
    requests: Vec<Request>,
}

#[derive(Debug)]
struct StreamTarget {
    /// The last acked request.
    last: Request,
    /// Each acked request's first number and when it was invoked, ascending; empty where a message
    /// passes over none of another stream.
    invoked: Vec<(u32, Stamp)>,
}

/// A request that was acked.
#[derive(Clone, Debug)]
struct Request {
    stream: u32,
    /// The number (from 0) of its first message.
    first: u32,
    count: u32,
    invoked: Stamp,
    acked: Stamp,
    epoch: Option<EpochIndex>,
    offsets: Offsets,
}

/// Where a subscription began, which decides what is due to it.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// The life of the store that it was made in.
    pub epoch: Option<EpochIndex>,
    /// Its first offset, where the broker tells.
    pub offset: Option<Offset>,
    /// When it was asked for.
    pub invoked: Stamp,
    /// When it was confirmed.
    pub confirmed: Stamp,
}

impl DrainTarget {
    /// What the producers' histories ask of the consumers.
    #[must_use]
    pub fn new(plan: &Plan, producers: &[ProducerHistory], passing: Passing) -> Self {
        let mut topics: Vec<TopicTarget> =
            plan.topics.iter().map(|_| TopicTarget::default()).collect();
        for history in producers {
            for sent in &history.sends {
                let topic = plan.streams[sent.stream.place()].topic;
                if let Some(request) = Request::of(history, sent) {
                    topics[topic.place()].add(request, passing);
                }
            }
        }
        Self { topics }
    }

    /// Whether everything due to the subscription on `topic` was delivered or passed over.
    pub fn is_reached(&self, topic: TopicIndex, start: Start, seen: &mut Seen) -> bool {
        let target = &self.topics[topic.place()];
        target.ends.iter().all(|(epoch, end)| offset_reached(*epoch, *end, start, seen))
            && target.streams.values().all(|wanted| target.stream_reached(wanted, start, seen))
            && target.all_came(start, seen)
    }
}

fn offset_reached(epoch: Option<EpochIndex>, end: Offset, start: Start, seen: &Seen) -> bool {
    let before_start = start.epoch == epoch && start.offset.is_some_and(|start| end < start);
    before_start || seen.end(epoch).is_some_and(|delivered| delivered >= end)
}

impl TopicTarget {
    fn add(&mut self, request: Request, passing: Passing) {
        if passing == Passing::Nothing {
            self.requests.push(request);
            return;
        }
        let end = request.offsets.of(request.count - 1);
        if let (Passing::Offsets, Some(end)) = (passing, end) {
            let known = self.ends.entry(request.epoch).or_insert(end);
            *known = end.max(*known);
            return;
        }
        let (first, invoked) = (request.first, request.invoked);
        let stream = self
            .streams
            .entry(request.stream)
            .and_modify(|stream| stream.last = request.clone())
            .or_insert_with(|| StreamTarget { last: request, invoked: Vec::new() });
        if passing != Passing::Stream {
            stream.invoked.push((first, invoked));
        }
    }

    /// Whether the last acked message of a stream came or was passed over, or is not due.
    fn stream_reached(&self, wanted: &StreamTarget, start: Start, seen: &Seen) -> bool {
        let last = &wanted.last;
        let place = last.count - 1;
        last.acked < start.invoked
            || last.is_at_or_behind(start, place) == Some(false)
            || seen.number(last.stream).is_some_and(|number| number >= last.first + place)
            || self.passed_over(last.acked, seen)
    }

    /// Whether a message was delivered that was invoked only after the ack of the one in question:
    /// it stands behind it in the log.
    fn passed_over(&self, acked: Stamp, seen: &Seen) -> bool {
        seen.numbers().any(|(stream, number)| {
            let Some(target) = self.streams.get(&stream) else { return false };
            let request = target.invoked.partition_point(|(first, _)| *first <= number);
            request > 0 && target.invoked[request - 1].1 > acked
        })
    }

    /// Whether each message that is due came itself. Goes on from the first request that lacked one
    /// before, so that a drain is linear in what was sent.
    fn all_came(&self, start: Start, seen: &mut Seen) -> bool {
        let more = self.requests.iter().skip(seen.settled);
        seen.settled += more.take_while(|request| request.came(start, seen)).count();
        seen.settled == self.requests.len()
    }
}

impl Request {
    /// What a producer saw of a request, if it was acked.
    fn of(history: &ProducerHistory, sent: &Sent) -> Option<Self> {
        let Outcome::Acked { offsets } = &sent.outcome else { return None };
        Some(Self {
            stream: sent.stream.0,
            first: sent.first,
            count: sent.count,
            invoked: sent.invoked.stamp,
            acked: sent.completed.stamp,
            epoch: history.sessions.get(sent.session as usize).and_then(|session| session.epoch),
            offsets: offsets.clone(),
        })
    }

    /// Whether its message at this place stands where the subscription begins or behind; none where
    /// no offsets tell.
    fn is_at_or_behind(&self, start: Start, place: u32) -> Option<bool> {
        let begins = start.offset.filter(|_| self.epoch == start.epoch)?;
        Some(self.offsets.of(place)? >= begins)
    }

    /// Whether each of its messages came that is due without an order: because of its offset, or
    /// because it was sent when the subscription was confirmed.
    fn came(&self, start: Start, seen: &Seen) -> bool {
        (0..self.count).all(|place| {
            let is_late = || self.invoked > start.confirmed;
            let is_due = self.is_at_or_behind(start, place).unwrap_or_else(is_late);
            !is_due || seen.has(self.stream, self.first + place)
        })
    }
}

#[cfg(test)]
mod tests;
