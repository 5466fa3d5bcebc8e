//! What librdkafka's errors mean to the run: Kafka's error codes
//! (<https://kafka.apache.org/protocol#protocol_error_codes>), and librdkafka's own, which are negative.

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use crate::driver::failure::{Failure, FailureKind};
use crate::history::Outcome;

/// What a call that failed means.
pub(super) fn failed(doing: &str, error: &KafkaError) -> Failure {
    match error.rdkafka_error_code() {
        Some(code) => refused(doing, code),
        None => Failure::new(format!("{doing}: {error}")),
    }
}

/// The same where only the code is known.
pub(super) fn refused(doing: &str, code: Code) -> Failure {
    let kind = if is_final(code) { FailureKind::Final } else { FailureKind::MayPass };
    Failure { why: format!("{doing}: {code}"), kind, code: Some(word(code)) }
}

/// A client that cannot be made never can be.
pub(super) fn not_made(error: &KafkaError) -> Failure {
    let why = format!("cannot make a client of Kafka: {error}");
    Failure { kind: FailureKind::Final, ..Failure::new(why) }
}

/// The word for a topic that is gone, which the history explains by a restart.
pub(super) const NO_TOPIC: &str = "unknown_topic";

/// Whether the broker says, or librdkafka knows from it, that there is no such topic.
pub(super) fn is_no_topic(code: Code) -> bool {
    let none = [
        Code::UnknownTopicOrPartition,
        Code::UnknownTopic,
        Code::UnknownPartition,
        Code::UnknownTopicId,
    ];
    none.contains(&code)
}

/// Refused for good, so that asking again is of no use.
fn is_final(code: Code) -> bool {
    let for_good = [
        Code::Authentication,
        Code::ClusterAuthorizationFailed,
        Code::Fatal,
        Code::GroupAuthorizationFailed,
        Code::InvalidConfig,
        Code::InvalidGroupId,
        Code::InvalidPartitions,
        Code::InvalidReplicationFactor,
        Code::InvalidRequest,
        Code::InvalidTopic,
        Code::PolicyViolation,
        Code::SaslAuthenticationFailed,
        Code::TopicAuthorizationFailed,
        Code::UnsupportedFeature,
        Code::UnsupportedSASLMechanism,
        Code::UnsupportedVersion,
    ];
    for_good.contains(&code)
}

/// The code in one word, as the history has it.
pub(super) fn word(code: Code) -> String {
    if is_no_topic(code) { NO_TOPIC.to_owned() } else { format!("{code:?}") }
}

/// What became of a message that was not acknowledged.
///
/// A message that is sent again may have been stored by an attempt before the one that was refused:
/// then only a code counts that would have refused every attempt.
pub(super) fn outcome(code: Option<Code>, is_repeated: bool, why: String) -> Outcome {
    let is_refused = code.is_some_and(|code| {
        refuses_always(code) || !is_repeated && (is_no_topic(code) || refuses_now(code))
    });
    if is_refused { Outcome::Refused { why } } else { Outcome::Unknown { why } }
}

/// The message itself is refused, or who sends it; or librdkafka never took it.
fn refuses_always(code: Code) -> bool {
    let refused = [
        Code::ClusterAuthorizationFailed,
        Code::InvalidMessage,
        Code::InvalidMessageSize,
        Code::InvalidRecord,
        Code::InvalidRequiredAcks,
        Code::InvalidTimestamp,
        Code::MessageBatchTooLarge,
        Code::MessageSizeTooLarge,
        Code::PolicyViolation,
        Code::QueueFull,
        Code::TopicAuthorizationFailed,
        Code::UnsupportedForMessageFormat,
    ];
    refused.contains(&code)
}

/// The broker answered that it does not take it now. What it says when it may have appended it
/// (time-out, too few replicas afterwards, a disk's error, an unknown error) is not among these.
fn refuses_now(code: Code) -> bool {
    let refused = [
        Code::FencedLeaderEpoch,
        Code::LeaderNotAvailable,
        Code::NotEnoughReplicas,
        Code::NotLeaderForPartition,
        Code::ThrottlingQuotaExceeded,
    ];
    refused.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Option<Code>, once: bool, repeated: bool) {
        let is_refused = |is_repeated| {
            matches!(outcome(code, is_repeated, String::new()), Outcome::Refused { .. })
        };
        assert_eq!((is_refused(false), is_refused(true)), (once, repeated), "{code:?}");
    }

    #[test]
    fn what_may_be_stored_is_never_refused() {
        let may_be_stored = [
            Code::BrokerTransportFailure,
            Code::KafkaStorageError,
            Code::MessageTimedOut,
            Code::NotEnoughReplicasAfterAppend,
            Code::OutOfOrderSequenceNumber,
            Code::RequestTimedOut,
            Code::Unknown,
        ];
        for code in may_be_stored {
            check(Some(code), false, false);
        }
        check(None, false, false);
    }

    #[test]
    fn a_refusal_after_another_attempt_says_nothing_of_that_one() {
        for code in [Code::UnknownTopicOrPartition, Code::UnknownTopic, Code::NotEnoughReplicas] {
            check(Some(code), true, false);
        }
        for code in [Code::MessageSizeTooLarge, Code::TopicAuthorizationFailed, Code::QueueFull] {
            check(Some(code), true, true);
        }
    }

    #[test]
    fn a_topic_that_is_gone_has_the_word_that_restarts_explain() {
        for code in [Code::UnknownTopicOrPartition, Code::UnknownTopic, Code::UnknownPartition] {
            assert!(crate::history::forgets(&word(code)), "{code:?}");
        }
        assert_eq!(word(Code::RequestTimedOut), "RequestTimedOut");
    }
}
