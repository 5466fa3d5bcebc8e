//! Where a lost message got lost, by what an audit reader found in the logs themselves.
//!
//! *Never stored*: it was acked, and the log that it was acked into does not have it, nor does anything
//! show that it ever had. *Not kept*: the same, but a consumer got it, or the broker's process was
//! ended later, so that it may have been there: as when a broker comes back with an older snapshot of
//! its log, or a power cut made it forget what it had not synced. *Stored but not delivered*: it is in the log, and the consumer did not get it. *Its log is
//! gone*: it was acked in a life of the store that is over, and of which nothing can be read any more,
//! as when a broker in memory restarts. Where a log could not be read, or may have dropped the message
//! in good order, nobody is blamed. This changes no verdict: a message that is lost is lost.

use std::fmt::Write as _;
use std::ops::Range;

use super::anomaly::Blames;
use super::facts::{Ended, Facts, Feed};
use super::words::{consumer_name, epoch_name};
use crate::history::{Audited, AuditedLog, EpochIndex};
use crate::plan::{MessageId, TopicIndex};

/// So many parts of a lost range are told apart; the rest are counted.
const PARTS_MAX: usize = 5;

/// Where one message got lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blame {
    NeverStored,
    /// A consumer got it.
    NotKept,
    /// Nobody got it, and the broker's process was ended so after its ack.
    Ended(Ended),
    NotDelivered,
    LogGone,
    /// It stood before the beginning of a log that may have dropped it.
    Dropped,
    Unread,
}

/// Where a message is: which of the audited logs, and at which offset.
type Place = (MessageId, usize, Option<u64>);

/// What the audited logs say.
pub(super) struct Blamer<'a> {
    facts: &'a Facts<'a>,
    /// Ascending by message.
    places: Vec<Place>,
}

impl<'a> Blamer<'a> {
    /// None where the logs were not read.
    pub(super) fn new(facts: &'a Facts<'a>) -> Option<Self> {
        let audit = &facts.history.audit;
        let mut places = Vec::new();
        for (log, audited) in audit.iter().enumerate() {
            let AuditedLog::Read { messages, .. } = &audited.log else { continue };
            let named =
                messages.iter().filter_map(|entry| Some((entry.message()?, entry.offset())));
            // In another topic's log it cannot be delivered from.
            let own = named.filter(|(id, _)| facts.plan.stream(*id).topic == audited.topic);
            places.extend(own.map(|(message, offset)| (message, log, offset)));
        }
        places.sort_unstable();
        (!audit.is_empty()).then_some(Self { facts, places })
    }

    /// Says where neighbouring messages of one stream got lost that a feed misses and that were all
    /// acked: how many where, and for people a line for each part of them with one fate.
    pub(super) fn blame(&self, feed: &Feed, messages: &Range<u32>) -> (Blames, Vec<String>) {
        let mut blames = Blames::default();
        let mut parts: Vec<(Blame, Range<u32>)> = Vec::new();
        for id in messages.clone() {
            let blame = self.of(MessageId(id));
            *match blame {
                Blame::NeverStored => &mut blames.never_stored,
                Blame::NotKept | Blame::Ended(_) => &mut blames.not_kept,
                Blame::NotDelivered => &mut blames.not_delivered,
                Blame::LogGone => &mut blames.log_gone,
                Blame::Dropped | Blame::Unread => &mut blames.unread,
            } += 1;
            extend(&mut parts, blame, id);
        }
        let shown = parts.iter().take(PARTS_MAX);
        let mut lines: Vec<String> =
            shown.map(|(blame, part)| self.line(feed, *blame, part)).collect();
        if parts.len() > PARTS_MAX {
            lines.push(format!("of all of them: {}", blames.words()));
        }
        (blames, lines)
    }

    fn of(&self, message: MessageId) -> Blame {
        if self.place(message).is_some() {
            return Blame::NotDelivered;
        }
        let topic = self.facts.plan.stream(message).topic;
        let own = || self.facts.history.audit.iter().filter(move |own| own.topic == topic);
        let epoch = self.epoch(message);
        if let Some(audited) = own().find(|audited| is_of(audited, epoch)) {
            if self.may_be_dropped(message, audited) {
                Blame::Dropped
            } else {
                self.absent(message)
            }
        } else if own().any(|audited| matches!(audited.log, AuditedLog::Failed(_)))
            || own().next().is_none()
        {
            Blame::Unread
        } else {
            Blame::LogGone
        }
    }

