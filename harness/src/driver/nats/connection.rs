//! One connection to a NATS server, and requests to its JetStream API.
//!
//! The client library connects again by itself and then sends what it had kept back, without a word:
//! a message that was given up on could then be stored behind later ones. So it is kept from that. A
//! client here lives as long as its connection, and a sender or a subscriber that lost its own opens
//! another.

use std::error::Error as _;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{ContextBuilder, RequestErrorKind};
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, Context, ErrorCode, stream};
use async_nats::{Auth, AuthError, ConnectErrorKind, ConnectOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::driver::address::{Access, Address};
use crate::driver::failure::{Failure, FailureKind};

/// How long an answer is waited for: as long as the client library does.
pub(super) const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Between two pings of a connection that carries nothing else. One that leaves two of them without
/// an answer is given up, which would take the library's own interval of a minute three minutes.
const PING_EVERY: Duration = Duration::from_secs(2);

/// What the API answers, where that is not what was asked for.
#[derive(Debug)]
pub(super) enum ApiError {
    /// The server says no.
    Refused(jetstream::Error),
    /// There is no answer, or none that makes sense.
    Unanswered(String),
}

/// Opens a connection.
pub(super) async fn open(address: &Address) -> Result<Context, Failure> {
    let (Some(authority), Some(access)) = (address.authority(), address.access()) else {
        let why = "a NATS server is reached at a host and a port".to_owned();
        return Err(Failure { why, kind: FailureKind::Final, code: None });
    };
    let scheme = if access.tls { "tls" } else { "nats" };
    let options = only_once(access)
        // A relay stands at the address that was given, and at no other.
        .ignore_discovered_servers()
        .connection_timeout(ANSWERED_WITHIN)
        .ping_interval(PING_EVERY)
        .require_tls(access.tls)
        .name("harness");
    let connected = options.connect(format!("{scheme}://{authority}")).await;
    let client = connected.map_err(|error| {
        let kind = match error.kind() {
            ConnectErrorKind::AuthorizationViolation => FailureKind::Final,
            _ => FailureKind::MayPass,
        };
        let source = error.source().map_or_else(|| error.to_string(), ToString::to_string);
        let why = format!("cannot reach the broker at {scheme}://{authority}: {source}");
        Failure { why, kind, code: None }
    })?;
    Ok(ContextBuilder::new().timeout(ANSWERED_WITHIN).build(client))
}

/// Options of a client that logs in to its first connection and to no other. The library has no
/// switch to leave a client unconnected, so the second login fails here, before anything is sent.
fn only_once(access: &Access) -> ConnectOptions {
    let (login, is_used) = (access.login.clone(), AtomicBool::new(false));
    let login = move |_| {
        let is_first = !is_used.swap(true, Ordering::Relaxed);
        let login = login.clone();
        async move {
            if !is_first {
                return Err(AuthError::new("this client has had its connection"));
            }
            let mut auth = Auth::new();
            match login {
                // A URL with a name alone has a token in its place.
                Some((token, password)) if password.is_empty() => auth.token = Some(token),
                Some((user, password)) => {
                    (auth.username, auth.password) = (Some(user), Some(password));
                }
                None => {}
            }
            Ok(auth)
        }
    };
    let at_once = |_| Duration::ZERO;
    ConnectOptions::with_auth_callback(login).max_reconnects(1).reconnect_delay_callback(at_once)
}

/// Whether the connection is known to have ended.
pub(super) fn has_ended(context: &Context) -> bool {
    context.client().connection_state() != State::Connected
}

/// Asks the JetStream API.
pub(super) async fn ask<T: DeserializeOwned>(
    context: &Context,
    subject: String,
    payload: &impl Serialize,
) -> Result<T, ApiError> {
    match context.request(subject, payload).await {
        Ok(Response::Ok(answer)) => Ok(answer),
        Ok(Response::Err { error }) => Err(ApiError::Refused(error)),
        Err(error) if error.kind() == RequestErrorKind::NoResponders => {
            Err(ApiError::Unanswered("its JetStream does not answer".to_owned()))
        }
        Err(error) => Err(ApiError::Unanswered(error.to_string())),
    }
}

/// What a stream is like now.
pub(super) async fn stream_info(context: &Context, stream: &str) -> Result<stream::Info, ApiError> {
    ask(context, format!("STREAM.INFO.{stream}"), &()).await
}

/// The life of a stream: when it was made.
pub(super) fn epoch(info: &stream::Info) -> String {
    info.created.to_string()
}

impl ApiError {
    /// Whether there is no such stream.
    pub(super) fn is_no_stream(&self) -> bool {
        self.has(ErrorCode::STREAM_NOT_FOUND)
    }

    /// Whether there is no such consumer.
    pub(super) fn is_no_consumer(&self) -> bool {
        self.has(ErrorCode::CONSUMER_NOT_FOUND)
    }

    fn has(&self, code: ErrorCode) -> bool {
        matches!(self, Self::Refused(error) if error.error_code() == code)
    }

    /// As a failure of a call; a refusal that names what is wrong with the request is final.
    pub(super) fn failure(&self, doing: &str) -> Failure {
        let (kind, code) = match self {
            Self::Refused(_) if self.is_no_stream() => {
                (FailureKind::MayPass, Some("unknown_topic"))
            }
            Self::Refused(error) if error.code() < 500 => (FailureKind::Final, None),
            Self::Refused(_) | Self::Unanswered(_) => (FailureKind::MayPass, None),
        };
        Failure { why: format!("{doing}: {self}"), kind, code: code.map(str::to_owned) }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Unanswered(why) => f.write_str(why),
        }
    }
}
