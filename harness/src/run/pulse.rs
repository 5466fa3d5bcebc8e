//! Whether a run moves: what came through so far, what failed, and what is under way.

use std::sync::atomic::{AtomicU64, Ordering};

/// Told by the actors.
#[derive(Debug, Default)]
pub struct Pulse {
    good: AtomicU64,
    bad: AtomicU64,
    under_way: AtomicU64,
}

/// A pulse at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    good: u64,
    bad: u64,
    under_way: u64,
}

impl Pulse {
    /// Messages were acked or delivered.
    pub fn good(&self, count: u32) {
        self.good.fetch_add(count.into(), Ordering::Relaxed);
    }

    /// A request or a poll failed.
    pub fn bad(&self) {
        self.bad.fetch_add(1, Ordering::Relaxed);
    }

    /// A request leaves; [`Pulse::is_over`] has to follow.
    pub fn leaves(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// A request is over.
    pub fn is_over(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// How it is now.
    pub fn now(&self) -> Beat {
        let [good, bad, under_way] =
            [&self.good, &self.bad, &self.under_way].map(|count| count.load(Ordering::Relaxed));
        Beat { good, bad, under_way }
    }
}

impl Beat {
    /// Whether something came through since `before`.
    pub fn moves(self, before: Self) -> bool {
        self.good > before.good
    }

    /// Whether something was tried since `before`, or is, and nothing came through.
    pub fn stands_still(self, before: Self) -> bool {
        !self.moves(before) && (self.bad > before.bad || before.under_way.min(self.under_way) > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::Pulse;

    #[test]
    fn who_asks_for_nothing_does_not_stand_still() {
        let pulse = Pulse::default();
        let before = pulse.now();
        assert!(!pulse.now().stands_still(before) && !pulse.now().moves(before));
        // It left a moment ago, and may be answered.
        pulse.leaves();
        assert!(!pulse.now().stands_still(before));
        assert!(pulse.now().stands_still(pulse.now()));
        pulse.is_over();
        pulse.bad();
        assert!(pulse.now().stands_still(before));
        pulse.good(2);
        assert!(!pulse.now().stands_still(before) && pulse.now().moves(before));
    }
}
