//! What a scenario does to its run on purpose: when, what, to whom, and for how long.

use std::fmt;
use std::time::Duration;

use super::names::Actor;

/// One entry of `faults:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// As it was written, on one line: `{ at: 1s, pause: broker, for: 500ms }`.
    pub text: String,
    /// Its line in the scenario's file, from 1.
    pub line: usize,
    /// When it fires. Time counts from the moment at which producers may send.
    pub trigger: Trigger,
    /// What it does.
    pub action: Action,
    /// How long a firing lasts; `None` until the run ends, or until its count is used up.
    pub lasts: Option<Duration>,
}

/// When a fault fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// Once, so long after producers may send.
    At(Duration),
    /// Once, as soon as so much was counted.
    After {
        /// At least 1.
        count: u64,
        /// What is counted.
        counted: Counted,
    },
    /// At `from`, and then again and again; the last time before or at `until`.
    Every {
        /// Between two firings; not zero.
        every: Duration,
        /// The first.
        from: Duration,
        /// None begins after it; where it is not given, none begins after the last producer ended.
        until: Option<Duration>,
    },
}

/// What an `after` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Messages acked, of all producers or of the one with this number.
    Acked(Option<u32>),
    /// Deliveries, to all consumers or to the one with this number.
    Delivered(Option<u32>),
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// SIGKILL; started again on the same port and store when the fault is over.
    Kill(Target),
    /// SIGSTOP; SIGCONT when the fault is over.
    Pause(Target),
    /// SIGTERM, the graceful end; started again when the fault is over.
    Stop(Target),
    /// The next requests of these producers arrive, and their answers are lost.
    DropAck {
        /// Producers only.
        who: Who,
        /// So many requests of each; at least 1.
        count: u64,
    },
    /// Connections are reset, and none is accepted.
    Cut(Who),
    /// Bytes vanish in both directions; the connection stays.
    BlackHole(Who),
    /// Bytes take their time.
    Slow(Who, Slowness),
    /// These consumers lose their memory, and when the fault is over resume from the broker.
    Crash(Who),
}

/// How slow a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowness {
    /// Added to each direction.
    pub latency: Duration,
    /// The latency varies by as much up and down, evenly; never more than it.
    pub jitter: Duration,
    /// Bytes a second in each direction; none is no bound.
    pub bandwidth: Option<u64>,
}

/// A process that is killed, paused or stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The broker of this place, from 0: `broker` is the first, `broker 2` the second.
    Broker(u32),
    /// One of the brokers, chosen by chance anew at each firing: `any`.
    AnyBroker,
    /// The database of the broker.
    Database,
}

/// Whose connections, or which actors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// These, in ascending order, at least one.
    Actors(Vec<Actor>),
    /// One of those that it can be, chosen by chance anew at each firing.
    Any,
    /// All that it can be.
    All,
    /// The connections between broker and database.
    Database,
}

/// The network of a simulated run; a real run has the machine's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// The shortest way of a request or an answer.
    pub latency_min: Duration,
    /// The longest, at least as long; ways between the two are all as likely.
    pub latency_max: Duration,
    /// The share of requests that never arrive, from 0 to 1.
    pub lose_request: f64,
    /// The share of answers that never arrive, from 0 to 1.
    pub lose_response: f64,
}

impl Default for Network {
    /// 1 ms to 10 ms, and nothing is lost.
    fn default() -> Self {
        Self {
            latency_min: Duration::from_millis(1),
            latency_max: Duration::from_millis(10),
            lose_request: 0.0,
            lose_response: 0.0,
        }
    }
}

impl Action {
    /// The key that asks for it in the YAML.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Kill(_) => "kill",
            Self::Pause(_) => "pause",
            Self::Stop(_) => "stop",
            Self::DropAck { .. } => "drop_ack",
            Self::Cut(_) => "cut",
            Self::BlackHole(_) => "black_hole",
            Self::Slow(..) => "slow",
            Self::Crash(_) => "crash",
        }
    }

    /// The process that it is about, if it is about one.
    #[must_use]
    pub const fn target(&self) -> Option<Target> {
        match self {
            Self::Kill(target) | Self::Pause(target) | Self::Stop(target) => Some(*target),
            _ => None,
        }
    }

    /// Whose connections it is about, if it is about connections.
    #[must_use]
    pub const fn links(&self) -> Option<&Who> {
        match self {
            Self::DropAck { who, .. }
            | Self::Cut(who)
            | Self::BlackHole(who)
            | Self::Slow(who, _) => Some(who),
            Self::Kill(_) | Self::Pause(_) | Self::Stop(_) | Self::Crash(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
