//! Why a request failed, for programs.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a request failed, as a word that programs can match; `message` says it to people.
///
/// Only [`Code::Unavailable`] and [`Code::OutcomeUnknown`] come with status 500, and only the
/// latter leaves open whether the request took effect. Everything else, where there is a code, is
/// a definite refusal: it did not happen and will not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// The topic does not exist.
    UnknownTopic,
    /// The topic exists already.
    TopicExists,
    /// No topic exists yet (the listing of topics).
    NoTopics,
    /// Not a topic name.
    BadTopicName,
    /// No producer has this id.
    UnknownProducer,
    /// No consumer has this id.
    UnknownConsumer,
    /// The id is not registered with this topic.
    NotRegistered,
    /// Nothing to deliver.
    Empty,
    /// The request cannot be understood; `message` names the field.
    BadRequest,
    /// The message, the batch or the body is over its limit.
    TooLarge,
    /// The store may not retain more payload now; later it may.
    Full,
    /// The id was given in another life of the store.
    WrongEpoch,
    /// The sequence is beyond the next one; `expected` says which that is.
    SequenceGap,
    /// The sequence is before the last request's, or overlaps it.
    SequenceOld,
    /// The offset is below the position; `position` says what that is.
    OffsetPassed,
    /// The offset is past the end of the log; `end` says where that is.
    OffsetBeyond,
    /// Retention has deleted what was there; `first` says from where on messages are left.
    OffsetDeleted,
    /// No such route.
    NotFound,
    /// The route exists, not for this method.
    MethodNotAllowed,
    /// A token is needed, or the one that was sent is not known.
    Unauthorized,
    /// The token does not permit this.
    Forbidden,
    /// The request did not arrive in time; nothing was done.
    RequestTimeout,
    /// The store cannot be reached; nothing was done.
    Unavailable,
    /// It may have happened or not.
    OutcomeUnknown,
    /// A code that this version of the library does not know.
    Other(String),
}

/// Every code but `Other`, with its text on the wire.
const CODES: &[(Code, &str)] = &[
    (Code::UnknownTopic, "unknown_topic"),
    (Code::TopicExists, "topic_exists"),
    (Code::NoTopics, "no_topics"),
    (Code::BadTopicName, "bad_topic_name"),
    (Code::UnknownProducer, "unknown_producer"),
    (Code::UnknownConsumer, "unknown_consumer"),
    (Code::NotRegistered, "not_registered"),
    (Code::Empty, "empty"),
    (Code::BadRequest, "bad_request"),
    (Code::TooLarge, "too_large"),
    (Code::Full, "full"),
    (Code::WrongEpoch, "wrong_epoch"),
    (Code::SequenceGap, "sequence_gap"),
    (Code::SequenceOld, "sequence_old"),
    (Code::OffsetPassed, "offset_passed"),
    (Code::OffsetBeyond, "offset_beyond"),
    (Code::OffsetDeleted, "offset_deleted"),
    (Code::NotFound, "not_found"),
    (Code::MethodNotAllowed, "method_not_allowed"),
    (Code::Unauthorized, "unauthorized"),
    (Code::Forbidden, "forbidden"),
    (Code::RequestTimeout, "request_timeout"),
    (Code::Unavailable, "unavailable"),
    (Code::OutcomeUnknown, "outcome_unknown"),
];

impl Code {
    /// How many codes are known here.
    pub const COUNT: usize = CODES.len();

    /// Every code that is known here, with its text on the wire.
    pub fn all() -> impl ExactSizeIterator<Item = (&'static Self, &'static str)> {
        CODES.iter().map(|(code, text)| (code, *text))
    }

    /// The text on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => CODES
                .iter()
                .find(|(code, _)| code == known)
                .map(|(_, text)| *text)
                .expect("every code but Other is in the table"),
        }
    }

    /// Whether a failure with this code leaves open if the request took effect. A code that is not
    /// known here is judged by its status.
    #[must_use]
    pub fn is_unknown_outcome(&self) -> bool {
        matches!(self, Self::OutcomeUnknown)
    }
}

impl From<&str> for Code {
    fn from(text: &str) -> Self {
        CODES
            .iter()
            .find(|(_, known)| *known == text)
            .map_or_else(|| Self::Other(text.to_owned()), |(code, _)| code.clone())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Ok(Self::from(text.as_ref()))
    }
}
