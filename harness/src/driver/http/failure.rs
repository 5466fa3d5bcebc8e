//! What a failed request to a broker means to the run, and how long one is repeated.

use std::time::Duration;

use broker_client::wire::{Code, ConsumerId, TopicName};
use broker_client::{Error, Progress, Retry};

use super::dialect;
use crate::driver::attempts::Attempts;
use crate::driver::client::RetryPolicy;
use crate::driver::failure::Failure;
use crate::history::{Class, Offset, Offsets, Outcome, told_code};

/// The outcome that a request's result is; the offset is the first message's.
pub(super) fn outcome(result: Result<Option<Offset>, Error>) -> Outcome {
    match result {
        Ok(offset) => Outcome::Acked { offsets: offset.map_or(Offsets::Untold, Offsets::From) },
        Err(Error::Unknown(why)) => Outcome::Unknown { why },
        Err(definite) => Outcome::Refused { why: definite.to_string() },
    }
}

/// Notes what becomes of an attempt.
pub(super) fn note(attempts: &mut Attempts<'_>, progress: Progress<'_>) {
    let error = match progress {
        Progress::Began => return attempts.begin(),
        Progress::Failed(error) => error,
    };
    let class = match error {
        Error::Refused(_) => Class::Refused,
        Error::NotSent(_) => Class::NeverLeft,
        Error::Unknown(_) => Class::Unknown,
    };
    attempts.fail(class, code(error));
}

/// Why a request was refused. The original gives no codes: its words stand for them.
pub(super) fn code(error: &Error) -> Option<&str> {
    match error {
        Error::Refused(refusal) => {
            refusal.code.as_ref().map(Code::as_str).or_else(|| told_code(&refusal.message))
        }
        Error::NotSent(_) | Error::Unknown(_) => None,
    }
}

pub(super) fn failed(doing: &str, topic: &TopicName, error: &Error) -> Failure {
    Failure {
        why: format!("{doing} {topic}: {error}"),
        is_final: is_final(error),
        is_session_over: error.is_session_over(),
        code: code(error).map(str::to_owned),
        in_same_life: None,
    }
}

/// The same for a call under a subscription, which names an epoch or cannot: only where it does is
/// the broker known to be in that epoch still when it does not know the subscription.
pub(super) fn failed_under(
    (id, names_epoch): (ConsumerId, bool),
    doing: &str,
    topic: &TopicName,
    error: &Error,
) -> Failure {
    let is_unknown = dialect::is_unknown(error, id, topic);
    let in_same_life = match error.code() {
        Some(Code::WrongEpoch) => Some(false),
        _ => (is_unknown && names_epoch).then_some(true),
    };
    let failure = failed(doing, topic, error);
    Failure { is_session_over: failure.is_session_over || is_unknown, in_same_life, ..failure }
}

/// Whether the broker refuses the request and always will. By its code alone: without one, or with
/// one of a later version, it is not known what will pass.
fn is_final(error: &Error) -> bool {
    let known = |code: &Code| !matches!(code, Code::Empty | Code::RequestTimeout | Code::Other(_));
    !error.may_pass() && error.code().is_some_and(known)
}

/// With a fixed seed, because a simulated run has to follow from its own alone.
pub(super) fn retry(policy: RetryPolicy) -> Retry {
    let usual = Retry { seed: Some(0), ..Retry::default() };
    match policy {
        RetryPolicy::Never => Retry { attempts: 1, ..usual },
        RetryPolicy::Short => usual,
        RetryPolicy::Within(total) => {
            // Coming back seconds after the broker does makes the run longer for nothing.
            Retry { attempts: u32::MAX, total, longest: Duration::from_millis(250), ..usual }
        }
    }
}
