//! How long what failed for sure is tried again.

use std::time::Duration;

use tokio::time::Instant;

use crate::driver::client::RetryPolicy;

/// The first pause; each is twice the one before.
const FIRST: Duration = Duration::from_millis(20);

/// Coming back seconds after the broker does makes a run longer for nothing.
const LONGEST: Duration = Duration::from_millis(500);

/// What is tried a few times is tried for so long: a node that is busy takes seconds.
const SHORT: Duration = Duration::from_secs(10);

/// The pauses between the attempts of one call.
pub(super) struct Pauses {
    until: Instant,
    next: Duration,
}

impl Pauses {
    /// Those of a call that begins now.
    pub(super) fn new(policy: RetryPolicy) -> Self {
        let within = match policy {
            RetryPolicy::Never => Duration::ZERO,
            RetryPolicy::Short => SHORT,
            RetryPolicy::Within(total) => total,
        };
        Self { until: Instant::now() + within, next: FIRST }
    }

    /// The pause before another attempt; none when there is to be none.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        (Instant::now() + pause < self.until).then_some(pause)
    }
}
