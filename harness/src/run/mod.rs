//! Runs a plan against a broker that is up: one task an actor, a conductor that leads them through
//! the phases, and the drain. The same code runs on a real and on a simulated broker.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::driver::{Client, Driver, RetryPolicy};
use crate::input::names::Actor;
use crate::log_format::LogFormat;
use crate::plan::{ConsumerIndex, Plan, StreamIndex, TopicIndex};
use crate::scenario::{Acknowledge, Scenario};
use crate::testbed::FaultInjector;

pub use conductor::perform;
pub use phase::{Announcer, Phase, Phases};
pub use recorder::{Counters, Recorder};
pub use routes::Routes;
pub use watch::Watch;

mod audit;
mod conductor;
mod consumer;
mod consumer_log;
mod drain;
mod faults;
mod known;
mod phase;
mod producer;
mod pulse;
mod recorder;
mod routes;
mod signals;
mod stream_sender;
mod traces;
mod watch;

/// How much longer than the longest fault a request is repeated: the broker has to come up again,
/// and several faults may meet.
const LONGER: Duration = Duration::from_secs(30);

/// The same where nodes of a cluster have to find together again, or one of them leaves the others.
const LONGER_ON_CLUSTER: Duration = Duration::from_secs(120);

/// What all actors of one run share.
pub struct RunContext {
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
    /// How their lines are written.
    pub log_format: LogFormat,
    /// Whether the broker keeps all messages to the end, so that its logs say what was stored.
    pub keeps_all: bool,
    /// Whether subscriptions are ended afterwards: on a broker that goes on living.
    pub unsubscribe: bool,
}

impl RunContext {
    /// How the producer of a stream speaks to the broker under a registration whose first message
    /// has this number on the stream.
    pub(crate) fn producer_client(&self, stream: StreamIndex, base: u32) -> Client {
        let place = &self.plan.streams[stream.place()];
        let settings = &self.plan.scenario.producers[place.producer.place()];
        let (actor, topic) = (Actor::producer(settings.number), place.topic);
        Client {
            actor,
            topic,
            stream: Some(stream),
            base,
            route: self.routes.of(actor, topic),
            retries: if settings.retry { self.retries() } else { RetryPolicy::Never },
            acknowledge: Acknowledge::Offset,
        }
    }

    /// How a consumer speaks to the broker about a topic.
    pub(crate) fn consumer_client(&self, consumer: ConsumerIndex, topic: TopicIndex) -> Client {
        let settings = &self.plan.scenario.consumers[consumer.place()];
        let actor = Actor::consumer(settings.number);
        Client {
            actor,
            topic,
            stream: None,
            base: 0,
            route: self.routes.of(actor, topic),
            retries: self.retries(),
            acknowledge: settings.acknowledge,
        }
    }

    /// Longer than what is done on purpose lasts.
    fn retries(&self) -> RetryPolicy {
        let Scenario { faults, broker, .. } = &self.plan.scenario;
        let longer = if broker.cluster.is_some() { LONGER_ON_CLUSTER } else { LONGER };
        let longest = faults.iter().map(|fault| fault.lasts.unwrap_or_default()).max();
        longest.map_or(RetryPolicy::Short, |longest| RetryPolicy::Within(longest + longer))
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
