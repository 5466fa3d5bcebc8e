//! Topic names as a scenario may have them. Which of them a broker takes is its driver's matter
//! (see [`Capabilities`](crate::capability::Capabilities)).

use std::fmt;
use std::str::FromStr;

/// The most bytes that a topic name may have.
pub const TOPIC_NAME_MAX: usize = 255;

/// 1 to 255 ASCII letters, digits, `_`, `.` and `-`. Case counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Box<str>);

/// Why a text is no topic name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTopicName {
    /// It has no characters.
    #[error("it is empty")]
    Empty,
    /// It has more than [`TOPIC_NAME_MAX`] bytes.
    #[error("it has {0} bytes, at most {TOPIC_NAME_MAX} fit")]
    TooLong(usize),
    /// This character is not allowed.
    #[error("{0:?} is not allowed, only letters, digits, '_', '.' and '-'")]
    Character(char),
}

impl TopicName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TopicName {
    type Err = BadTopicName;

    fn from_str(name: &str) -> Result<Self, BadTopicName> {
        if name.is_empty() {
            return Err(BadTopicName::Empty);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if let Some(c) = name.chars().find(|&c| !allowed(c)) {
            return Err(BadTopicName::Character(c));
        }
        if name.len() > TOPIC_NAME_MAX {
            return Err(BadTopicName::TooLong(name.len()));
        }
        Ok(Self(name.into()))
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
