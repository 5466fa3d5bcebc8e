//! What a store is asked to do every now and then, in the background. A failure is told to the log when
//! it begins and when it is over, for it mostly lasts for many rounds.

use std::sync::Arc;

use tokio::time::{Duration, Interval, MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use crate::store::{Error, Store};

/// Between two calls of [`Store::tidy`].
const TIDIED_EVERY: Duration = Duration::from_secs(1);

/// Has a store delete what is not to be kept any longer, about once a second and for as long as this is
/// polled. [`serve`](super::serve) does it by itself; whoever serves a router alone has to do it.
pub async fn keep_tidy(store: Arc<dyn Store>) {
    let mut rounds = Rounds::new("delete what is not to be kept any longer", TIDIED_EVERY);
    loop {
        rounds.next().await;
        rounds.tell(store.tidy().await);
    }
}

/// Ends subscriptions without a poll for so long.
pub(super) async fn end_idle(store: Arc<dyn Store>, idle: Duration) {
    let mut rounds = Rounds::of_idle("end idle subscriptions", idle);
    loop {
        rounds.next().await;
        if let Some(ended @ 1..) = rounds.tell(store.end_idle(idle).await) {
            info!(ended, "ended subscriptions that nobody polled");
        }
    }
}

/// Ends producers that sent nothing for so long.
pub(super) async fn end_idle_producers(store: Arc<dyn Store>, idle: Duration) {
    let mut rounds = Rounds::of_idle("end idle producers", idle);
    loop {
        rounds.next().await;
        if let Some(ended @ 1..) = rounds.tell(store.end_idle_producers(idle).await) {
            info!(ended, "ended producers that sent nothing");
        }
    }
}

/// Rounds of some work.
struct Rounds {
    work: &'static str,
    ticks: Interval,
    /// Whether the last round failed.
    fails: bool,
}

impl Rounds {
    fn new(work: &'static str, every: Duration) -> Self {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { work, ticks, fails: false }
    }

    /// Those in which what is idle for so long is found soon.
    fn of_idle(work: &'static str, idle: Duration) -> Self {
        Self::new(work, (idle / 4).max(Duration::from_millis(10)))
    }

    async fn next(&mut self) {
        self.ticks.tick().await;
    }

    /// Tells the log how a round went, if that is news.
    fn tell<T>(&mut self, done: Result<T, Error>) -> Option<T> {
        let failed = std::mem::replace(&mut self.fails, done.is_err());
        match &done {
            Ok(_) if failed => info!("works again: {}", self.work),
            Ok(_) => {}
            Err(error) if failed => debug!(%error, "still cannot {}", self.work),
            Err(error) => warn!(%error, "cannot {}", self.work),
        }
        done.ok()
    }
}
