//! What a scenario says, as types that cannot be wrong. Loading fills every default in and looks
//! every name up.

use std::collections::BTreeSet;
use std::num::{NonZeroU32, NonZeroU64};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::log_format::LogFormat;
use crate::topic_name::TopicName;

use super::anomaly::AnomalyKind;
use super::broker::Broker;
use super::network::Network;
use super::threshold::Threshold;
use crate::fault::{Fault, Target};
use crate::input::diagnostic::Spot;

/// The messages per poll of a consumer that says nothing of them.
pub const CONSUMER_BATCH: NonZeroU32 = NonZeroU32::new(100).expect("100 is not 0");

/// The times of a drain that says nothing of them.
pub const IDLE: Duration = Duration::from_secs(5);
/// See [`IDLE`].
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A scenario that loaded without an error; every path in it is relative to the working folder.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Where it was read from, as the user named it.
    pub file: PathBuf,
    /// Names its output folder and its golden file.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// In the file's order.
    pub topics: Vec<Topic>,
    /// In the order of their numbers.
    pub producers: Vec<Producer>,
    /// In the order of their numbers.
    pub consumers: Vec<Consumer>,
    /// Whether consumers subscribe before producers start.
    pub start: Start,
    /// What it runs against.
    pub broker: Broker,
    /// The promises that are judged.
    pub expect: Expect,
    /// Conditions without which a verdict is vacuous.
    pub require: Vec<Requirement>,
    /// What is done to the run on purpose, in the file's order.
    pub faults: Vec<Fault>,
    /// The network of a simulated run; a real run has the machine's own.
    pub network: Option<Network>,
    /// So long after the first request, what is sent and delivered does not count in the figures.
    pub warm_up: Duration,
    /// When the end of the run is given up on.
    pub drain: Drain,
    /// Whether the ledger is compared with a reviewed one.
    pub golden: bool,
    /// Whether it is left out where several brokers are named.
    pub heavy: bool,
    /// How long a run may take, from when its broker is up.
    pub limit: Option<Duration>,
    /// Words to choose it by, in the file's order, each once.
    pub tags: Vec<String>,
    /// What every choice by chance follows from.
    pub seed: u64,
}

impl Scenario {
    /// Whether a fault is about the disk of what keeps the data.
    pub fn has_storage_fault(&self) -> bool {
        self.faults.iter().any(|fault| fault.action.target == Target::Storage)
    }
}

/// A topic with the numbers of its producers and its consumers, in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// As the broker knows it.
    pub name: TopicName,
    /// Where the file names it.
    pub spot: Spot,
    /// 1 for `P1`.
    pub producers: Vec<u32>,
    /// 1 for `C1`.
    pub consumers: Vec<u32>,
}

/// A producer with its defaults filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Producer {
    /// 4 in `P4`.
    pub number: u32,
    /// Where its messages come from.
    pub source: Source,
    /// How fast it sends.
    pub pace: Pace,
    /// At most so many messages of one topic in a request.
    pub batch: NonZeroU32,
    /// Whether a request without an answer is repeated, under its sequence.
    pub retry: bool,
    /// So many requests of one topic are under way at a time.
    pub in_flight: NonZeroU32,
    /// Where the file says that.
    pub in_flight_spot: Spot,
}

/// Where a producer's messages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A log file.
    Log {
        /// Where it is.
        file: PathBuf,
        /// How its lines are written; found out from them where none is given.
        format: Option<LogFormat>,
    },
    /// Made up from the seed: round robin over the producer's topics, in one burst.
    Generate {
        /// How many.
        messages: u32,
        /// Payload bytes, inclusive.
        size: RangeInclusive<u32>,
        /// Of which kind.
        payloads: Payloads,
    },
}

/// Of which kind made-up payloads are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payloads {
    /// ASCII without blanks.
    #[default]
    Plain,
    /// Text that goes wrong where somebody trims, splits, escapes or decodes it without care: blanks
    /// at both ends, quotes, control characters, characters of other planes, and so on.
    Hostile,
}

/// How fast a producer sends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// A round as soon as the one before it is over.
    None,
    /// As the log's time stamps say, so many times as fast; the log's first line is its origin.
    Recorded {
        /// Above 0; 1 is the recorded pace.
        speed: f64,
    },
    /// So many messages a second and producer, open loop.
    Rate(f64),
    /// A uniform pause before each round, as the original's clients make.
    Uniform {
        /// The shortest.
        min: Duration,
        /// The longest, at least `min`.
        max: Duration,
    },
}

/// A consumer with its defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// 1 in `C1`.
    pub number: u32,
    /// Messages per poll.
    pub batch: NonZeroU32,
    /// Between polls of one topic.
    pub pause: Duration,
    /// How the broker learns what it has received.
    pub acknowledge: Acknowledge,
    /// It is subscribed like the others, and polls only once so many messages of its topics were
    /// acked, or every producer is done.
    pub poll_after: Option<NonZeroU64>,
}

/// How the broker learns what a consumer has received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Acknowledge {
    /// By the offset that the next poll asks from, once everything before it is recorded: an answer
    /// that is lost is asked for again.
    #[default]
    Offset,
    /// By the poll itself, as the original does: an answer that is lost takes its messages along.
    Automatic,
}

/// Whether consumers subscribe before producers start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Every subscription is confirmed before the first producer starts.
    ConsumersFirst,
    /// All at once: the original's race.
    Together,
}

/// The promises that are judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// What may happen to a message.
    pub delivery: Delivery,
    /// What may happen between messages.
    pub order: Order,
    /// Whether planned messages may stay without an ack.
    pub acked: Acked,
    /// The kinds that are found, these and no others; empty for none.
    pub anomalies: BTreeSet<AnomalyKind>,
    /// The kinds that may be found, and need not be.
    pub allow: BTreeSet<AnomalyKind>,
    /// What is asked of the figures.
    pub thresholds: Vec<Threshold>,
}

impl Expect {
    /// Whether a kind that is found is as expected, whatever is promised.
    pub fn allows(&self, kind: AnomalyKind) -> bool {
        self.anomalies.contains(&kind) || self.allow.contains(&kind)
    }
}

/// What may happen to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Neither loss nor duplicate.
    ExactlyOnce,
    /// No loss; a duplicate is allowed.
    AtLeastOnce,
    /// No duplicate; a loss is allowed.
    AtMostOnce,
}

/// What may happen between messages of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// One order for all, in which a message that was acked before another was sent comes first.
    PerTopic,
    /// Each producer's own order.
    PerProducer,
    /// Any order.
    None,
}

/// Whether planned messages may stay without an ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acked {
    /// One that was not acked leaves no verdict.
    All,
    /// The checks judge what was acked.
    Any,
}

/// A condition without which a verdict is vacuous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// What is counted.
    pub counter: Counter,
    /// At least so often.
    pub at_least: u64,
}

/// What a requirement counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Messages whose outcome is unknown.
    UnknownAcks,
    /// Attempts beyond the first.
    Retries,
    /// Messages acked.
    Acked,
    /// Deliveries over all consumers.
    Delivered,
    /// Pairs of a message and a consumer that it is due to, acked and not delivered when a fault took
    /// effect. Each fault has to meet it.
    Backlog,
    /// Bytes that a power cut forgot, without those of files that the server does not need. Each
    /// fault of the power has to reach it.
    Forgotten,
}

/// When the end of a run is given up on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// So long without a delivery, and only empty answers: what is missing is lost.
    pub idle: Duration,
    /// So long after the last producer: what is missing at a consumer that still gets messages or
    /// whose polls fail is undecided.
    pub deadline: Duration,
}
