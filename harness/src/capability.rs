//! What a broker can do and promises, as its driver and the scenario's `broker` section say it
//! before anything is started, and as its first answers refine it. What a scenario asks for is
//! compared with this in one place, `scenario::objection`; promised order and delivery are shown
//! to people and never change what is expected.

use std::fmt;

/// What one broker can do.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities {
    /// Where it tells offsets.
    pub offsets: Known<Offsets>,
    /// Whether the offsets of a log have no gaps.
    pub contiguous: Known<bool>,
    /// Whether the messages of one request stand one behind the other, so that the offset of the
    /// first tells those of the others.
    pub contiguous_batches: Known<bool>,
    /// Whether it tells one life of its store from another.
    pub epoch: Known<bool>,
    /// The most messages that one request carries; none is no bound of the broker's.
    pub batch_max: Known<Option<u32>>,
    /// Whether a topic's log can be read without moving a position.
    pub reads_log: Known<bool>,
    /// Whether a consumer can go on with a subscription after it lost its memory.
    pub resumes: Known<bool>,
    /// Whether a consumer acknowledges apart from polling, without offsets: what it had not
    /// acknowledged when it crashed is rightly handed out again.
    pub acknowledges_apart: bool,
    /// Whether it is reached at a host and a port, so that a relay can stand in between. Where it is
    /// not, its driver brings it: nothing is started.
    pub has_address: bool,
    /// Whether a client stays at the address that it was given, so that a relay there stays in the
    /// way; some brokers tell their clients other addresses.
    pub stays: bool,
    /// Whether several requests of one producer may be under way at a time
    /// ([`Sender::issue`](crate::driver::Sender::issue)), and are stored in the order in which they
    /// were issued.
    pub in_flight: bool,
    /// Recognises the requests that produce, so that their acks can be dropped; none where they
    /// cannot be told apart.
    pub requests: Option<NewRequests>,
    /// What is still there after it ended without warning.
    pub survives: Known<Survival>,
    /// The order that it promises.
    pub order: &'static str,
    /// How often it promises to deliver a message.
    pub delivery: &'static str,
    /// Whether any of its brokers takes a topic name; else why not.
    pub name: fn(&str) -> Result<(), String>,
    /// Whether the one that the harness starts takes it; else why not.
    pub started_name: fn(&str) -> Result<(), String>,
}

/// Recognises requests in the bytes of one connection, for the relay that carries them.
pub trait Requests: Send {
    /// Takes in what the client sent.
    fn sent(&mut self, bytes: &[u8]);

    /// Notes that something came from the broker, and says whether it is the beginning of the
    /// answer to a produce request that was sent whole.
    fn answered(&mut self) -> bool;
}

/// Makes one for a connection that begins.
pub type NewRequests = fn() -> Box<dyn Requests>;

/// An answer, or that only a connection gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// The answer.
    Now(T),
    /// A registration or a subscription shows it.
    AfterConnecting,
}

/// Where a broker tells offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offsets {
    /// Nowhere.
    None,
    /// With an ack.
    Acks,
    /// With a delivery.
    Deliveries,
    /// With both.
    Both,
}

/// What is still there of acknowledged messages after a broker ended without warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Survival {
    /// Nothing: they are in its memory.
    Nothing,
    /// What it had saved by then, which it does now and then.
    Part,
    /// All, where its process was killed.
    Kill,
    /// All, where the machine lost power.
    PowerCut,
}

impl<T: Copy> Known<T> {
    /// The answer, where there is one by now.
    pub fn known(self) -> Option<T> {
        match self {
            Self::Now(answer) => Some(answer),
            Self::AfterConnecting => None,
        }
    }
}

impl Capabilities {
    /// The least that a broker can do which listens at an address: what a driver's own capabilities
    /// begin with.
    pub const LEAST: Self = Self {
        offsets: Known::Now(Offsets::None),
        contiguous: Known::Now(false),
        // A request has one message.
        contiguous_batches: Known::Now(true),
        epoch: Known::Now(false),
        batch_max: Known::Now(Some(1)),
        reads_log: Known::Now(false),
        resumes: Known::Now(false),
        acknowledges_apart: true,
        has_address: true,
        stays: true,
        in_flight: false,
        requests: None,
        survives: Known::Now(Survival::Nothing),
        order: "none",
        delivery: "at most once",
        name: |_| Ok(()),
        started_name: |_| Ok(()),
    };

    /// Whether it is known that acks carry no offset.
    #[must_use]
    pub fn acks_without_offsets(&self) -> bool {
        matches!(self.offsets, Known::Now(Offsets::None | Offsets::Deliveries))
    }

    /// Whether the offset of an ack can be compared with that of a delivery, because both are told.
    #[must_use]
    pub fn compares_offsets(&self) -> bool {
        self.offsets == Known::Now(Offsets::Both)
    }

    /// Each with its name, for people and programs.
    #[must_use]
    pub fn named(&self) -> [(&'static str, String); 13] {
        let batch = match self.batch_max {
            Known::Now(None) => "yes".to_owned(),
            Known::Now(Some(1)) => "no".to_owned(),
            Known::Now(Some(most)) => format!("at most {most}"),
            Known::AfterConnecting => Known::<bool>::AfterConnecting.to_string(),
        };
        [
            ("offsets", self.offsets.to_string()),
            ("contiguous offsets", self.contiguous.to_string()),
            ("contiguous batches", self.contiguous_batches.to_string()),
            ("epoch", self.epoch.to_string()),
            ("batches", batch),
            ("readable log", self.reads_log.to_string()),
            ("resume", self.resumes.to_string()),
            ("stays behind a relay", Known::Now(self.stays && self.has_address).to_string()),
            ("several requests in flight", Known::Now(self.in_flight).to_string()),
            ("recognisable requests", Known::Now(self.requests.is_some()).to_string()),
            ("survives", self.survives.to_string()),
            ("order", self.order.to_owned()),
            ("delivery", self.delivery.to_owned()),
        ]
    }
}

impl Survival {
    /// From the least to the most.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Part, Self::Kill, Self::PowerCut];
}

impl fmt::Display for Survival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl<T: Answer> fmt::Display for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Now(answer) => answer.word(),
            Self::AfterConnecting => "known after connecting",
        })
    }
}

/// What a capability may be, in a word.
trait Answer {
    fn word(&self) -> &'static str;
}

impl Answer for bool {
    fn word(&self) -> &'static str {
        if *self { "yes" } else { "no" }
    }
}

impl Answer for Offsets {
    fn word(&self) -> &'static str {
        match self {
            Self::None => "no",
            Self::Acks => "acks",
            Self::Deliveries => "deliveries",
            Self::Both => "acks and deliveries",
        }
    }
}

impl Answer for Survival {
    fn word(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Part => "what was saved",
            Self::Kill => "a killed process",
            Self::PowerCut => "a power cut",
        }
    }
}
