//! Counts what goes through a topic, and through all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::observed::Traffic;
use crate::striped::Striped;

/// Counts for all topics, those that are gone included: a sum over topics would fall when one goes.
#[derive(Debug, Default)]
pub(super) struct AllCounts(Striped<Counts>);

/// Counts for one topic; it lives in the topic.
#[derive(Debug)]
pub(super) struct TopicCounts {
    own: Counts,
    all: Arc<AllCounts>,
}

#[derive(Debug, Default)]
struct Counts {
    messages: AtomicU64,
    bytes: AtomicU64,
    delivered: AtomicU64,
}

impl AllCounts {
    pub(super) fn now(&self) -> Traffic {
        self.0.all().map(Counts::now).fold(Traffic::default(), |sum, one| Traffic {
            messages: sum.messages + one.messages,
            bytes: sum.bytes + one.bytes,
            delivered: sum.delivered + one.delivered,
        })
    }
}

impl TopicCounts {
    pub(super) fn new(all: &Arc<AllCounts>) -> Self {
        Self { own: Counts::default(), all: Arc::clone(all) }
    }

    pub(super) fn appended(&self, messages: u64, bytes: u64) {
        for counts in [&self.own, self.all.0.own()] {
            counts.messages.fetch_add(messages, Ordering::Relaxed);
            counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn delivered(&self, messages: u64) {
        // Most polls that wait come back without any.
        if messages > 0 {
            for counts in [&self.own, self.all.0.own()] {
                counts.delivered.fetch_add(messages, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn now(&self) -> Traffic {
        self.own.now()
    }
}

impl Counts {
    fn now(&self) -> Traffic {
        Traffic {
            messages: self.messages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
        }
    }
}
