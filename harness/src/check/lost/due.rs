//! Whether a message that was sent while a subscription was on its way is due to it: the log's order
//! decides, as far as anything shows it.

use std::cmp::Reverse;

use crate::check::facts::{Facts, Feed, Request};
use crate::history::{Stamp, Subscribed};
use crate::plan::MessageId;

/// What tells whether a message that was sent while the subscription was on its way is due.
pub(super) struct Order {
    /// The offset that the subscription starts at.
    start: Option<u64>,
    /// By message, ascending: its offset, where a consumer saw it.
    offsets: Vec<(MessageId, u64)>,
    /// The least ack of what was delivered: whatever was sent after it is behind it.
    floor: Stamp,
    /// What another consumer got after something that this one got, ascending.
    behind: Vec<MessageId>,
}

impl Order {
    pub(super) fn of(facts: &Facts<'_>, feed: &Feed, claim: &Subscribed) -> Self {
        let firsts = feed.firsts(facts.history);
        let acks = firsts.filter_map(|(_, message)| Some(facts.requests.of(message)?.acked));
        let mut offsets = Vec::new();
        if claim.offset.is_some() {
            let logs = facts.logs.iter();
            let own = logs.filter(|log| log.topic == feed.topic && log.epoch == claim.epoch);
            let entries = own.flat_map(|log| &log.entries);
            offsets.extend(entries.map(|(offset, message)| (*message, *offset)));
            offsets.sort_unstable();
        }
        Self {
            start: claim.offset,
            offsets,
            floor: acks.min().unwrap_or(Stamp::MAX),
            behind: behind(facts, feed),
        }
    }

    /// `sent_from`: since when the message may be in the log.
    pub(super) fn proves_due(
        &self,
        request: &Request,
        message: MessageId,
        sent_from: Stamp,
    ) -> bool {
        let seen = self.offsets.binary_search_by_key(&message, |entry| entry.0);
        let seen = seen.ok().map(|place| self.offsets[place].1);
        let told = request.offset.filter(|_| message == request.first);
        if let (Some(start), Some(offset)) = (self.start, seen.or(told)) {
            return offset >= start;
        }
        // Offsets ascend within a batch.
        let batch = self.start.zip(request.offset).is_some_and(|(start, first)| first >= start);
        batch || self.floor < sent_from || self.behind.binary_search(&message).is_ok()
    }
}

/// What the consumer that got most of this topic got after something that `feed` got, ascending.
fn behind(facts: &Facts<'_>, feed: &Feed) -> Vec<MessageId> {
    let others = facts.feeds_of(feed.topic).filter(|other| other.consumer != feed.consumer);
    let most = others.max_by_key(|other| (other.classifications.len(), Reverse(other.consumer)));
    let Some(witness) = most else { return Vec::new() };
    let messages = witness.firsts(facts.history).map(|(_, message)| message);
    let mut behind: Vec<MessageId> =
        messages.skip_while(|message| !feed.got.contains(facts.places.of(*message))).collect();
    behind.sort_unstable();
    behind
}
