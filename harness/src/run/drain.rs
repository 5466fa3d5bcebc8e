//! The end of a run: what each consumer still waits for, decided from what the producers saw. The
//! broker's own idea of its end never decides completeness.

use std::collections::BTreeMap;

use crate::history::{EpochIndex, Offset, Outcome, ProducerHistory, Stamp};
use crate::plan::{Plan, TopicIndex};

/// What was acked, as far as a consumer must know it to tell that it is caught up.
#[derive(Debug, Default)]
pub struct DrainTarget {
    topics: Vec<TopicTarget>,
}

#[derive(Debug, Default)]
struct TopicTarget {
    /// The greatest acked offset of each epoch, where offsets can be compared.
    ends: BTreeMap<Option<EpochIndex>, Offset>,
    /// Where they cannot: what was acked of each stream.
    streams: BTreeMap<u32, StreamTarget>,
}

#[derive(Debug)]
struct StreamTarget {
    /// The number (from 0) of the last acked message, and when its ack was in.
    last: u32,
    acked: Stamp,
    /// Each request's first number and when it was invoked, ascending.
    invoked: Vec<(u32, Stamp)>,
}

/// How far one consumer is on one topic.
#[derive(Debug, Default)]
pub struct Seen {
    /// The greatest offset delivered in each epoch.
    pub ends: BTreeMap<Option<EpochIndex>, Offset>,
    /// The greatest number (from 0) delivered of each stream; kept only where offsets of acks and
    /// deliveries cannot be compared.
    pub streams: BTreeMap<u32, u32>,
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
}

impl DrainTarget {
    /// What the producers' histories ask of the consumers; by offset where the broker tells the
    /// offset of an ack and of a delivery.
    #[must_use]
    pub fn new(plan: &Plan, producers: &[ProducerHistory], compares_offsets: bool) -> Self {
        let mut topics: Vec<TopicTarget> =
            plan.topics.iter().map(|_| TopicTarget::default()).collect();
        for history in producers {
            for sent in &history.sends {
                let Outcome::Acked { offsets } = &sent.outcome else { continue };
                let topic = &mut topics[plan.streams[sent.stream.place()].topic.place()];
                let last = sent.first + sent.count - 1;
                if let Some(end) = offsets.of(sent.count - 1).filter(|_| compares_offsets) {
                    let epoch = history.sessions[sent.session as usize].epoch;
                    let known = topic.ends.entry(epoch).or_insert(end);
                    *known = end.max(*known);
                    continue;
                }
                let stream = topic.streams.entry(sent.stream.0).or_insert_with(|| StreamTarget {
                    last,
                    acked: 0,
                    invoked: Vec::new(),
                });
                stream.last = last;
                stream.acked = sent.completed.stamp;
                stream.invoked.push((sent.first, sent.invoked.stamp));
            }
        }
        Self { topics }
    }

    /// Whether everything due to the subscription on `topic` was delivered or passed over.
    pub fn is_reached(&self, topic: TopicIndex, start: Start, seen: &Seen) -> bool {
        let target = &self.topics[topic.place()];
        target.ends.iter().all(|(epoch, end)| offset_reached(*epoch, *end, start, seen))
            && target.streams.iter().all(|(stream, wanted)| {
                wanted.acked < start.invoked
                    || seen.streams.get(stream).is_some_and(|number| *number >= wanted.last)
                    || target.passed_over(wanted.acked, seen)
            })
    }
}

fn offset_reached(epoch: Option<EpochIndex>, end: Offset, start: Start, seen: &Seen) -> bool {
    let before_start = start.epoch == epoch && start.offset.is_some_and(|start| end < start);
    before_start || seen.ends.get(&epoch).is_some_and(|delivered| *delivered >= end)
}

impl TopicTarget {
    /// Whether a message was delivered that was invoked only after the ack of the one in question:
    /// it stands behind it in the log.
    fn passed_over(&self, acked: Stamp, seen: &Seen) -> bool {
        seen.streams.iter().any(|(stream, number)| {
            let Some(target) = self.streams.get(stream) else { return false };
            let request = target.invoked.partition_point(|(first, _)| first <= number);
            request > 0 && target.invoked[request - 1].1 > acked
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn offsets(end: Offset) -> DrainTarget {
        let ends = BTreeMap::from([(None, end)]);
        DrainTarget { topics: vec![TopicTarget { ends, streams: BTreeMap::new() }] }
    }

    fn start(offset: Option<Offset>) -> Start {
        Start { epoch: None, offset, invoked: 5 }
    }

    #[test]
    fn with_offsets_the_last_acked_one_must_have_come() {
        let target = offsets(9);
        let seen = |end| Seen { ends: BTreeMap::from([(None, end)]), ..Seen::default() };
        assert!(!target.is_reached(TopicIndex(0), start(Some(0)), &Seen::default()));
        assert!(!target.is_reached(TopicIndex(0), start(Some(0)), &seen(8)));
        assert!(target.is_reached(TopicIndex(0), start(Some(0)), &seen(9)));
    }

    #[test]
    fn offsets_that_deliveries_do_not_tell_are_not_waited_for() {
        let (_folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
        let history = fixture::history(&plan, |_, _, _| Vec::new());
        let target = DrainTarget::new(&plan, &history.producers, false);
        let seen = Seen { streams: BTreeMap::from([(0, 2), (1, 2)]), ..Seen::default() };
        let start = Start { epoch: None, offset: None, invoked: 0 };
        assert!(target.is_reached(TopicIndex(0), start, &seen));
        assert!(!target.is_reached(TopicIndex(0), start, &Seen::default()));
    }

    #[test]
    fn a_subscription_past_the_end_waits_for_nothing() {
        assert!(offsets(9).is_reached(TopicIndex(0), start(Some(10)), &Seen::default()));
    }

    #[test]
    fn without_offsets_a_later_message_passes_over_an_earlier_one() {
        let stream = |last, acked, invoked| StreamTarget { last, acked, invoked };
        let streams = BTreeMap::from([
            (0, stream(3, 20, vec![(0, 10), (3, 18)])),
            (1, stream(1, 40, vec![(0, 19), (1, 30)])),
        ]);
        let target = DrainTarget { topics: vec![TopicTarget { ends: BTreeMap::new(), streams }] };
        let seen = |pairs: &[(u32, u32)]| Seen {
            streams: pairs.iter().copied().collect(),
            ..Seen::default()
        };
        let reached = |seen: &Seen| target.is_reached(TopicIndex(0), start(None), seen);
        assert!(!reached(&seen(&[(0, 3)])), "stream 1 is missing");
        assert!(!reached(&seen(&[(1, 0)])), "invoked at 19, before the ack at 20");
        assert!(reached(&seen(&[(0, 3), (1, 1)])));
        assert!(reached(&seen(&[(1, 1)])), "invoked at 30, after stream 0's last ack at 20");
    }
}
