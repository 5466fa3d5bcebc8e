//! One attempt of a request: what may be concluded from it alone, and in which word the broker said
//! why it failed.
//!
//! A request is one outcome of all its attempts. Which fault explains that there is no ack is another
//! question for each: a connection that was cut in the first attempt does not explain why the third
//! was refused.

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// One attempt of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with what is known of the attempt")]
pub struct Attempt {
    /// Just before it left.
    pub began: Moment,
    /// When its outcome was known, or when it was given up.
    pub ended: Moment,
    /// What may be concluded.
    pub class: Class,
    /// The code that the broker refused it with, as on the wire; none where it gave none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// The number of the broker that it went to, from 1.
    pub broker: u32,
}

/// What may be concluded from one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    expecting = "one of `acked`, `refused`, `never_left` and `unknown`"
)]
pub enum Class {
    /// It happened.
    Acked,
    /// A definite answer of the broker: it did not and never will happen.
    Refused,
    /// The broker was never asked: it could not be connected to, or did not register the producer.
    /// It did not and never will happen.
    NeverLeft,
    /// It may have happened.
    Unknown,
}

impl Class {
    /// Whether the messages may be in the log since.
    pub const fn may_have_happened(self) -> bool {
        matches!(self, Self::Acked | Self::Unknown)
    }
}

/// Whether a code says that the broker does not know the producer any more, or knows its id as
/// another's: a registration of another life of the store. A new registration helps.
pub fn forgets(code: &str) -> bool {
    ["wrong_epoch", "unknown_producer", "not_registered", "unknown_topic"].contains(&code)
}

/// The code in the words of a refusal: it stands in parentheses at their end. A broker of the
/// original routes has no codes, and its words stand for them.
pub fn told_code(why: &str) -> Option<&str> {
    let is_code = |word: &&str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let told = why.strip_suffix(')').and_then(|rest| Some(rest.rsplit_once(" (")?.1));
    told.filter(is_code).or_else(|| original_code(why))
}

/// The code that the original's words stand for.
fn original_code(why: &str) -> Option<&'static str> {
    let is_unknown = why.ends_with(" does not exist");
    if why.starts_with("Producer:") {
        if is_unknown {
            Some("unknown_producer")
        } else {
            why.contains(" is not registered with ").then_some("not_registered")
        }
    } else {
        (why.starts_with("Topic:") && is_unknown).then_some("unknown_topic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_from_the_end_of_the_words() {
        for (words, code) in [
            ("no room for it (full)", Some("full")),
            ("epoch a is over, this is epoch b: register again (wrong_epoch)", Some("wrong_epoch")),
            ("Producer:7 does not exist", Some("unknown_producer")),
            ("Producer:1 is not registered with Topic:T2", Some("not_registered")),
            ("Topic:T9 does not exist", Some("unknown_topic")),
            ("cannot reach the broker at http://127.0.0.1:9: connection refused", None),
            ("no room (as I said)", None),
            ("no room ()", None),
            ("", None),
        ] {
            assert_eq!(told_code(words), code, "{words}");
        }
        assert!(forgets("unknown_producer") && !forgets("full"));
    }
}
