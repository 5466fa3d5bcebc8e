//! The phases of a run, which the conductor announces and the actors follow.

use std::sync::Arc;

use tokio::time::Instant;

use super::drain::DrainTarget;
use crate::ordered_signal::OrderedSignal;

/// Where the run is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Producers register and consumers subscribe; no message is sent yet.
    Gathering,
    /// Producers send; the instant is the origin of their pace.
    Producing(Instant),
    /// Producers are done; consumers catch up until the target is reached.
    Draining(Arc<DrainTarget>),
    /// Every consumer is caught up; each polls until an answer is empty.
    LastPolls,
    /// Actors end as soon as they can.
    Stopped,
}

/// Announces the phases. Dropped, it announces the end.
#[derive(Debug)]
pub struct Announcer(Arc<OrderedSignal<Latest>>);

/// An actor's view of the phases.
#[derive(Clone, Debug)]
pub struct Phases {
    latest: Arc<OrderedSignal<Latest>>,
    /// The last announcement that `changed` returned for.
    seen: u64,
}

#[derive(Debug)]
struct Latest {
    phase: Phase,
    /// How many were announced.
    count: u64,
}

impl Announcer {
    /// Announces the next phase.
    pub fn announce(&self, phase: Phase) {
        self.0.change(|latest| {
            latest.phase = phase;
            latest.count += 1;
        });
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.announce(Phase::Stopped);
    }
}

impl Phases {
    /// The announcer and the first view.
    pub fn new(first: Phase) -> (Announcer, Self) {
        let latest = Arc::new(OrderedSignal::new(Latest { phase: first, count: 0 }));
        (Announcer(Arc::clone(&latest)), Self { latest, seen: 0 })
    }

    /// The phase now.
    pub fn now(&self) -> Phase {
        self.latest.lock().phase.clone()
    }

    /// Whether the run is stopped.
    pub fn is_stopped(&self) -> bool {
        matches!(self.latest.lock().phase, Phase::Stopped)
    }

    /// Waits until producers may send; none when the run was stopped before, or went on without
    /// this actor.
    pub async fn producing(&self) -> Option<Instant> {
        let started = |latest: &Latest| match latest.phase {
            Phase::Gathering => None,
            Phase::Producing(origin) => Some(Some(origin)),
            _ => Some(None),
        };
        self.latest.wait_for(started).await
    }

    /// Waits until every producer is done.
    pub async fn sent(&self) {
        let is_sent = |latest: &Latest| match latest.phase {
            Phase::Gathering | Phase::Producing(_) => None,
            Phase::Draining(_) | Phase::LastPolls | Phase::Stopped => Some(()),
        };
        self.latest.wait_for(is_sent).await;
    }

    /// Waits until the run is stopped.
    pub async fn stopped(&self) {
        let stopped = |latest: &Latest| matches!(latest.phase, Phase::Stopped).then_some(());
        self.latest.wait_for(stopped).await;
    }

    /// Waits until the answer to a poll is not worth waiting for: at the last polls, or, for one of
    /// those, when the run is stopped.
    pub async fn no_longer_wanted(&self, last: bool) {
        let is_over = |latest: &Latest| match latest.phase {
            Phase::Stopped => Some(()),
            Phase::LastPolls => (!last).then_some(()),
            _ => None,
        };
        self.latest.wait_for(is_over).await;
    }

    /// Waits until a phase is announced that this view has not returned for. May be dropped and
    /// called again.
    pub async fn changed(&mut self) {
        let seen = self.seen;
        let changed = |latest: &Latest| (latest.count != seen).then_some(latest.count);
        self.seen = self.latest.wait_for(changed).await;
    }
}
