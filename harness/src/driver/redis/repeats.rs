//! How long what surely did not happen is tried again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::Error;
use crate::driver::client::RetryPolicy;

/// For what passes by itself.
const SHORT: Duration = Duration::from_secs(10);

/// The pauses double from the first to the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(250));

/// The repetitions of one request.
pub(super) struct Repeats {
    until: Instant,
    pause: Duration,
}

impl Repeats {
    /// Those that an actor wants.
    pub(super) fn new(policy: RetryPolicy) -> Self {
        let longest = match policy {
            RetryPolicy::Never => Duration::ZERO,
            RetryPolicy::Short => SHORT,
            RetryPolicy::Within(longest) => longest,
        };
        Self { until: Instant::now() + longest, pause: PAUSES.0 }
    }

    /// Waits until the request may be made again; false where it is not to be, or must not: one that
    /// may have happened would happen twice.
    pub(super) async fn again(&mut self, error: &Error) -> bool {
        let is_safe = !error.class.may_have_happened();
        if !(is_safe && error.may_pass && Instant::now() + self.pause <= self.until) {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(PAUSES.1);
        true
    }

    /// The same for a request that may happen any number of times.
    pub(super) async fn again_whatever(&mut self, error: &Error) -> bool {
        let class = crate::history::Class::NeverLeft;
        self.again(&Error { class, ..error.clone() }).await
    }
}
