//! Runs a plan against a broker that is up: one task an actor, a conductor that leads them through
//! the phases, and the drain. The same code runs on a real and on a simulated broker.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Driver, Manner, Patience, Routes};
use crate::input::names::Actor;
use crate::plan::{ConsumerIndex, Plan, StreamIndex, TopicIndex};
use crate::scenario::Acknowledge;
use crate::testbed::FaultInjector;

pub use audit::audit;
pub use conductor::perform;
pub use phase::{Announcer, Phase, Phases};
pub use recorder::{Counters, Recorder};

mod audit;
mod conductor;
mod consumer;
mod consumer_log;
mod drain;
mod faults;
mod identity;
mod lane;
mod phase;
mod producer;
mod recorder;
mod signals;

/// How much longer than the longest fault a request is repeated: the broker has to come up again,
/// and several faults may meet.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all actors of one run share.
pub struct Stage {
    /// What is going to happen.
    pub plan: Arc<Plan>,
    /// How the broker is spoken to.
    pub driver: Arc<dyn Driver>,
    /// Which actor speaks to which address.
    pub routes: Routes,
    /// What carries out faults; `None` where none can be.
    pub injector: Option<Arc<dyn FaultInjector>>,
    /// What they tell.
    pub recorder: Arc<Recorder>,
    /// Where consumer logs go; none writes no logs.
    pub out: Option<PathBuf>,
    /// Whether subscriptions are ended afterwards: on a broker that goes on living.
    pub unsubscribe: bool,
}

impl Stage {
    /// How the producer of a stream speaks to the broker.
    pub(crate) fn producer_manner(&self, stream: StreamIndex) -> Manner {
        let stream = &self.plan.streams[stream.place()];
        let settings = &self.plan.scenario.producers[stream.producer.place()];
        let route = self.routes.of(Actor::producer(settings.number), stream.topic);
        let patience = if settings.retry { self.patience() } else { Patience::None };
        Manner { route, patience, acknowledge: Acknowledge::Offset }
    }

    /// How a consumer speaks to the broker about a topic.
    pub(crate) fn consumer_manner(&self, consumer: ConsumerIndex, topic: TopicIndex) -> Manner {
        let settings = &self.plan.scenario.consumers[consumer.place()];
        let route = self.routes.of(Actor::consumer(settings.number), topic);
        Manner { route, patience: self.patience(), acknowledge: settings.acknowledge }
    }

    /// Longer than what is done on purpose lasts.
    fn patience(&self) -> Patience {
        let faults = &self.plan.scenario.faults;
        let longest = faults.iter().map(|fault| fault.lasts.unwrap_or_default()).max();
        longest.map_or(Patience::Usual, |longest| Patience::Long(longest + PATIENCE))
    }
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
