//! The lines of a history file, as types: each line is one of them, under its word.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::on_disk::{OnDisk, Traced};
use crate::history::{self, Attempt, EpochIndex, History, Moment, Nanos, Oddity, Offsets};

/// Every other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[serde(
    expecting = "an object with one of `session`, `send`, `subscription`, `poll`, `fault`, `audit`, `trace` and `end`"
)]
pub(super) enum Line<'a> {
    Session(Session<'a>),
    Send(Send<'a>),
    Subscription(Subscription<'a>),
    #[serde(borrow)]
    Poll(Poll<'a>),
    Fault(Fault<'a>),
    #[serde(borrow)]
    Audit(Audit<'a>),
    Trace(Traced<'a>),
    End(End),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the fault")]
pub(super) struct Fault<'a> {
    /// Its place among the scenario's, from 0.
    pub(super) fault: u32,
    /// As the scenario has it; for people.
    pub(super) what: Cow<'a, str>,
    pub(super) whom: Cow<'a, str>,
    pub(super) began: Moment,
    /// Left out where it is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) struck: Option<Moment>,
    pub(super) ended: Moment,
    pub(super) met: u64,
    /// Left out where it is no fault of the storage.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) on_disk: Option<OnDisk<'a>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the session")]
pub(super) struct Session<'a> {
    /// `P4`.
    pub(super) by: Cow<'a, str>,
    pub(super) topic: Cow<'a, str>,
    pub(super) incarnation: u32,
    pub(super) id: Option<Id<'a>>,
    pub(super) epoch: Option<EpochIndex>,
    /// Left out where it is the first, as it was before it was told.
    #[serde(skip_serializing_if = "is_first", default = "first")]
    pub(super) broker: u32,
    pub(super) base: u32,
    pub(super) invoked: Moment,
    pub(super) confirmed: Moment,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_first(broker: &u32) -> bool {
    *broker == first()
}

const fn first() -> u32 {
    1
}

/// The broker's id of a session: a number where it is one, as all ids once were, else a text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a whole number or a text as the broker's id")]
pub(super) enum Id<'a> {
    Number(i64),
    Text(Cow<'a, str>),
}

impl<'a> Id<'a> {
    pub(super) fn of(id: &'a str) -> Self {
        match id.parse::<i64>() {
            // Not `+7` or `007`: what is read back is to be what was written.
            Ok(number) if number.to_string() == id => Self::Number(number),
            _ => Self::Text(id.into()),
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.to_string(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the request")]
pub(super) struct Send<'a> {
    /// `P4`.
    pub(super) by: Cow<'a, str>,
    pub(super) session: u32,
    pub(super) topic: Cow<'a, str>,
    /// The first message's number on the topic, from 0.
    pub(super) first: u32,
    pub(super) count: u32,
    /// Left out where it is when it was invoked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) intended: Option<Nanos>,
    pub(super) invoked: Moment,
    pub(super) completed: Moment,
    pub(super) attempts: u32,
    /// Left out where the first was acked, or nobody told.
    #[serde(skip_serializing_if = "is_empty", default)]
    pub(super) tries: Cow<'a, [Attempt]>,
    pub(super) outcome: Outcome<'a>,
}

fn is_empty(tries: &[Attempt]) -> bool {
    tries.is_empty()
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "lowercase",
    expecting = "an object with one of `acked`, `refused` and `unknown`"
)]
pub(super) enum Outcome<'a> {
    /// With the offsets of its messages, where the broker told.
    Acked(Offsets),
    Refused(Cow<'a, str>),
    Unknown(Cow<'a, str>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the subscription")]
pub(super) struct Subscription<'a> {
    /// `C1`.
    pub(super) by: Cow<'a, str>,
    pub(super) topic: Cow<'a, str>,
    pub(super) incarnation: u32,
    pub(super) id: Option<Id<'a>>,
    pub(super) epoch: Option<EpochIndex>,
    pub(super) offset: Option<u64>,
    pub(super) invoked: Moment,
    pub(super) confirmed: Option<Moment>,
    /// Left out where the broker did not forget it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) forgotten: Option<Moment>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the poll")]
pub(super) struct Poll<'a> {
    /// `C1`.
    pub(super) by: Cow<'a, str>,
    pub(super) subscription: u32,
    pub(super) invoked: Moment,
    pub(super) completed: Moment,
    #[serde(borrow)]
    pub(super) answer: Answer<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", expecting = "an object with `delivered`, `deleted` or `failed`")]
pub(super) enum Answer<'a> {
    #[serde(borrow)]
    Delivered(Vec<Run<'a>>),
    /// The first offset of what the broker had deleted, and the one behind it.
    Deleted(u64, u64),
    Failed(Cow<'a, str>),
}

/// So many deliveries of messages that follow each other on their topic, at offsets that do too,
/// from this message and this offset on. Each may be missing.
#[derive(Debug, Serialize, Deserialize)]
#[serde(expecting = "a list of message, offset and count")]
pub(super) struct Run<'a>(
    /// `P4#17`.
    #[serde(borrow)]
    pub(super) Option<Cow<'a, str>>,
    pub(super) Option<u64>,
    pub(super) u32,
    /// What is odd about it; then there is but one delivery.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) Option<Cow<'a, Oddity>>,
);

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the log")]
pub(super) struct Audit<'a> {
    pub(super) topic: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) log: Log<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", expecting = "an object with `read` or `failed`")]
pub(super) enum Log<'a> {
    #[serde(borrow)]
    Read(Read<'a>),
    Failed(Cow<'a, str>),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with epoch, end and messages")]
pub(super) struct Read<'a> {
    pub(super) epoch: EpochIndex,
    pub(super) end: u64,
    /// Left out where something may have been dropped.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub(super) whole: bool,
    /// In the log's order; never with anything odd.
    #[serde(borrow)]
    pub(super) messages: Vec<Run<'a>>,
}

/// The last line: how the run ended, and how many of each there are in the file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "an object that says how the run ended and what is in the file"
)]
pub(super) struct End {
    pub(super) how: history::End,
    /// Of the lines and the deliveries before this one.
    pub(super) counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with a number of each")]
pub(super) struct Counts {
    pub(super) sessions: u64,
    pub(super) sends: u64,
    pub(super) subscriptions: u64,
    pub(super) polls: u64,
    pub(super) deliveries: u64,
    /// Left out of the file where there are none, as it was before there were any.
    #[serde(skip_serializing_if = "crate::numbers::is_zero", default)]
    pub(super) faults: u64,
    /// Left out too.
    #[serde(skip_serializing_if = "crate::numbers::is_zero", default)]
    pub(super) audits: u64,
    /// Left out too.
    #[serde(skip_serializing_if = "crate::numbers::is_zero", default)]
    pub(super) traces: u64,
}

impl Counts {
    pub(super) fn of(history: &History) -> Self {
        let producers = || history.producers.iter();
        let consumers = || history.consumers.iter();
        let sum = |counts: &mut dyn Iterator<Item = usize>| counts.map(|count| count as u64).sum();
        Self {
            sessions: sum(&mut producers().map(|own| own.sessions.len())),
            sends: sum(&mut producers().map(|own| own.sends.len())),
            subscriptions: sum(&mut consumers().map(|own| own.subscriptions.len())),
            polls: sum(&mut consumers().map(|own| own.polls.len())),
            deliveries: sum(&mut consumers().map(|own| own.deliveries.len())),
            faults: history.faults.len() as u64,
            audits: history.audit.len() as u64,
            traces: history.traces.len() as u64,
        }
    }

    /// Of each: its name, and how many.
    pub(super) const fn named(self) -> [(&'static str, u64); 8] {
        [
            ("sessions", self.sessions),
            ("sends", self.sends),
            ("subscriptions", self.subscriptions),
            ("polls", self.polls),
            ("deliveries", self.deliveries),
            ("faults", self.faults),
            ("audits", self.audits),
            ("traces", self.traces),
        ]
    }
}
