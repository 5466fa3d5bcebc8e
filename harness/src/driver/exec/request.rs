//! What the harness asks a driver, each a line of JSON without blanks. docs/exec.md is its
//! specification.

use std::collections::BTreeMap;

use serde::Serialize;

/// The version of the conversation.
pub const VERSION: u32 = 1;

/// A line of the harness.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    pub(super) id: u64,
    #[serde(flatten)]
    pub(super) request: Request<'a>,
    pub(super) deadline_ms: u64,
}

/// What is asked.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request<'a> {
    /// The first of a process.
    Hello {
        /// [`VERSION`].
        version: u32,
        /// Names the run: letters and digits, another for each run.
        run: &'a str,
        /// Whom the process serves: `P1`, `C2`, or `control`.
        actor: &'a str,
        /// Where the broker is, for this actor; none where the command says it.
        url: Option<&'a str>,
        /// What every choice by chance follows from.
        seed: u64,
    },
    /// Makes a topic that may be there already.
    CreateTopic {
        /// Its name: letters, digits and `-`, another in each run.
        topic: &'a str,
        /// In the broker's own words.
        config: &'a BTreeMap<String, String>,
    },
    /// Registers a producer with a topic.
    Register {
        /// Which.
        topic: &'a str,
        /// A name for the registration that no other one has, of any run.
        producer: &'a str,
    },
    /// Sends messages, all or none.
    Send {
        /// Where to.
        topic: &'a str,
        /// Under which registration.
        session: &'a str,
        /// The number of the first of them under this registration; they rise, and may skip.
        sequence: u64,
        /// What they say.
        payloads: &'a [&'a str],
        /// Whether it may be tried several times, where each message stays one.
        retry: bool,
    },
    /// Subscribes to a topic. What is acknowledged after the answer is due to the consumer.
    Subscribe {
        /// Which.
        topic: &'a str,
        /// A name for the subscription that no other one has, of any run.
        consumer: &'a str,
    },
    /// Asks for messages.
    Poll {
        /// Which.
        topic: &'a str,
        /// Whose.
        subscription: &'a str,
        /// At most so many.
        max: u32,
        /// So long for the first one.
        wait_ms: u64,
    },
    /// All that was delivered so far is recorded.
    Ack {
        /// Which.
        topic: &'a str,
        /// Whose.
        subscription: &'a str,
    },
    /// Goes on with a subscription of a process that is gone.
    Resume {
        /// Which.
        topic: &'a str,
        /// Whose.
        subscription: &'a str,
        /// The life of the store that it was made in, where that was told.
        epoch: Option<&'a str>,
    },
    /// Reads the log of a topic, and moves no position.
    ReadLog {
        /// Which.
        topic: &'a str,
        /// From here on.
        offset: u64,
    },
    /// Ends a subscription.
    Unsubscribe {
        /// Which.
        topic: &'a str,
        /// Whose.
        subscription: &'a str,
    },
    /// Removes a topic.
    Remove {
        /// Which.
        topic: &'a str,
    },
    /// The process is to end.
    Bye {},
}

impl Request<'_> {
    /// The word in `do`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::CreateTopic { .. } => "create_topic",
            Self::Register { .. } => "register",
            Self::Send { .. } => "send",
            Self::Subscribe { .. } => "subscribe",
            Self::Poll { .. } => "poll",
            Self::Ack { .. } => "ack",
            Self::Resume { .. } => "resume",
            Self::ReadLog { .. } => "read_log",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::Remove { .. } => "remove",
            Self::Bye {} => "bye",
        }
    }
}
