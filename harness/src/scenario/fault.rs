//! What a scenario does to its run on purpose: when, what, to whom, and for how long.

use std::fmt;
use std::time::Duration;

use humantime::format_duration;

use super::names::{self, Actor, Kind};

/// One entry of `faults:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
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

/// As a person would write it: `{ at: 1s, pause: broker, for: 500ms }`. Loading it again gives an
/// equal fault, but for its line.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{ {}, {}", self.trigger, self.action)?;
        if let Some(lasts) = self.lasts {
            write!(f, ", for: {}", format_duration(lasts))?;
        }
        f.write_str(" }")
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "at: {}", format_duration(*at)),
            Self::After { count, counted } => write!(f, "after: {count} {counted}"),
            Self::Every { every, from, until } => {
                write!(f, "every: {}", format_duration(*every))?;
                if !from.is_zero() {
                    write!(f, ", from: {}", format_duration(*from))?;
                }
                until.map_or(Ok(()), |until| write!(f, ", until: {}", format_duration(until)))
            }
        }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Acked(None) => f.write_str("acked"),
            Self::Acked(Some(number)) => write!(f, "acked by P{number}"),
            Self::Delivered(None) => f.write_str("delivered"),
            Self::Delivered(Some(number)) => write!(f, "delivered to C{number}"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Self::Kill(target) | Self::Pause(target) | Self::Stop(target) => {
                write!(f, "{key}: {target}")
            }
            Self::DropAck { who, count } => write!(f, "{key}: {who}, count: {count}"),
            Self::Cut(who) | Self::BlackHole(who) | Self::Crash(who) => write!(f, "{key}: {who}"),
            Self::Slow(who, slowness) => write!(f, "{key}: {who}{slowness}"),
        }
    }
}

impl fmt::Display for Slowness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.latency.is_zero() {
            write!(f, ", latency: {}", format_duration(self.latency))?;
        }
        if !self.jitter.is_zero() {
            write!(f, ", jitter: {}", format_duration(self.jitter))?;
        }
        match self.bandwidth {
            Some(bytes) if bytes % 1024 == 0 => write!(f, ", bandwidth: {}KiB/s", bytes / 1024),
            Some(bytes) => write!(f, ", bandwidth: {bytes}B/s"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(0) => f.write_str("broker"),
            Self::Broker(place) => write!(f, "broker {}", place + 1),
            Self::AnyBroker => f.write_str("any"),
            Self::Database => f.write_str("database"),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::All => f.write_str("all"),
            Self::Database => f.write_str("database"),
            Self::Actors(actors) => {
                let list = |kind| {
                    let own = actors.iter().filter(|actor| actor.kind == kind);
                    names::list(kind, &own.map(|actor| actor.number).collect::<Vec<_>>())
                };
                let words = [list(Kind::Producer), list(Kind::Consumer)].join(" ");
                let words: Vec<&str> = words.split_whitespace().collect();
                match words.as_slice() {
                    [one] => f.write_str(one),
                    many => write!(f, "[{}]", many.join(", ")),
                }
            }
        }
    }
}

/// `latency 1ms..20ms, lose_request 1%, lose_response 1%`.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [min, max] = [self.latency_min, self.latency_max].map(format_duration);
        write!(f, "latency {min}..{max}")?;
        for (key, share) in
            [("lose_request", self.lose_request), ("lose_response", self.lose_response)]
        {
            if share > 0.0 {
                write!(f, ", {key} {}%", share * 100.0)?;
            }
        }
        Ok(())
    }
}