    /// What is known of a message that was acked, and is not in the log.
    fn absent(&self, message: MessageId) -> Blame {
        let place = self.facts.places.of(message);
        let topic = self.facts.plan.stream(message).topic;
        let request = self.facts.requests.of(message);
        let ended = request.and_then(|own| self.facts.ended_since(own.invoked).max());
        if self.facts.feeds_of(topic).any(|feed| feed.got.contains(place)) {
            Blame::NotKept
        } else {
            ended.map_or(Blame::NeverStored, Blame::Ended)
        }
    }

    /// Whether a log that does not keep everything begins behind the offset that the ack named.
    fn may_be_dropped(&self, message: MessageId, audited: &Audited) -> bool {
        let AuditedLog::Read { epoch, end, whole: false, messages } = &audited.log else {
            return false;
        };
        let start = messages.iter().find_map(|entry| entry.offset()).unwrap_or(*end);
        let acked = self.facts.requests.acked_in(self.facts.history, Some(*epoch), message);
        acked.is_some_and(|offset| offset < start)
    }

    /// The first place where it is.
    fn place(&self, message: MessageId) -> Option<Place> {
        let first = self.places.partition_point(|place| place.0 < message);
        self.places.get(first).copied().filter(|place| place.0 == message)
    }

    /// The life of the store that it was acked in.
    fn epoch(&self, message: MessageId) -> Option<EpochIndex> {
        self.facts.requests.of(message).and_then(|request| request.epoch)
    }

    fn line(&self, feed: &Feed, blame: Blame, part: &Range<u32>) -> String {
        let (first, last) = (MessageId(part.start), MessageId(part.end - 1));
        let (who, is, was) = self.those(first, last);
        let topic = self.facts.plan.stream(first).topic;
        match blame {
            Blame::NotDelivered => {
                let at = self.at(first, last).unwrap_or_default();
                let late = self.late(feed, first, last).unwrap_or_default();
                format!("stored but not delivered: {who} {is} in the log{at}{late}")
            }
            Blame::NeverStored | Blame::NotKept | Blame::Ended(_) => {
                self.absent_words(blame, first, last)
            }
            Blame::LogGone => {
                let life = self
                    .epoch(first)
                    .map_or("", |epoch| self.facts.history.epochs[epoch.0 as usize].as_str());
                format!(
                    "its log is gone: {who} {was} acked in epoch {life} of the store, and the log of \
                     that life is gone with it"
                )
            }
            Blame::Dropped => format!(
                "nobody can be blamed for {who}: the log begins behind it, and may have dropped it in \
                 good order"
            ),
            Blame::Unread => format!("nobody can be blamed for {who}: {}", self.unread(topic)),
        }
    }

    /// That neighbouring messages were acked, and are not in the log: a line for each part of them
    /// with one fate.
    pub(super) fn not_in_log(&self, messages: &Range<u32>) -> Vec<String> {
        let mut parts: Vec<(Blame, Range<u32>)> = Vec::new();
        for id in messages.clone() {
            extend(&mut parts, self.absent(MessageId(id)), id);
        }
        let shown = parts.iter().take(PARTS_MAX);
        let line = |(blame, part): &(Blame, Range<u32>)| {
            self.absent_words(*blame, MessageId(part.start), MessageId(part.end - 1))
        };
        shown.map(line).collect()
    }

    /// That messages were acked, and are not in the log.
    fn absent_words(&self, blame: Blame, first: MessageId, last: MessageId) -> String {
        let (who, is, was) = self.those(first, last);
        let instead = self.instead(first).unwrap_or_default();
        match blame {
            Blame::NotKept => format!(
                "not kept: {who} {was} acked and handed out, and {is} no longer in the log{instead}"
            ),
            Blame::Ended(ended) => format!(
                "not kept: {who} {was} acked, and after {} {is} not in the log{instead}",
                ended.words()
            ),
            _ => format!("never stored: {who} {was} acked, and {is} not in the log{instead}"),
        }
    }

