//! Ids that were given, and which of them still are somebody's.

use std::collections::BTreeSet;

/// Ids from 0 on, none given twice.
#[derive(Debug, Default)]
pub(super) struct Ids {
    next: i64,
    live: BTreeSet<i64>,
}

impl Ids {
    /// The id that is given next.
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// Gives the next one.
    pub(super) fn give(&mut self) -> i64 {
        let id = self.next;
        self.next += 1;
        self.live.insert(id);
        id
    }

    /// Whether it was given and has not ended.
    pub(super) fn has(&self, id: i64) -> bool {
        self.live.contains(&id)
    }

    /// Ends one.
    pub(super) fn end(&mut self, id: i64) {
        self.live.remove(&id);
    }
}
