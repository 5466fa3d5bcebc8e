//! Where lost messages got lost, counted.

use serde::Serialize;

use crate::numbers;

/// Lost deliveries by where they got lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Blames {
    /// Acked, and not in the log.
    pub never_stored: u64,
    /// In the log, and not handed out.
    pub not_delivered: u64,
    /// Acked in a life of the store whose log is gone with it.
    pub log_gone: u64,
    /// Not known, because the log could not be read.
    pub unread: u64,
}

impl Blames {
    /// How many of each there are, and what that is called.
    #[must_use]
    pub const fn named(self) -> [(u64, &'static str); 4] {
        [
            (self.never_stored, "never stored"),
            (self.not_delivered, "stored but not delivered"),
            (self.log_gone, "in a log that is gone"),
            (self.unread, "in a log that could not be read"),
        ]
    }

    /// `2 never stored, 1 stored but not delivered`.
    #[must_use]
    pub fn words(self) -> String {
        let some = self.named().into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> =
            some.map(|(count, what)| format!("{} {what}", numbers::number(count))).collect();
        parts.join(", ")
    }

    /// Adds what was found elsewhere.
    pub(super) fn add(&mut self, other: Self) {
        self.never_stored += other.never_stored;
        self.not_delivered += other.not_delivered;
        self.log_gone += other.log_gone;
        self.unread += other.unread;
    }
}
