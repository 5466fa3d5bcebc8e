//! The bodies of answers: read, and not believed where they say otherwise than their status.

use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::wire;

/// Every success says so in its body too; one that says `failure` is not believed.
pub(super) trait Answer: DeserializeOwned {
    fn status(&self) -> wire::Status;
}

/// A success that says nothing else of interest.
#[derive(serde::Deserialize)]
pub(super) struct Succeeded {
    status: wire::Status,
}

macro_rules! answers {
    ($($name:ty),*) => { $(impl Answer for $name {
        fn status(&self) -> wire::Status { self.status }
    })* };
}

answers!(
    Succeeded,
    wire::Topics,
    wire::ProducerRegistered,
    wire::ConsumerRegistered,
    wire::Produced,
    wire::Size
);

pub(super) fn parse<T: Answer>(body: &[u8]) -> Result<T, Error> {
    let answer: T = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    match answer.status() {
        wire::Status::Success => Ok(answer),
        wire::Status::Failure => Err(Error::from_answer(StatusCode::OK, body)),
    }
}

pub(super) fn unreadable(error: &serde_json::Error) -> Error {
    Error::Unknown(format!("the answer cannot be understood: {error}"))
}
