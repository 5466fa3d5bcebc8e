//! Topic names and the rules that they follow.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The most bytes that a topic name may have.
pub const TOPIC_NAME_MAX: usize = 255;

/// Names that the original's database mode used for tables of its own.
const RESERVED: [&str; 2] = ["subl", "publ"];

/// A topic name that follows the rules: 1 to 255 ASCII letters, digits, `_` and `.`, and neither
/// `subl` nor `publ`. Case counts. What is parsed is one that our broker takes; for others there is
/// [`TopicName::of_any_broker`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(Box<str>);

/// Why a text is no topic name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadTopicName {
    /// It has no characters.
    Empty,
    /// It has more than [`TOPIC_NAME_MAX`] bytes.
    TooLong(usize),
    /// This character is not allowed.
    Character(char),
    /// The original kept this name for itself.
    Reserved,
}

impl fmt::Display for BadTopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "it is empty"),
            Self::TooLong(len) => write!(f, "it has {len} bytes, at most {TOPIC_NAME_MAX} fit"),
            Self::Character(c) => {
                write!(f, "{c:?} is not allowed, only letters, digits, '_' and '.'")
            }
            Self::Reserved => write!(f, "the name is reserved"),
        }
    }
}

impl std::error::Error for BadTopicName {}

impl TopicName {
    /// A name on a broker that is not ours: also with `-`, which ours refuses.
    ///
    /// # Errors
    /// As for parsing one of ours, but for `-`.
    pub fn of_any_broker(name: &str) -> Result<Self, BadTopicName> {
        let _: Self = name.replace('-', "_").parse()?;
        Ok(Self(name.into()))
    }

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
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        if let Some(c) = name.chars().find(|&c| !allowed(c)) {
            return Err(BadTopicName::Character(c));
        }
        if name.len() > TOPIC_NAME_MAX {
            return Err(BadTopicName::TooLong(name.len()));
        }
        if RESERVED.contains(&name) {
            return Err(BadTopicName::Reserved);
        }
        Ok(Self(name.into()))
    }
}

/// So that a map by name can be asked with a text that need not be a name.
impl Borrow<str> for TopicName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
