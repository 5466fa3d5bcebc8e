//! A topic's log as the consumers' first deliveries tell it: which message stands at which offset.
//!
//! Feeds ascend by offset and mostly agree, so one walk of each feed beside the log that is known so
//! far finds every disagreement without an index: offsets may be sparse.

use super::feed::Feed;
use crate::history::{EpochIndex, History};
use crate::plan::{MessageId, TopicIndex};

/// One life of one topic's log.
#[derive(Debug)]
pub(in crate::check) struct Log {
    pub(in crate::check) topic: TopicIndex,
    pub(in crate::check) epoch: Option<EpochIndex>,
    /// Offset and message, ascending by offset; the first claim wins.
    pub(in crate::check) entries: Vec<(u64, MessageId)>,
    /// Offsets that different consumers have different messages at, ascending.
    pub(in crate::check) disputed: Vec<u64>,
    /// First deliveries that come after one with a greater offset at the same consumer.
    pub(in crate::check) late: Vec<Late>,
    /// Whether a delivery came without an offset, so that the log does not tell everything.
    pub(in crate::check) blind: bool,
}

/// A delivery that comes after one that is behind it.
#[derive(Clone, Copy, Debug)]
pub(in crate::check) struct Late {
    /// The feed, by place among all feeds.
    pub(in crate::check) feed: usize,
    /// Its place among the consumer's deliveries.
    pub(in crate::check) place: usize,
    pub(in crate::check) message: MessageId,
    /// What came before it and is behind it.
    pub(in crate::check) ahead: MessageId,
}

impl Log {
    /// The logs of one topic, one for each life of the store.
    pub(super) fn of_topic(history: &History, feeds: &[Feed], topic: TopicIndex) -> Vec<Self> {
        let own = || feeds.iter().enumerate().filter(|(_, feed)| feed.topic == topic);
        let mut lives: Vec<Option<EpochIndex>> =
            own().flat_map(|(_, feed)| feed.lives(history)).collect();
        lives.sort_unstable();
        lives.dedup();
        let empty = |epoch| Self {
            topic,
            epoch,
            entries: Vec::new(),
            disputed: Vec::new(),
            late: Vec::new(),
            blind: false,
        };
        let mut logs: Vec<Self> = lives.into_iter().map(empty).collect();
        for log in &mut logs {
            for (place, feed) in own() {
                log.add(history, place, feed);
            }
            log.disputed.sort_unstable();
            log.disputed.dedup();
        }
        logs
    }

    /// Walks a feed beside the log and takes over what is new in it.
    fn add(&mut self, history: &History, place: usize, feed: &Feed) {
        let mut fresh = Vec::new();
        let mut next = 0;
        let mut greatest: Option<(u64, MessageId)> = None;
        feed.iter_life(history, self.epoch).for_each(|seen| {
            let Some(message) = seen.first() else { return };
            let Some(offset) = seen.delivery.offset() else {
                self.blind = true;
                return;
            };
            let known = match greatest {
                Some((top, ahead)) if offset < top => {
                    self.late.push(Late { feed: place, place: seen.place, message, ahead });
                    self.entries.binary_search_by_key(&offset, |entry| entry.0).ok()
                }
                _ => {
                    greatest = Some((offset, message));
                    while self.entries.get(next).is_some_and(|entry| entry.0 < offset) {
                        next += 1;
                    }
                    self.entries.get(next).is_some_and(|entry| entry.0 == offset).then_some(next)
                }
            };
            match known {
                Some(known) if self.entries[known].1 != message => self.disputed.push(offset),
                Some(_) => {}
                None => fresh.push((offset, message)),
            }
        });
        self.merge(fresh);
    }

    fn merge(&mut self, mut fresh: Vec<(u64, MessageId)>) {
        // Stable, so that the first claim to an offset stays the first.
        fresh.sort_by_key(|entry| entry.0);
        fresh.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same && later.1 != earlier.1 {
                self.disputed.push(later.0);
            }
            same
        });
        if self.entries.last().is_none_or(|last| fresh.first().is_none_or(|new| last.0 < new.0)) {
            if self.entries.is_empty() {
                self.entries = fresh;
            } else {
                self.entries.append(&mut fresh);
            }
        } else {
            // Two ascending runs: the sort merges them in one pass.
            self.entries.append(&mut fresh);
            self.entries.sort_by_key(|entry| entry.0);
        }
    }
}
