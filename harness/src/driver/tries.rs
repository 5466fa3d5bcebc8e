//! How long a call that failed is made again, and with which pauses.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::client::RetryPolicy;
use super::failure::Failure;

/// For what passes by itself: a server that is busy takes seconds.
const SHORT: Duration = Duration::from_secs(10);

/// The pause after the first try; each is twice as long as the one before it, up to the longest: coming
/// back seconds after the broker does makes a run longer for nothing.
const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_millis(250);

/// The tries of one call.
#[derive(Debug)]
pub(super) struct Tries {
    /// None is no end.
    until: Option<Instant>,
    pause: Duration,
}

impl Tries {
    /// Those of a call whose first try begins now.
    pub(super) fn new(policy: RetryPolicy) -> Self {
        let within = match policy {
            RetryPolicy::Never => Duration::ZERO,
            RetryPolicy::Short => SHORT,
            RetryPolicy::Within(time) => time,
        };
        Self { until: Instant::now().checked_add(within), pause: FIRST }
    }

    /// The same, for so long at the most.
    #[cfg(feature = "nats")]
    pub(super) fn at_most(self, limit: Duration) -> Self {
        let limit = Instant::now().checked_add(limit);
        Self { until: self.until.into_iter().chain(limit).min(), ..self }
    }

    /// Pauses before the next try, if there is to be one: where the last one may be repeated, and time
    /// is left.
    pub(super) async fn again(&mut self, may_repeat: bool) -> bool {
        let is_over = self.until.is_some_and(|until| Instant::now() + self.pause > until);
        if is_over || !may_repeat {
            return false;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
        true
    }
}

/// Makes a call until it is answered, as far as the policy goes and a failure may pass.
pub(super) async fn repeat<T, F: Future<Output = Result<T, Failure>>>(
    policy: RetryPolicy,
    mut call: impl FnMut() -> F,
) -> Result<T, Failure> {
    let mut tries = Tries::new(policy);
    loop {
        match call().await {
            Err(failure) if tries.again(failure.may_pass()).await => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::FailureKind;

    async fn tried(policy: RetryPolicy, kind: FailureKind) -> (u32, Duration) {
        let (began, mut made) = (Instant::now(), 0);
        let failure = Failure { kind, ..Failure::new("no") };
        let call = || {
            made += 1;
            std::future::ready(Err::<(), _>(failure.clone()))
        };
        assert!(repeat(policy, call).await.is_err());
        (made, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_repeated_within_its_time_where_its_failure_may_pass() {
        let (made, _) = tried(RetryPolicy::Never, FailureKind::MayPass).await;
        assert_eq!(made, 1);
        let (made, took) = tried(RetryPolicy::Short, FailureKind::MayPass).await;
        assert!(made > 30 && took <= SHORT && took > SHORT - LONGEST, "{made} in {took:?}");
        let within = RetryPolicy::Within(Duration::from_millis(100));
        // After 20 and 40 ms, and not after 80 more.
        assert_eq!(tried(within, FailureKind::MayPass).await, (3, Duration::from_millis(60)));
        let (made, _) = tried(RetryPolicy::Within(Duration::MAX), FailureKind::Final).await;
        assert_eq!(made, 1);
    }
}
