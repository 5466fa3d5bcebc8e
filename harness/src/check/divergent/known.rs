//! What acks and other consumers say about where the messages of a log stand.

use crate::check::facts::{Facts, Log, Stray};
use crate::plan::MessageId;
use crate::scenario::Delivery;

/// The places that are known of a log with a feed that is not even; of another one nothing is asked.
#[derive(Default)]
pub(super) struct Known {
    /// What acks named, ascending.
    named: Vec<(u64, MessageId)>,
    /// The same by message, ascending.
    by_message: Vec<(MessageId, u64)>,
    /// By message, ascending: the offset at which a delivery in its order proves it. Empty where a
    /// message may stand in the log twice.
    proven: Vec<(MessageId, u64)>,
}

impl Known {
    pub(super) fn of(facts: &Facts<'_>, log: &Log) -> Self {
        if log.uneven.is_empty() {
            return Self::default();
        }
        let mut named = Vec::new();
        for request in facts.requests.on(log.topic).filter(|own| own.epoch == log.epoch) {
            let messages = request.messages().map(MessageId::new);
            let offset = |own| Some((request.offset_of(facts.history, own)?, own));
            named.extend(messages.filter_map(offset));
        }
        named.sort_unstable();
        let mut proven: Vec<(u64, MessageId)> = Vec::new();
        if facts.plan.scenario.expect.delivery != Delivery::AtLeastOnce {
            proven.extend(log.entries.iter().filter(|(at, own)| log.proves(*at, *own)));
        }
        Self { by_message: by_message(&named), proven: by_message(&proven), named }
    }

    /// Whether acks named another offset for a message, or its offset for another message only.
    pub(super) fn acks_contradict(&self, stray: &Stray) -> bool {
        let (offset, message) = stray.step.entry();
        if self.named.binary_search(&(offset, message)).is_ok() {
            return false;
        }
        let place = self.named.partition_point(|(at, _)| *at < offset);
        let is_taken = self.named.get(place).is_some_and(|(at, _)| *at == offset);
        is_taken || offsets(&self.by_message, message).next().is_some()
    }

    /// The same, or whether other consumers prove that the message stands at another offset. Proven at
    /// its own, too, it stands there twice, which is a duplicate.
    pub(super) fn contradicts(&self, stray: &Stray) -> bool {
        let (offset, message) = stray.step.entry();
        let mut proven = offsets(&self.proven, message).peekable();
        self.acks_contradict(stray) || (proven.peek().is_some() && proven.all(|at| at != offset))
    }
}

fn by_message(entries: &[(u64, MessageId)]) -> Vec<(MessageId, u64)> {
    let mut swapped: Vec<_> = entries.iter().map(|(at, own)| (*own, *at)).collect();
    swapped.sort_unstable();
    swapped
}

/// Those of one message.
fn offsets(ascending: &[(MessageId, u64)], message: MessageId) -> impl Iterator<Item = u64> {
    let from = ascending.partition_point(|(own, _)| *own < message);
    ascending[from..].iter().take_while(move |(own, _)| *own == message).map(|(_, at)| *at)
}
