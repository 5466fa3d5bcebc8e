//! Ids that were given, and which of them still are somebody's.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Weak};

use super::topic::Topic;

/// Ids from 0 on, none given twice.
#[derive(Default)]
pub(super) struct Ids {
    next: i64,
    /// With the topic of each, which may be deleted by now.
    live: BTreeMap<i64, Weak<Topic>>,
}

impl Ids {
    /// How many have not ended.
    pub(super) fn count(&self) -> usize {
        self.live.len()
    }

    /// The id that is given next.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Gives the next one, for this topic.
    pub(super) fn give(&mut self, topic: &Arc<Topic>) -> i64 {
        let id = self.next;
        self.next += 1;
        self.live.insert(id, Arc::downgrade(topic));
        id
    }

    /// Whether it was given and has not ended.
    pub(super) fn has(&self, id: i64) -> bool {
        self.live.contains_key(&id)
    }

    /// At most so many that have not ended, those after one, with their topics.
    pub(super) fn after(&self, after: Option<i64>, most: usize) -> Vec<(i64, Weak<Topic>)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.live.range((from, Bound::Unbounded)).take(most);
        range.map(|(id, topic)| (*id, Weak::clone(topic))).collect()
    }

    /// Ends one.
    pub(super) fn end(&mut self, id: i64) {
        self.live.remove(&id);
    }
}
