//! Acked, and not in the log itself: lost, even if every consumer was quick enough to get it before.
//!
//! Example: a broker acknowledged 11,689 messages and handed all of them out, was killed, and its log
//! has 5,541 of them. The next consumer, or one that was late, would have missed the rest.
//!
//! It is proven by a log of the life of the store that the ack was given in. What was acked in
//! another life, or by a broker that tells none and was ended meanwhile, is to be in the log only
//! where its documents promise that it survives this (`broker: survives` of the catalogue); else the
//! log is gone with its life, which is said beside what consumers miss.
//!
//! What retention may have dropped in good order is not lost. It drops a prefix: so what the ack's
//! offset, or something in the log that was acked before the message was sent, puts behind the
//! beginning of the log is to be there.

use std::ops::Range;

use super::missing::carries;
use crate::capability::Survival;
use crate::check::anomaly::Anomaly;
use crate::check::blame::Blamer;
use crate::check::facts::{Bits, Ended, Facts, Fate, NEVER, Request};
use crate::check::finding::Finding;
use crate::check::on_disk::Disk;
use crate::history::{AuditedLog, Delivery, EpochIndex, Offset, Stamp};
use crate::plan::{MessageId, TopicIndex};

/// Adds what the logs of all topics lack, and answers which messages that are.
pub(super) fn find(
    facts: &Facts<'_>,
    disk: Option<&Disk<'_>>,
    lost: &mut Finding,
) -> Vec<Range<u32>> {
    if facts.history.audit.is_empty() {
        return Vec::new();
    }
    let mut missing: Vec<Range<u32>> = Vec::new();
    for topic in (0..facts.plan.topics.len()).map(TopicIndex::new) {
        Logs::of(facts, topic).missing(facts, topic, &mut missing);
    }
    let Some(blamer) = Blamer::new(facts).filter(|_| !missing.is_empty()) else { return missing };
    for part in &missing {
        lost.add_not_in_log(u64::from(part.end - part.start), || {
            let mut anomaly = anomaly(facts, &blamer, part);
            anomaly.evidence.extend(disk.iter().flat_map(|disk| disk.lost(part)));
            anomaly
        });
    }
    missing
}

/// The logs of one topic.
struct Logs {
    read: Vec<Log>,
    /// Whether one could not be read.
    any_failed: bool,
    /// What is in one of them, by place on the topic.
    present: Bits,
}

struct Log {
    epoch: EpochIndex,
    /// Whether nothing was dropped in good order.
    whole: bool,
    /// Where what it has begins.
    start: Offset,
    /// The first ack of what it has: whatever was sent later stands behind that.
    first_acked: Stamp,
}

impl Logs {
    fn of(facts: &Facts<'_>, topic: TopicIndex) -> Self {
        let present = Bits::new(facts.places.count(topic));
        let mut logs = Self { read: Vec::new(), any_failed: false, present };
        for audited in facts.history.audit.iter().filter(|own| own.topic == topic) {
            match &audited.log {
                AuditedLog::Failed(_) => logs.any_failed = true,
                AuditedLog::Read { epoch, end, whole, messages } => {
                    let start = messages.iter().find_map(|entry| entry.offset()).unwrap_or(*end);
                    let first_acked = logs.add(facts, topic, messages);
                    logs.read.push(Log { epoch: *epoch, whole: *whole, start, first_acked });
                }
            }
        }
        logs
    }

    /// Takes note of what is in a log, and answers the first ack of it.
    fn add(&mut self, facts: &Facts<'_>, topic: TopicIndex, messages: &[Delivery]) -> Stamp {
        let mut first_acked = NEVER;
        for message in messages.iter().filter_map(|entry| entry.message()) {
            // In another topic's log it cannot be delivered from.
            if facts.plan.stream(message).topic == topic {
                self.present.insert(facts.places.of(message));
                // What stands there may be a second copy, that came long after the ack.
                let request = facts.requests.of(message);
                let once = request.filter(|own| !facts.requests.may_stand_twice(message, own));
                first_acked = first_acked.min(once.map_or(NEVER, |request| request.acked));
            }
        }
        first_acked
    }

    /// Adds what was acked and is not there, neighbours together.
    fn missing(&self, facts: &Facts<'_>, topic: TopicIndex, missing: &mut Vec<Range<u32>>) {
        for request in facts.requests.on(topic).filter(|request| request.fate == Fate::Acked) {
            let places = facts.places.of_request(request);
            let Some(first) = self.present.first_missing(places.clone()) else { continue };
            let Some(log) = self.holds(facts, request) else { continue };
            for place in (first..places.end).filter(|place| !self.present.contains(*place)) {
                let message = MessageId(request.first.0 + MessageId::new(place - places.start).0);
                if !carries(facts, request, message) || !log.must_have(facts, request, message) {
                    continue;
                }
                match missing.last_mut() {
                    Some(last)
                        if last.end == message.0
                            && facts.plan.messages.stream(MessageId(last.start))
                                == request.stream =>
                    {
                        last.end += 1;
                    }
                    _ => missing.push(message.0..message.0 + 1),
                }
            }
        }
    }

    /// The log that what was acked by this request is to be in; none where it may be gone.
    fn holds(&self, facts: &Facts<'_>, request: &Request) -> Option<&Log> {
        let same_life = |log: &&Log| Some(log.epoch) == request.epoch;
        self.read.iter().find(same_life).or_else(|| {
            let most = facts.ended_since(request.invoked).map(Ended::survival).max();
            // A life that is over was ended somehow.
            let most = most.or_else(|| request.epoch.map(|_| Survival::Kill));
            let is_there = most.is_none_or(|most| survives(facts, most));
            self.read.last().filter(|_| is_there && !self.any_failed)
        })
    }
}

impl Log {
    /// Whether a message that is not there cannot have been dropped in good order.
    fn must_have(&self, facts: &Facts<'_>, request: &Request, message: MessageId) -> bool {
        let is_comparable = request.epoch.is_none_or(|epoch| epoch == self.epoch);
        let offset = request.offset_of(facts.history, message).filter(|_| is_comparable);
        self.whole
            || offset.is_some_and(|offset| offset >= self.start)
            || self.first_acked < facts.requests.sent_from(message, request)
    }
}

/// Whether the broker's documents promise that its messages survive this.
fn survives(facts: &Facts<'_>, what: Survival) -> bool {
    facts.plan.scenario.broker.survives.is_some_and(|own| own >= what)
}

fn anomaly(facts: &Facts<'_>, blamer: &Blamer<'_>, part: &Range<u32>) -> Anomaly {
    let (first, last) = (MessageId(part.start), MessageId(part.end - 1));
    let name = facts.plan.describe(first);
    let title = if first == last {
        format!("{name} was acked, and is not in the log")
    } else {
        let (count, last) = (part.end - part.start, facts.plan.describe(last));
        format!("{count} messages, {name} to {last}, were acked, and are not in the log")
    };
    let messages: Vec<MessageId> = part.clone().map(MessageId).collect();
    let topic = facts.plan.stream(first).topic;
    let mut anomaly = Anomaly::new(facts.plan, topic, None, &messages, title);
    anomaly.evidence.extend(blamer.not_in_log(part));
    anomaly
}
