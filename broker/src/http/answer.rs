//! The bodies of successful answers. The two that are answered for every message are written by
//! hand; the others are the client library's types.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use broker_client::wire::{
    ConsumerRegistered, Offset, ProducerId, ProducerRegistered, Size, Status, TopicName,
};
use bytes::Bytes;
use serde::Serialize;

use super::room::{Held, Reserved};
use crate::store::messages::{push_number, push_text};
use crate::store::{self, Epoch, Messages, Part, Subscribed};

#[derive(Serialize)]
struct Text<'a> {
    status: Status,
    message: &'a str,
}

#[derive(Serialize)]
struct Names<'a> {
    status: Status,
    message: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

pub(super) fn text(message: &str) -> Response {
    json(&Text { status: Status::Success, message })
}

/// The answer to a list of topics; `next` where it is one of some at a time.
pub(super) fn topics(
    topics: &[TopicName],
    next: Option<u64>,
    reserved: Option<Reserved<'_>>,
) -> Response {
    let message = topics.iter().map(TopicName::as_str).collect();
    let body = to_json(&Names { status: Status::Success, message, next });
    let held = reserved.and_then(|reserved| reserved.keep(body.len()));
    bytes(body, held)
}

pub(super) fn producer(producer_id: ProducerId, epoch: &Epoch) -> Response {
    let epoch = Some(epoch.to_string());
    json(&ProducerRegistered { status: Status::Success, producer_id, epoch })
}

pub(super) fn consumer(subscribed: Subscribed, epoch: &Epoch) -> Response {
    json(&ConsumerRegistered {
        status: Status::Success,
        consumer_id: subscribed.consumer,
        epoch: Some(epoch.to_string()),
        offset: Some(subscribed.offset),
    })
}

pub(super) fn size(size: store::Size) -> Response {
    json(&Size { status: Status::Success, size: size.lag, offset: Some(size.position) })
}

/// The answer to a produce; `count` for a batch.
pub(super) fn produced(offset: Offset, count: Option<u64>) -> Response {
    let mut out = Vec::with_capacity(80);
    out.extend_from_slice(br#"{"status":"success","offset":"#);
    push_number(&mut out, offset);
    if let Some(count) = count {
        out.extend_from_slice(br#","count":"#);
        push_number(&mut out, count);
    }
    out.push(b'}');
    bytes(out, None)
}

/// The answer to a poll without `max`: the fields of the one message beside the status. `size` is that
/// of the messages as JSON.
pub(super) fn message(messages: &Messages, size: usize, held: Option<Held>) -> Response {
    const OPEN: &[u8] = br#"{"status":"success""#;
    let mut out = Vec::with_capacity(OPEN.len() + size);
    out.extend_from_slice(OPEN);
    messages.write_json(&mut out);
    // In place of the object's own brace.
    out[OPEN.len()] = b',';
    out.pop();
    bytes(out, held)
}

/// The answer to a poll with `max`.
pub(super) fn batch(messages: &Messages, size: usize, held: Option<Held>) -> Response {
    const OPEN: &[u8] = br#"{"status":"success","messages":["#;
    let mut out = Vec::with_capacity(OPEN.len() + size + 2);
    out.extend_from_slice(OPEN);
    messages.write_json(&mut out);
    if !messages.is_empty() {
        out.pop();
    }
    out.extend_from_slice(b"]}");
    bytes(out, held)
}

/// The answer to an audit.
pub(super) fn part(part: &Part, size: usize, epoch: &Epoch, held: Option<Held>) -> Response {
    let mut out = Vec::with_capacity(100 + size);
    out.extend_from_slice(br#"{"status":"success","epoch":"#);
    push_text(&mut out, epoch.as_str());
    out.extend_from_slice(br#","end":"#);
    push_number(&mut out, part.end);
    out.extend_from_slice(br#","messages":["#);
    part.messages.write_json(&mut out);
    if !part.messages.is_empty() {
        out.pop();
    }
    out.extend_from_slice(b"]}");
    bytes(out, held)
}

/// The answer to a scrape.
pub(super) fn exposition(text: String) -> Response {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let mut response = bytes(text.into_bytes(), None);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TYPE));
    response
}

/// JSON that never changes.
pub(super) fn fixed(json: &'static str) -> Response {
    body(Body::from(json))
}

/// Any body, with status 200.
pub(super) fn json(body: &impl Serialize) -> Response {
    bytes(to_json(body), None)
}

fn to_json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("the wire's types have text keys and plain values")
}

/// The bytes of an answer, which keep the room that they take until the last of them is sent: the
/// body may be dropped before, when all of it is in the connection's queue.
struct Kept {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// JSON that is rendered already.
pub(super) fn bytes(bytes: Vec<u8>, held: Option<Held>) -> Response {
    body(match held {
        None => Body::from(bytes),
        Some(_held) => Body::from(Bytes::from_owner(Kept { bytes, _held })),
    })
}

fn body(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
