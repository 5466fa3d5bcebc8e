//! Runs a plan against a broker that is up: one task an actor, a conductor that leads them through
//! the phases, and the drain. The same code runs on a real and on a simulated broker.

use std::path::PathBuf;
use std::sync::Arc;

use crate::driver::Driver;
use crate::plan::Plan;

pub use conductor::perform;
pub use phase::{Announcer, Phase, Phases};
pub use recorder::{Counters, Recorder};

mod conductor;
mod consumer;
mod consumer_log;
mod drain;
mod identity;
mod lane;
mod phase;
mod producer;
mod recorder;

/// What all actors of one run share.
pub struct Stage {
    /// What is going to happen.
    pub plan: Arc<Plan>,
    /// How the broker is spoken to.
    pub driver: Arc<dyn Driver>,
    /// What they tell.
    pub recorder: Arc<Recorder>,
    /// Where consumer logs go; none writes no logs.
    pub out: Option<PathBuf>,
    /// Whether subscriptions are ended afterwards: on a broker that goes on living.
    pub unsubscribe: bool,
}

/// What an actor tells the conductor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// It is registered or subscribed everywhere.
    Ready,
    /// While draining: a consumer stands elsewhere than before.
    Standing {
        /// Where it stood; at first, [`Standing::Waiting`].
        from: Standing,
        /// Where it stands now.
        to: Standing,
    },
}

/// Where a consumer stands while the run drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It still waits for something, and cannot say that nothing comes.
    Waiting,
    /// It has everything that was acked.
    CaughtUp,
    /// It lacks something, and wherever it does the broker answers that there is nothing.
    Quiet,
}
