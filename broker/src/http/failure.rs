//! Every failure that goes over the wire: here, and only here, it gets its status, code and text.

use std::num::NonZeroUsize;

use axum::http::header::{CONNECTION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use broker_client::wire::{self, BadTopicName, Code, Status};

use super::answer;
use crate::store::{Error, Subscription};

/// What a handler answers.
pub(super) type Answer = Result<Response, Failure>;

/// A request that failed. Boxed, so that answers stay small to pass on.
#[derive(Debug)]
pub(super) struct Failure(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    body: wire::Failure,
    /// Whether its connection closes.
    closes: bool,
}

impl Failure {
    /// The request cannot be understood; the text names the field.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::BadRequest, message)
    }

    /// A limit was passed; the text names it.
    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::TooLarge, message)
    }

    pub(super) fn bad_topic_name(name: &str, why: &BadTopicName) -> Self {
        let message = format!("Topic:{name} is not a valid name: {why}");
        Self::new(StatusCode::BAD_REQUEST, Code::BadTopicName, message)
    }

    pub(super) fn no_topics() -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::NoTopics, "No Topic found")
    }

    pub(super) fn empty(subscription: Subscription<'_>) -> Self {
        let Subscription { consumer, topic, .. } = subscription;
        // "Comsumer" is how the original spells it, and clients match the text.
        let message = format!("Empty logs for Comsumer:{consumer} for Topic:{topic}");
        Self::new(StatusCode::BAD_REQUEST, Code::Empty, message)
    }

    pub(super) fn body_too_slow(seconds: f64) -> Self {
        let message = format!("the body was not there after {seconds} s");
        // Not 408: the original's clients would take it for a success.
        Self::new(StatusCode::BAD_REQUEST, Code::RequestTimeout, message).closing()
    }

    /// No room got free for a large body or answer. Nothing was done.
    pub(super) fn no_room() -> Self {
        let message = "the broker has no room for a large body or answer now: try again later";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Unavailable, message)
    }

    pub(super) fn too_many_topics(limit: NonZeroUsize) -> Self {
        Self::too_large(format!(
            "all topics are over the limit of {limit} bytes of an answer: ask for some at a time, \
             by /topics?max=1000 and then /topics?from=NEXT&max=1000 with the `next` of each answer"
        ))
    }

    /// There is no token, or none that is known. Not 401, for the original's clients would take that for
    /// a success; nor is 403 for the next one.
    pub(super) fn unauthorized(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::Unauthorized, message)
    }

    /// The token is not for this.
    pub(super) fn forbidden(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::Forbidden, message)
    }

    pub(super) fn only_encrypted() -> Self {
        Self::bad_request("TLS is spoken here: write https:// in place of http://")
    }

    pub(super) fn unknown_expectation(text: &str) -> Self {
        let message = format!("Expect: {text:?} was given, only 100-continue is known");
        Self::new(StatusCode::EXPECTATION_FAILED, Code::BadRequest, message)
    }

    pub(super) fn no_proxy(to: &str) -> Self {
        let message = format!("CONNECT to {to} was asked for: the broker is no proxy");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, message)
    }

    pub(super) fn no_route(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, format!("there is no {path} here"))
    }

    /// A route of ours that this listener does not have; the text says who has it.
    pub(super) fn not_here(path: &str, who: &str) -> Self {
        let message = format!("there is no {path} here: {who}");
        Self::new(StatusCode::NOT_FOUND, Code::NotFound, message)
    }

    pub(super) fn wrong_method(method: &Method, path: &str) -> Self {
        let message = format!("{method} is not for {path}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed, message)
    }

    /// Its code.
    pub(super) fn code(&self) -> Option<&Code> {
        self.0.body.code.as_ref()
    }

    /// The same, and the connection closes: what still comes must not be taken for the next request.
    pub(super) fn closing(mut self) -> Self {
        self.0.closes = true;
        self
    }

    fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        let body = wire::Failure {
            status: Status::Failure,
            message: shortened(message.into()),
            code: Some(code),
            expected: None,
            position: None,
            end: None,
            first: None,
        };
        Self(Box::new(Refusal { status, body, closes: false }))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // The original's clients take only 400 and 500 for failures, everything else for success.
        let (status, code) = match &error {
            Error::TopicExists(_) => (StatusCode::BAD_REQUEST, Code::TopicExists),
            Error::UnknownTopic(_) => (StatusCode::BAD_REQUEST, Code::UnknownTopic),
            Error::UnknownProducer(_) => (StatusCode::BAD_REQUEST, Code::UnknownProducer),
            Error::UnknownConsumer(_) => (StatusCode::BAD_REQUEST, Code::UnknownConsumer),
            Error::ProducerNotRegistered { .. } | Error::ConsumerNotRegistered { .. } => {
                (StatusCode::BAD_REQUEST, Code::NotRegistered)
            }
            Error::WrongEpoch { .. } => (StatusCode::BAD_REQUEST, Code::WrongEpoch),
            Error::SequenceGap { .. } => (StatusCode::BAD_REQUEST, Code::SequenceGap),
            Error::SequenceOld { .. } => (StatusCode::BAD_REQUEST, Code::SequenceOld),
            Error::OffsetPassed { .. } => (StatusCode::BAD_REQUEST, Code::OffsetPassed),
            Error::OffsetBeyond { .. } => (StatusCode::BAD_REQUEST, Code::OffsetBeyond),
            Error::OffsetDeleted { .. } => (StatusCode::BAD_REQUEST, Code::OffsetDeleted),
            Error::Full { .. } => (StatusCode::BAD_REQUEST, Code::Full),
            Error::TooMany { .. } => (StatusCode::BAD_REQUEST, Code::TooLarge),
            Error::Refused(_) => (StatusCode::BAD_REQUEST, Code::BadRequest),
            Error::Unavailable(_) | Error::NoRoom { .. } => {
                (StatusCode::INTERNAL_SERVER_ERROR, Code::Unavailable)
            }
            Error::OutcomeUnknown(_) => (StatusCode::INTERNAL_SERVER_ERROR, Code::OutcomeUnknown),
        };
        let mut failure = Self::new(status, code, error.to_string());
        let body = &mut failure.0.body;
        match error {
            Error::SequenceGap { expected, .. } => body.expected = Some(expected),
            Error::OffsetPassed { position, .. } => body.position = Some(position),
            Error::OffsetBeyond { end, .. } => body.end = Some(end),
            Error::OffsetDeleted { first, .. } => body.first = Some(first),
            _ => {}
        }
        failure
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Refusal { status, body, closes } = *self.0;
        let mut response = answer::json(&body);
        *response.status_mut() = status;
        let authenticate = match body.code {
            Some(Code::Unauthorized) => Some("Bearer"),
            Some(Code::Forbidden) => Some("Bearer error=\"insufficient_scope\""),
            _ => None,
        };
        let closes = closes.then_some((CONNECTION, "close"));
        let authenticate = authenticate.map(|value| (WWW_AUTHENTICATE, value));
        for (name, value) in closes.into_iter().chain(authenticate) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

/// A message without the middle of what a client sent by the megabyte: what it begins with and
/// the reason at its end are kept.
fn shortened(message: String) -> String {
    const MOST: usize = 800;
    const HEAD: usize = 400;
    const TAIL: usize = 200;
    if message.len() <= MOST {
        return message;
    }
    let head = &message[..message.floor_char_boundary(HEAD)];
    let tail = &message[message.ceil_char_boundary(message.len() - TAIL)..];
    format!("{head}...{tail}")
}
