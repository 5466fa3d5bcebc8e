//! The phases of a run, which the conductor announces and the actors follow.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::drain::Goal;

/// Where the run is.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Producers register and consumers subscribe; nobody sends yet.
    Gathering,
    /// Producers send; the instant is the origin of their pace.
    Producing(Instant),
    /// Producers are done; consumers catch up until the goal is reached.
    Draining(Arc<Goal>),
    /// Everyone is caught up; each consumer polls until an answer is empty.
    LastPolls,
    /// Actors end as soon as they can.
    Stopped,
}

/// An actor's view of the phases.
#[derive(Clone, Debug)]
pub struct Phases(watch::Receiver<Phase>);

impl Phases {
    /// The sender and the first view.
    #[must_use]
    pub fn new(first: Phase) -> (watch::Sender<Phase>, Self) {
        let (sender, receiver) = watch::channel(first);
        (sender, Self(receiver))
    }

    /// The phase now.
    #[must_use]
    pub fn now(&self) -> Phase {
        self.0.borrow().clone()
    }

    /// Whether the run is stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(*self.0.borrow(), Phase::Stopped)
    }

    /// Waits until producers may send; none when the run was stopped before.
    pub async fn producing(&mut self) -> Option<Instant> {
        let started = |phase: &Phase| !matches!(phase, Phase::Gathering);
        match self.0.wait_for(started).await.as_deref() {
            Ok(Phase::Producing(origin)) => Some(*origin),
            // The conductor is gone, or went on without this actor: it stopped the run.
            _ => None,
        }
    }

    /// Waits until the run is stopped.
    pub async fn stopped(&mut self) {
        // An error says that the conductor is gone: that stops the run as well.
        let _ = self.0.wait_for(|phase| matches!(phase, Phase::Stopped)).await;
    }

    /// Waits until no answer is worth waiting for: the last polls, or a stop.
    pub async fn hurry(&mut self) {
        let hurried = |phase: &Phase| matches!(phase, Phase::LastPolls | Phase::Stopped);
        let _ = self.0.wait_for(hurried).await;
    }

    /// Waits until the answer to a poll is not worth waiting for; one of the last polls is worth
    /// it until the run is stopped.
    pub async fn no_longer_wanted(&mut self, last: bool) {
        if last { self.stopped().await } else { self.hurry().await }
    }

    /// Waits until the phase is another than when this was last asked.
    pub async fn changed(&mut self) {
        // As in `stopped`; `now` then goes on telling the last phase, so it must not return.
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
