//! Which of the two a broker speaks: ours, or the original routes alone.

use std::fmt;
use std::sync::OnceLock;

use broker_client::wire::{self, Code, TopicName};
use broker_client::{Client, Error, Refusal};

use crate::driver::failure::{Failure, FailureKind};
use crate::driver::keys::TOKEN_VARIABLE;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Sequences, offsets, epochs.
    Ours,
    /// Only the six original routes with their original fields.
    Original,
}

/// What all brokers of a run are spoken to in: a guess until one has shown it.
pub(super) struct Settled {
    guess: Dialect,
    settled: OnceLock<Dialect>,
}

impl Settled {
    /// With `told`, nothing that a broker shows changes it.
    pub(super) fn new(guess: Dialect, told: Option<Dialect>) -> Self {
        Self { guess, settled: told.map_or_else(OnceLock::new, OnceLock::from) }
    }

    pub(super) fn now(&self) -> Dialect {
        self.settled.get().copied().unwrap_or(self.guess)
    }

    /// What is spoken from now on, given what a registration showed.
    ///
    /// # Errors
    /// When a broker knows less than one asked before.
    pub(super) fn settle(&self, client: &Client, shown: Dialect) -> Result<Dialect, Failure> {
        let settled = *self.settled.get_or_init(|| shown);
        if settled == Dialect::Ours && shown == Dialect::Original {
            return Err(Failure::new(format!(
                "the broker at {} speaks only the original routes, unlike one asked before; \
                 set `driver: original` to speak so to all of them",
                client.address()
            )));
        }
        Ok(settled)
    }
}

/// Whether a broker listens, and what it likely speaks.
pub(super) async fn probe(client: &Client) -> Result<Dialect, Failure> {
    let nobody = wire::Subscription { topic: "T", consumer_id: -1, epoch: None };
    match client.size(&nobody).await {
        Err(error @ Error::NotSent(_)) => Err(Failure::new(error.to_string())),
        Err(error) if matches!(error.code(), Some(Code::Unauthorized | Code::Forbidden)) => {
            let address = client.address();
            let why = format!(
                "the broker at {address} asks who we are: {error}; {TOKEN_VARIABLE} names a token that \
                 may produce and consume"
            );
            Err(Failure { kind: FailureKind::Final, ..Failure::new(why) })
        }
        // Other people's brokers may have codes of their own.
        Err(error) if error.code().is_some_and(|code| !matches!(code, Code::Other(_))) => {
            Ok(Dialect::Ours)
        }
        _ => Ok(Dialect::Original),
    }
}

/// The original has no codes: its words decide.
pub(super) fn exists(refusal: &Refusal, topic: &TopicName) -> bool {
    refusal.code == Some(Code::TopicExists)
        || refusal.message == format!("Topic:{topic} already exist")
}

/// Whether the broker does not know a subscription, or its topic. The original says so in words.
pub(super) fn is_unknown(error: &Error, id: impl fmt::Display, topic: &TopicName) -> bool {
    let Error::Refused(refusal) = error else { return false };
    match &refusal.code {
        Some(Code::UnknownConsumer | Code::NotRegistered | Code::UnknownTopic) => true,
        // Other people's brokers may have codes of their own beside the original's words.
        None | Some(Code::Other(_)) => [
            format!("Consumer:{id} does not exist"),
            format!("Topic:{topic} does not exist"),
            format!("Consumer:{id} is not registered with Topic:{topic}"),
        ]
        .contains(&refusal.message),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_is_unknown_by_its_code_or_in_the_original_s_words() {
        let check = |code: Option<Code>, message: &str| {
            let refusal = Refusal { code, message: message.to_owned(), ..Refusal::default() };
            is_unknown(&Error::Refused(refusal), 3, &"T1".parse().unwrap())
        };
        for code in [Code::UnknownConsumer, Code::UnknownTopic, Code::NotRegistered] {
            assert!(check(Some(code), ""));
        }
        assert!(!check(Some(Code::WrongEpoch), "Consumer:3 does not exist"));
        for words in [
            "Consumer:3 does not exist",
            "Topic:T1 does not exist",
            "Consumer:3 is not registered with Topic:T1",
        ] {
            assert!(check(None, words), "{words}");
            assert!(check(Some(Code::Other("E_9".to_owned())), words), "{words}");
        }
        assert!(!check(None, "Consumer:4 does not exist"), "another one's");
        assert!(!check(None, "Empty logs for Comsumer:3 for Topic:T1"));
        let unknown = Error::Unknown("Consumer:3 does not exist".to_owned());
        assert!(!is_unknown(&unknown, 3, &"T1".parse().unwrap()));
    }
}
