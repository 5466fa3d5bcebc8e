//! Connections for which there is no place: said in the log, and waited for.

use std::fmt;

use tokio::time::{Duration, Instant, sleep_until};
use tracing::warn;

/// Why there is none, where it is not the system that says it.
pub(super) const MOST_OPEN: &str = "as many are open as --max-connections says";

/// Connections for which there is no place.
#[derive(Default)]
pub(super) struct Shortage {
    /// Until when none is to be accepted, if none is closed before.
    pub(super) pause: Option<Instant>,
    last: Option<Instant>,
}

impl Shortage {
    /// One more. It is logged only if there was none within a minute, for there may be thousands.
    pub(super) fn note(&mut self, why: &impl fmt::Display) {
        let now = Instant::now();
        if self.last.is_none_or(|last| now - last > Duration::from_secs(60)) {
            warn!(%why, "no place for a connection; a poll that waits is answered, or one that is \
                  idle or does not send its request is closed");
        }
        self.last = Some(now);
    }

    /// Accepts none for a moment.
    pub(super) fn pause(&mut self) {
        self.pause = Some(Instant::now() + Duration::from_millis(100));
    }

    pub(super) async fn paused(&self) {
        if let Some(end) = self.pause {
            sleep_until(end).await;
        }
    }
}
