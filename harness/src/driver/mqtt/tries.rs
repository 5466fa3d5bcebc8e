//! How often, how long and with which pauses something is tried again.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::driver::client::RetryPolicy;
use crate::driver::failure::{Failure, FailureKind};

/// The pause after the first try; each is twice as long as the one before it.
const FIRST: Duration = Duration::from_millis(20);

/// What is left of the tries of one call.
pub(super) struct Tries {
    left: u32,
    until: Option<Instant>,
    pause: Duration,
    longest: Duration,
}

impl Tries {
    /// Those of a call whose first try begins now.
    pub(super) fn new(policy: RetryPolicy) -> Self {
        let (left, total, longest) = match policy {
            RetryPolicy::Never => (0, Duration::ZERO, FIRST),
            // As the client of our own broker does.
            RetryPolicy::Short => (7, Duration::from_secs(30), Duration::from_secs(2)),
            RetryPolicy::Within(total) => (u32::MAX, total, Duration::from_millis(250)),
        };
        Self { left, until: Instant::now().checked_add(total), pause: FIRST, longest }
    }

    /// Pauses before the next try, if there is one after this failure.
    pub(super) async fn again(&mut self, failure: &Failure) -> bool {
        let is_over = self.until.is_some_and(|until| Instant::now() + self.pause > until);
        if self.left == 0 || is_over || failure.kind != FailureKind::MayPass {
            return false;
        }
        sleep(self.pause).await;
        self.left -= 1;
        self.pause = (self.pause * 2).min(self.longest);
        true
    }
}
