//! One request of a producer, and what may be concluded about it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::attempt::{Attempt, Class, told_code};
use super::moment::{Moment, Nanos};
use crate::plan::StreamIndex;

/// A message's place in a topic's log: ordered as the log is. May have gaps, and means something
/// only within one topic and one epoch.
pub type Offset = u64;

/// One request with all its attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Into [`sessions`](super::ProducerHistory::sessions).
    pub session: u32,
    /// Whose messages.
    pub stream: StreamIndex,
    /// The first message's number on the stream, from 0.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// When the plan wanted it sent, in nanoseconds of the run; latency counts from here. Equal to
    /// `invoked.at` where the pace is none.
    pub intended: Nanos,
    /// When the first attempt began.
    pub invoked: Moment,
    /// When the last attempt's outcome was known; for an interrupted run, when it was given up.
    pub completed: Moment,
    /// How often it was tried; at least 1.
    pub attempts: u32,
    /// Each of them, where the first was not acknowledged by the broker of its registration and the driver
    /// told of them; else nothing.
    pub tries: Vec<Attempt>,
    /// Of all attempts together.
    pub outcome: Outcome,
}

impl Sent {
    /// Its attempts, each by itself; where they were not told, the whole request as one, which went
    /// to this broker.
    pub fn each_attempt(&self, broker: u32) -> Cow<'_, [Attempt]> {
        if self.tries.is_empty() {
            Cow::Owned(vec![self.whole(broker)])
        } else {
            Cow::Borrowed(&self.tries)
        }
    }

    fn whole(&self, broker: u32) -> Attempt {
        let (class, code) = match &self.outcome {
            Outcome::Acked { .. } => (Class::Acked, None),
            Outcome::Unknown { .. } => (Class::Unknown, None),
            Outcome::Refused { why } if is_no_answer(why) => (Class::NeverLeft, told_code(why)),
            Outcome::Refused { why } => (Class::Refused, told_code(why)),
        };
        let code = code.map(str::to_owned);
        Attempt { began: self.invoked, ended: self.completed, class, code, broker }
    }

    /// From when on its messages may be in the log: when the first attempt began that was not
    /// refused and did leave. Of a request that was refused as a whole, when it began.
    pub fn may_have_happened_from(&self) -> Moment {
        let first = self.tries.iter().find(|attempt| attempt.class.may_have_happened());
        first.map_or(self.invoked, |attempt| attempt.began)
    }

    /// Whether it may have happened more than once.
    pub fn may_have_happened_again(&self) -> bool {
        let attempts = self.tries.iter().filter(|attempt| attempt.class.may_have_happened());
        if self.tries.is_empty() { self.attempts > 1 } else { attempts.count() > 1 }
    }

    /// Whether no attempt left, so that the broker was never asked.
    pub fn never_left(&self) -> bool {
        let is_refused = matches!(self.outcome, Outcome::Refused { .. });
        is_refused && self.each_attempt(1).iter().all(|own| own.class == Class::NeverLeft)
    }
}

/// Whether these are the words of a request that did not leave, where nothing but words was kept.
fn is_no_answer(why: &str) -> bool {
    ["cannot reach the broker at ", "cannot register P", "the registration is over"]
        .iter()
        .any(|beginning| why.starts_with(beginning))
}

/// What a producer may conclude about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An attempt was acknowledged.
    Acked {
        /// Of its messages.
        offsets: Offsets,
    },
    /// Every attempt was refused, or never left: it did not and never will happen.
    Refused {
        /// The words of the broker, or why nothing left.
        why: String,
    },
    /// It may have happened.
    Unknown {
        /// A time-out, a cut connection, the broker's words.
        why: String,
    },
}

/// Where the messages of an acknowledged request stand in the log; in a file nothing, the first
/// message's offset, or a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected an offset, or a list with that of each message")]
pub enum Offsets {
    /// The broker does not tell.
    Untold,
    /// One behind the other, from this one on.
    From(Offset),
    /// Each message's, at least one; not one behind the other, which is [`Offsets::From`].
    Each(Vec<Offset>),
}

impl Offsets {
    /// Those of a request whose messages stand at these places; none is untold.
    pub fn new(offsets: Vec<Offset>) -> Self {
        let follows = |pair: &[Offset]| pair[0].checked_add(1) == Some(pair[1]);
        match offsets.first() {
            None => Self::Untold,
            Some(first) if offsets.windows(2).all(follows) => Self::From(*first),
            Some(_) => Self::Each(offsets),
        }
    }

    /// The first message's.
    pub fn first(&self) -> Option<Offset> {
        self.of(0)
    }

    /// That of the message at this place in the request.
    pub fn of(&self, place: u32) -> Option<Offset> {
        match self {
            Self::Untold => None,
            Self::From(first) => first.checked_add(u64::from(place)),
            Self::Each(offsets) => offsets.get(place as usize).copied(),
        }
    }
}
