//! Failures, split by what a caller may conclude: it did not happen, or it may have.

use std::fmt;

use http::StatusCode;

use crate::wire::{self, Code, Offset, Sequence};

/// A request that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The broker refused: the request had no effect and never will.
    Refused(Refusal),
    /// No part of the request left, so it had no effect and never will. Another attempt is safe.
    NotSent(String),
    /// The request may have taken effect: a time-out, a cut connection, or an answer that leaves
    /// it open or cannot be understood.
    Unknown(String),
}

/// A refusal in the broker's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// For programs; the original broker gives none.
    pub code: Option<Code>,
    /// For people.
    pub message: String,
    /// With [`Code::SequenceGap`]: the sequence that would have been taken.
    pub expected: Option<Sequence>,
    /// With [`Code::OffsetPassed`]: the subscription's position.
    pub position: Option<Offset>,
    /// With [`Code::OffsetBeyond`]: the end of the log.
    pub end: Option<Offset>,
    /// With [`Code::OffsetDeleted`]: the offset from which on messages are left.
    pub first: Option<Offset>,
}

impl Error {
    /// The code of a refusal, where it has one.
    #[must_use]
    pub fn code(&self) -> Option<&Code> {
        match self {
            Self::Refused(refusal) => refusal.code.as_ref(),
            Self::NotSent(_) | Self::Unknown(_) => None,
        }
    }

    /// Whether the request had no effect for sure.
    #[must_use]
    pub fn is_definite(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }

    /// Whether the same request may succeed later: the broker was not reached, no answer came, the request
    /// came too slowly, or the broker has no room or no store just now. Whether repeating is *safe* is another question.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                matches!(refusal.code, Some(Code::Unavailable | Code::Full | Code::RequestTimeout))
            }
            Self::NotSent(_) | Self::Unknown(_) => true,
        }
    }

    /// Whether the broker does not know the id that was sent, or knows it as another's: it was
    /// given in another life of the store. A new registration helps.
    #[must_use]
    pub fn is_session_over(&self) -> bool {
        matches!(
            self.code(),
            Some(
                Code::WrongEpoch
                    | Code::UnknownProducer
                    | Code::UnknownConsumer
                    | Code::NotRegistered
                    | Code::SequenceGap
                    | Code::SequenceOld
            )
        )
    }

    /// Where the broker has deleted what was asked for, by its retention: the offset from which on
    /// messages are left. [`Subscription`](crate::Subscription) and [`Consumer`](crate::Consumer) have
    /// moved there by the time they report it, so that to poll again is to go on.
    #[must_use]
    pub fn deleted_before(&self) -> Option<Offset> {
        match self {
            Self::Refused(refusal) if refusal.code == Some(Code::OffsetDeleted) => refusal.first,
            _ => None,
        }
    }

    /// The failure that an answer with this status and body is. By the code, where there is one
    /// that is known here; else 400 is a refusal and everything else leaves the outcome open.
    pub(crate) fn from_answer(status: StatusCode, body: &[u8]) -> Self {
        let Ok(failure) = serde_json::from_slice::<wire::Failure>(body) else {
            let words = words(status, body);
            return if status == StatusCode::BAD_REQUEST {
                Self::Refused(Refusal { message: words, ..Refusal::default() })
            } else {
                Self::Unknown(words)
            };
        };
        let definite = match &failure.code {
            None | Some(Code::Other(_)) => status == StatusCode::BAD_REQUEST,
            Some(code) => !code.is_unknown_outcome(),
        };
        if definite {
            Self::Refused(Refusal {
                code: failure.code,
                message: failure.message,
                expected: failure.expected,
                position: failure.position,
                end: failure.end,
                first: failure.first,
            })
        } else {
            Self::Unknown(format!("status {}: {}", status.as_u16(), failure.message))
        }
    }
}

/// An answer that is not the broker's, for people: the status and the beginning of the text.
fn words(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]);
    match text.trim() {
        "" => format!("status {status} without a body"),
        text => format!("status {status}: {text}"),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::NotSent(why) => f.write_str(why),
            Self::Unknown(why) => write!(f, "outcome unknown: {why}"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, definite: bool, shown: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = Error::from_answer(status, body.as_bytes());
        assert_eq!((error.is_definite(), error.to_string().as_str()), (definite, shown), "{body}");
    }

    #[test]
    fn a_known_code_decides_whatever_the_status() {
        let unavailable = r#"{"status":"failure","message":"no store","code":"unavailable"}"#;
        check(500, unavailable, true, "no store (unavailable)");
        let unknown = r#"{"status":"failure","message":"cut","code":"outcome_unknown"}"#;
        check(500, unknown, false, "outcome unknown: status 500: cut");
        check(400, unknown, false, "outcome unknown: status 400: cut");
    }

    #[test]
    fn without_a_known_code_only_400_is_a_refusal() {
        let plain = r#"{"status":"failure","message":"Producer:7 does not exist"}"#;
        check(400, plain, true, "Producer:7 does not exist");
        check(500, plain, false, "outcome unknown: status 500: Producer:7 does not exist");
        check(404, plain, false, "outcome unknown: status 404: Producer:7 does not exist");
        let newer = r#"{"status":"failure","message":"m","code":"from_the_future"}"#;
        check(400, newer, true, "m (from_the_future)");
        check(500, newer, false, "outcome unknown: status 500: m");
    }

    #[test]
    fn an_answer_that_is_not_a_brokers_is_shown_with_its_status() {
        check(400, "", true, "status 400 Bad Request without a body");
        let gateway = "outcome unknown: status 502 Bad Gateway: <h1>upstream</h1>";
        check(502, "<h1>upstream</h1>\n", false, gateway);
    }
}
