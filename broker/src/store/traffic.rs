//! Counts what goes through a topic, and through all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::observed::Traffic;

/// Counts for all topics, those that are gone included: a sum over topics would fall when one goes.
#[derive(Debug, Default)]
pub(super) struct Counts {
    messages: AtomicU64,
    bytes: AtomicU64,
    delivered: AtomicU64,
}

/// Counts for one topic; it lives in the topic.
#[derive(Debug)]
pub(super) struct TopicCounts {
    own: Counts,
    all: Arc<Counts>,
}

impl Counts {
    pub(super) fn now(&self) -> Traffic {
        Traffic {
            messages: self.messages.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
        }
    }
}

impl TopicCounts {
    pub(super) fn new(all: &Arc<Counts>) -> Self {
        Self { own: Counts::default(), all: Arc::clone(all) }
    }

    pub(super) fn appended(&self, messages: u64, bytes: u64) {
        for counts in [&self.own, &*self.all] {
            counts.messages.fetch_add(messages, Ordering::Relaxed);
            counts.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn delivered(&self, messages: u64) {
        // Most polls that wait come back without any.
        if messages > 0 {
            self.own.delivered.fetch_add(messages, Ordering::Relaxed);
            self.all.delivered.fetch_add(messages, Ordering::Relaxed);
        }
    }

    pub(super) fn now(&self) -> Traffic {
        self.own.now()
    }
}
