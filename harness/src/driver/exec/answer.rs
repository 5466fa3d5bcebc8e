//! What a driver answers, each a line of JSON with the id of the request. A key that is not among
//! these is an error that names it: a misspelt one would otherwise be taken for one left out.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::capability::Told;

/// What tells whose answer a line is, and whether the call failed.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) why: Option<serde::de::IgnoredAny>,
}

/// To `hello`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    #[serde(rename = "id")]
    _id: u64,
    /// For people: `redis-py`.
    pub name: String,
    /// Whether one process has to serve the whole run.
    #[serde(default)]
    pub per: Option<Per>,
    /// What broker and driver can do.
    #[serde(default)]
    pub capabilities: Told,
}

/// What has a process of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// A run: all of its actors.
    Run,
    /// Each actor.
    Actor,
}

/// To `create_topic` and `register`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registered {
    #[serde(rename = "id")]
    _id: u64,
    /// The broker's own name for the registration; left out, it is the one that was asked for.
    #[serde(default)]
    pub session: Option<String>,
    /// The life of the broker's store.
    #[serde(default)]
    pub epoch: Option<String>,
}

/// To `send`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    #[serde(rename = "id")]
    _id: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Where its messages stand in the log: one each, or none.
    #[serde(default)]
    pub offsets: Vec<u64>,
    /// How often it was tried.
    #[serde(default = "once")]
    pub attempts: u32,
    /// Why it was not acknowledged.
    #[serde(default)]
    pub why: Option<String>,
    /// The broker's code for that.
    #[serde(default)]
    pub code: Option<String>,
    /// Of one that was refused: the broker was never asked.
    #[serde(default)]
    pub never_left: bool,
    /// The broker does not know the session any more.
    #[serde(default)]
    pub session_over: bool,
    /// The life of the store that its messages are in, where it is not that of the session.
    #[serde(default)]
    pub epoch: Option<String>,
}

const fn once() -> u32 {
    1
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The broker acknowledged it.
    Acked,
    /// It did not and never will happen.
    Refused,
    /// It may have happened.
    Unknown,
}

/// To `subscribe` and `resume`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscribed {
    #[serde(rename = "id")]
    _id: u64,
    /// The broker's own name for the subscription; left out, it is the one that was asked for.
    #[serde(default)]
    pub subscription: Option<String>,
    /// The life of the broker's store.
    #[serde(default)]
    pub epoch: Option<String>,
    /// The offset of the first message that is due to it.
    #[serde(default)]
    pub start: Option<u64>,
}

/// To `poll`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Polled {
    #[serde(rename = "id")]
    _id: u64,
    /// In the broker's order.
    pub messages: Vec<Message>,
}

/// To `read_log`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    #[serde(rename = "id")]
    _id: u64,
    /// The life of the broker's store.
    pub epoch: String,
    /// The offset that the next message gets.
    pub end: u64,
    /// In the order of the log.
    pub messages: Vec<Message>,
}

/// A message that a consumer gets, or that is in a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// As it was sent.
    pub payload: String,
    /// The session that it was sent under.
    #[serde(default)]
    pub producer: Option<String>,
    /// Its number under that.
    #[serde(default)]
    pub sequence: Option<u64>,
    /// Where it stands in the log.
    #[serde(default)]
    pub offset: Option<u64>,
    /// The life of the store that it is from, where it is not that of the subscription.
    #[serde(default)]
    pub epoch: Option<String>,
    /// Whether the broker says that it handed it out before.
    #[serde(default)]
    pub redelivered: bool,
}

/// To everything else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    #[serde(rename = "id")]
    _id: u64,
}

/// A call other than `send` that failed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    #[serde(rename = "id")]
    _id: u64,
    /// For people.
    pub why: String,
    /// Whether it is of no use to repeat it.
    #[serde(default, rename = "final")]
    pub is_final: bool,
    /// Whether the broker does not know the session or subscription any more.
    #[serde(default)]
    pub session_over: bool,
    /// The life of the broker's store now, where that is known.
    #[serde(default)]
    pub epoch: Option<String>,
}

/// Reads an answer of this kind.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        // The place within the line is of no use to a person, who sees the line.
        let words = error.to_string();
        words.rsplit_once(" at line ").map_or(words.clone(), |(words, _)| words.to_owned())
    })
}
