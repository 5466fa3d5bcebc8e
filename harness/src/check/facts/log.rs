//! A topic's log as the consumers' first deliveries tell it: which message stands at which offset.
//!
//! Feeds ascend by offset and mostly agree, so one walk of each feed beside the log that is known so
//! far finds every disagreement without an index: offsets may be sparse. A feed that does not ascend
//! is looked at more closely, by [`super::uneven`].

use super::feed::Feed;
use super::requests::Requests;
use super::uneven::{self, Restart, Step};
use crate::history::{EpochIndex, History};
use crate::plan::{MessageId, TopicIndex};

/// One life of one topic's log.
#[derive(Debug)]
pub(in crate::check) struct Log {
    pub(in crate::check) topic: TopicIndex,
    pub(in crate::check) epoch: Option<EpochIndex>,
    /// Offset and message, ascending by offset; the first claim wins.
    pub(in crate::check) entries: Vec<(u64, MessageId)>,
    /// Offsets that consumers have different messages at, ascending.
    pub(in crate::check) disputed: Vec<u64>,
    /// Entries that only deliveries out of order speak for, ascending: the offset may be wrong.
    unsure: Vec<(u64, MessageId)>,
    /// By entry: how many consumers have it; empty where all feeds ascend, for nobody asks then.
    votes: Vec<u32>,
    /// The feeds whose first deliveries do not ascend by offset, by place among all feeds.
    pub(in crate::check) uneven: Vec<usize>,
    /// The feeds whose offsets begin again and again. They say nothing about the log.
    pub(in crate::check) restarts: Vec<Restart>,
    /// Whether a delivery came without an offset that says anything, so that the log does not tell
    /// everything.
    pub(in crate::check) blind: bool,
}

impl Log {
    /// The logs of one topic, one for each life of the store.
    pub(super) fn of_topic(
        history: &History,
        requests: &Requests,
        feeds: &[Feed],
        topic: TopicIndex,
    ) -> Vec<Self> {
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
            unsure: Vec::new(),
            votes: Vec::new(),
            uneven: Vec::new(),
            restarts: Vec::new(),
            blind: false,
        };
        let mut logs: Vec<Self> = lives.into_iter().map(empty).collect();
        for log in &mut logs {
            for (place, feed) in own() {
                log.add(history, requests, place, feed);
            }
            log.disputed.sort_unstable();
            log.disputed.dedup();
            log.doubt(history, requests, feeds);
        }
        logs
    }

    /// Whether it is sure that this entry is right: all consumers that have something at the offset
    /// have this message there, and one of them in its order.
    pub(in crate::check) fn proves(&self, offset: u64, message: MessageId) -> bool {
        self.disputed.binary_search(&offset).is_err() && self.is_in_order(offset, message)
    }

    /// Whether a delivery in its order speaks for this entry.
    pub(in crate::check) fn is_in_order(&self, offset: u64, message: MessageId) -> bool {
        self.unsure.binary_search(&(offset, message)).is_err()
    }

    /// Whether the offsets of a feed say something about this log.
    pub(in crate::check) fn hears(&self, feed: usize) -> bool {
        self.restarts.iter().all(|restart| restart.feed != feed)
    }

    /// Walks a feed beside the log and takes over what is new in it.
    fn add(&mut self, history: &History, requests: &Requests, place: usize, feed: &Feed) {
        let mut fresh = Vec::new();
        let mut disputed = Vec::new();
        let mut next = 0;
        let mut top: Option<u64> = None;
        let mut ascends = true;
        feed.iter_life(history, self.epoch).for_each(|seen| {
            let Some(message) = seen.first() else { return };
            let Some(offset) = seen.delivery.offset() else {
                self.blind = true;
                return;
            };
            let known = if top.is_some_and(|top| offset <= top) {
                ascends = false;
                self.entries.binary_search_by_key(&offset, |entry| entry.0).ok()
            } else {
                top = Some(offset);
                while self.entries.get(next).is_some_and(|entry| entry.0 < offset) {
                    next += 1;
                }
                self.entries.get(next).is_some_and(|entry| entry.0 == offset).then_some(next)
            };
            match known {
                Some(known) if self.entries[known].1 != message => disputed.push(offset),
                Some(_) => {}
                None => fresh.push((offset, message)),
            }
        });
        if !ascends {
            let steps = uneven::steps(history, requests, feed, self.epoch);
            if let Some(restart) = uneven::restart(place, &steps) {
                self.restarts.push(restart);
                self.blind = true;
                return;
            }
            self.uneven.push(place);
        }
        self.disputed.append(&mut disputed);
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

    /// The first deliveries of a feed in this life of the store, with their offsets; those without one
    /// are left out.
    pub(in crate::check) fn steps(
        &self,
        history: &History,
        requests: &Requests,
        feed: &Feed,
    ) -> Vec<Step> {
        let mut steps = uneven::steps(history, requests, feed, self.epoch);
        for step in &mut steps {
            let votes = self.entry(step).and_then(|entry| self.votes.get(entry));
            if votes.is_some_and(|votes| *votes > 1) {
                step.trust = 1;
            }
        }
        steps
    }

    /// The entry that says the same.
    fn entry(&self, step: &Step) -> Option<usize> {
        let found = self.entries.binary_search_by_key(&step.offset, |entry| entry.0).ok();
        found.filter(|entry| self.entries[*entry].1 == step.message)
    }

    /// Finds the entries that no delivery in its order speaks for. Most logs have no uneven feed, and
    /// then there is nothing to do.
    fn doubt(&mut self, history: &History, requests: &Requests, feeds: &[Feed]) {
        if self.uneven.is_empty() {
            return;
        }
        let own = feeds.iter().enumerate().filter(|(_, feed)| feed.topic == self.topic);
        let heard: Vec<&Feed> =
            own.filter(|(place, _)| self.hears(*place)).map(|(_, feed)| feed).collect();
        let mut votes = vec![0; self.entries.len()];
        for feed in &heard {
            let steps = uneven::steps(history, requests, feed, self.epoch);
            for entry in steps.iter().filter_map(|step| self.entry(step)) {
                votes[entry] += 1;
            }
        }
        self.votes = votes;
        let mut unsure = Vec::new();
        for feed in &self.uneven {
            let steps = self.steps(history, requests, &feeds[*feed]);
            unsure.extend(uneven::strays(&steps).iter().map(|stray| stray.step.entry()));
        }
        unsure.sort_unstable();
        unsure.dedup();
        let mut in_order = vec![false; unsure.len()];
        for feed in heard {
            let steps = self.steps(history, requests, feed);
            let strays = uneven::strays(&steps);
            let mut strays = strays.iter().map(|stray| stray.step.place).peekable();
            for step in &steps {
                if strays.next_if_eq(&step.place).is_none()
                    && let Ok(entry) = unsure.binary_search(&step.entry())
                {
                    in_order[entry] = true;
                }
            }
        }
        let unsure = unsure.into_iter().zip(in_order);
        self.unsure = unsure.filter(|(_, in_order)| !in_order).map(|(entry, _)| entry).collect();
    }
}
