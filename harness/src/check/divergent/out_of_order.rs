//! A delivery that is out of order, and its words.

use crate::check::anomaly::Anomaly;
use crate::check::facts::{Facts, Stray};
use crate::check::finding::Share;
use crate::check::words::consumer_name;
use crate::plan::MessageId;

/// A delivery on the wrong side of another one.
pub(super) struct OutOfOrder {
    feed: usize,
    message: MessageId,
    other: MessageId,
    /// Whether it came after the other one, which is behind it; else before, and is behind it.
    came_after: bool,
}

impl OutOfOrder {
    pub(super) const fn new(feed: usize, stray: &Stray) -> Self {
        Self { feed, message: stray.step.message, other: stray.other, came_after: stray.came_after }
    }

    pub(super) fn share(&self, facts: &Facts<'_>) -> Share {
        facts.feeds[self.feed].share()
    }

    pub(super) fn anomaly(&self, facts: &Facts<'_>) -> Anomaly {
        let feed = &facts.feeds[self.feed];
        let title = format!(
            "{} got {} {} {}, the log has them the other way round",
            consumer_name(facts, feed.consumer),
            facts.plan.describe(self.message),
            if self.came_after { "after" } else { "before" },
            facts.plan.describe(self.other),
        );
        let messages = [self.message, self.other];
        Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &messages, title)
    }
}