    /// Neighbouring messages, and the verbs for one or several.
    fn those(&self, first: MessageId, last: MessageId) -> (String, &'static str, &'static str) {
        let name = |id| self.facts.plan.name(id);
        if first == last {
            (name(first).to_string(), "is", "was")
        } else {
            (format!("{} to {}", name(first), name(last)), "are", "were")
        }
    }

    /// ` at offset 16`, or ` at offsets 16 to 31`, and in which life of the store.
    fn at(&self, first: MessageId, last: MessageId) -> Option<String> {
        let (_, log, from) = self.place(first)?;
        let from = from?;
        let mut words = match self.place(last) {
            Some((_, _, Some(to))) if to != from => format!(" at offsets {from} to {to}"),
            _ => format!(" at offset {from}"),
        };
        if let AuditedLog::Read { epoch, .. } = &self.facts.history.audit[log].log {
            words += &epoch_name(self.facts, Some(*epoch));
        }
        Some(words)
    }

    /// Why messages may not have been handed out: the consumer subscribed anew, to another life of the
    /// store, and they stood in its log before.
    fn late(&self, feed: &Feed, first: MessageId, last: MessageId) -> Option<String> {
        let ((_, log, _), (_, _, at)) = (self.place(first)?, self.place(last)?);
        let at = at?;
        let AuditedLog::Read { epoch, .. } = self.facts.history.audit[log].log else {
            return None;
        };
        let who = consumer_name(self.facts, feed.consumer);
        let claims = &self.facts.history.consumers[feed.consumer.place()].subscriptions;
        let mut own = claims.iter().filter(|claim| claim.topic == feed.topic);
        if own.clone().any(|claim| claim.epoch.is_none()) {
            return None;
        }
        let Some(claim) = own.find(|claim| claim.epoch == Some(epoch)) else {
            return Some(format!(", and {who} has no subscription in that life of the store"));
        };
        let start = claim.offset.filter(|start| *start > at)?;
        Some(format!(", and {who} subscribed to that life of the store at offset {start}"))
    }

    /// What stands where a message was said to be: `; at offset 3, which its ack named, stands P2#4`.
    fn instead(&self, message: MessageId) -> Option<String> {
        let topic = self.facts.plan.stream(message).topic;
        let epoch = self.epoch(message);
        let audit = self.facts.history.audit.iter();
        let log = audit.filter(|own| own.topic == topic).find(|own| is_of(own, epoch));
        let Some(Audited { log: AuditedLog::Read { end, messages, .. }, .. }) = log else {
            return None;
        };
        let mut words = format!(", whose end is {end}{}", epoch_name(self.facts, epoch));
        if let Some(offset) = self.facts.requests.acked_at(self.facts.history, message) {
            let found = messages.iter().find(|entry| entry.offset() == Some(offset));
            let what = match found.map(|entry| entry.message()) {
                Some(Some(other)) => self.facts.plan.name(other).to_string(),
                Some(None) => "a message that nobody sent".to_owned(),
                None => "nothing".to_owned(),
            };
            let _ = write!(words, "; at offset {offset}, which its ack named, stands {what}");
        }
        Some(words)
    }

    fn unread(&self, topic: TopicIndex) -> &str {
        let own = self.facts.history.audit.iter().filter(|own| own.topic == topic);
        let mut failed = own.filter_map(|own| match &own.log {
            AuditedLog::Failed(words) => Some(words.as_str()),
            AuditedLog::Read { .. } => None,
        });
        failed.next().unwrap_or("its topic's log was not read")
    }
}

/// Adds a message to the part before it, where that has the same fate.
fn extend(parts: &mut Vec<(Blame, Range<u32>)>, blame: Blame, id: u32) {
    match parts.last_mut() {
        Some((last, part)) if *last == blame => part.end = id + 1,
        _ => parts.push((blame, id..id + 1)),
    }
}

/// Whether it is the log of this life of the store; a broker that tells none has one.
fn is_of(audited: &Audited, epoch: Option<EpochIndex>) -> bool {
    match &audited.log {
        AuditedLog::Read { epoch: own, .. } => epoch.is_none_or(|epoch| epoch == *own),
        AuditedLog::Failed(_) => false,
    }
}
