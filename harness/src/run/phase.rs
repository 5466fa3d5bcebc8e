//! The phases of a run, which the conductor announces and the actors follow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::drain::DrainTarget;

/// Where the run is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Producers register and consumers subscribe; nobody sends yet.
    Gathering,
    /// Producers send; the instant is the origin of their pace.
    Producing(Instant),
    /// Producers are done; consumers catch up until the target is reached.
    Draining(Arc<DrainTarget>),
    /// Everyone is caught up; each consumer polls until an answer is empty.
    LastPolls,
    /// Actors end as soon as they can.
    Stopped,
}

/// Announces the phases. Dropped, it announces the end.
#[derive(Debug)]
pub struct Announcer(Arc<Shared>);

/// An actor's view of the phases.
///
/// Not a `watch` channel: that wakes those who wait in an order of chance, and a simulated run must
/// follow from its seed. This one wakes them in the order in which they began to wait.
#[derive(Clone, Debug)]
pub struct Phases {
    shared: Arc<Shared>,
    /// The announcement that was told last by `changed`.
    told: u64,
}

#[derive(Debug)]
struct Shared {
    latest: Mutex<Latest>,
    announced: Notify,
}

#[derive(Debug)]
struct Latest {
    phase: Phase,
    /// How many were announced.
    count: u64,
}

impl Shared {
    fn latest(&self) -> MutexGuard<'_, Latest> {
        // Nothing under this lock can leave it half-changed.
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` finds something in the latest announcement.
    async fn wait_for<T>(&self, look: impl Fn(&Latest) -> Option<T>) -> T {
        loop {
            // Before the look: what is announced after it wakes this up.
            let announced = self.announced.notified();
            if let Some(found) = look(&self.latest()) {
                return found;
            }
            announced.await;
        }
    }
}

impl Announcer {
    /// Announces the next phase.
    pub fn announce(&self, phase: Phase) {
        let mut latest = self.0.latest();
        latest.phase = phase;
        latest.count += 1;
        drop(latest);
        self.0.announced.notify_waiters();
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.announce(Phase::Stopped);
    }
}

impl Phases {
    /// The announcer and the first view.
    #[must_use]
    pub fn new(first: Phase) -> (Announcer, Self) {
        let latest = Mutex::new(Latest { phase: first, count: 0 });
        let shared = Arc::new(Shared { latest, announced: Notify::new() });
        (Announcer(Arc::clone(&shared)), Self { shared, told: 0 })
    }

    /// The phase now.
    #[must_use]
    pub fn now(&self) -> Phase {
        self.shared.latest().phase.clone()
    }

    /// Whether the run is stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.shared.latest().phase, Phase::Stopped)
    }

    /// Waits until producers may send; none when the run was stopped before, or went on without
    /// this actor.
    pub async fn producing(&self) -> Option<Instant> {
        let started = |latest: &Latest| match latest.phase {
            Phase::Gathering => None,
            Phase::Producing(origin) => Some(Some(origin)),
            _ => Some(None),
        };
        self.shared.wait_for(started).await
    }

    /// Waits until the run is stopped.
    pub async fn stopped(&self) {
        let stopped = |latest: &Latest| matches!(latest.phase, Phase::Stopped).then_some(());
        self.shared.wait_for(stopped).await;
    }

    /// Waits until no answer is worth waiting for: the last polls, or a stop.
    pub async fn hurry(&self) {
        let hurried = |latest: &Latest| {
            matches!(latest.phase, Phase::LastPolls | Phase::Stopped).then_some(())
        };
        self.shared.wait_for(hurried).await;
    }

    /// Waits until the answer to a poll is not worth waiting for; one of the last polls is worth
    /// it until the run is stopped.
    pub async fn no_longer_wanted(&self, last: bool) {
        if last { self.stopped().await } else { self.hurry().await }
    }

    /// Waits until a phase is announced that this view has not told of. May be dropped and called
    /// again.
    pub async fn changed(&mut self) {
        let told = self.told;
        let changed = |latest: &Latest| (latest.count != told).then_some(latest.count);
        self.told = self.shared.wait_for(changed).await;
    }
}
