//! Request bodies: read within their limits, parsed without copying texts, and explained field by
//! field where they are wrong. The content type does not matter.

use std::borrow::Cow;
use std::fmt;

use axum::body::HttpBody;
use axum::extract::Request;
use broker_client::wire::{CreateTopic, ProducerId, Register, Sequence};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde_json::Value;
use tokio::time::timeout;

use super::failure::Failure;
use super::limits::Limits;

/// `POST /producer/produce`, parsed.
pub(super) struct Produce<'a> {
    pub(super) topic: Cow<'a, str>,
    pub(super) producer: ProducerId,
    pub(super) epoch: Option<Cow<'a, str>>,
    pub(super) sequence: Option<Sequence>,
    payloads: Payloads<'a>,
}

enum Payloads<'a> {
    One([Cow<'a, str>; 1]),
    Batch(Vec<Cow<'a, str>>),
}

impl<'a> Produce<'a> {
    /// The payloads, at least one.
    pub(super) fn payloads(&self) -> &[Cow<'a, str>] {
        match &self.payloads {
            Payloads::One(one) => one,
            Payloads::Batch(batch) => batch,
        }
    }

    /// How many they are, if it is a batch.
    pub(super) fn count(&self) -> Option<u64> {
        match &self.payloads {
            Payloads::One(_) => None,
            Payloads::Batch(batch) => u64::try_from(batch.len()).ok(),
        }
    }
}

/// Reads a whole body.
pub(super) async fn read(request: Request, limits: &Limits) -> Result<Bytes, Failure> {
    let body = request.into_body();
    let limit = limits.body_bytes;
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(body_too_large(limit));
    }
    match timeout(limits.body_read, collect(body, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Failure::body_too_slow(limits.body_read.as_secs_f64())),
    }
}

pub(super) fn create_topic(body: &[u8]) -> Result<CreateTopic<'_>, Failure> {
    parse(body, &[("topic_name", Kind::Text)])
}

pub(super) fn register(body: &[u8]) -> Result<Register<'_>, Failure> {
    parse(body, &[("topic", Kind::Text)])
}

pub(super) fn produce<'a>(body: &'a [u8], limits: &Limits) -> Result<Produce<'a>, Failure> {
    let raw: RawProduce<'_> = parse(
        body,
        &[
            ("topic", Kind::Text),
            ("producer_id", Kind::Id),
            ("message", Kind::OptionalText),
            ("messages", Kind::OptionalTexts),
            ("sequence", Kind::OptionalCount),
            ("epoch", Kind::OptionalText),
        ],
    )?;
    let payloads = match (raw.message, raw.messages) {
        (Some(message), None) => Payloads::One([message.0]),
        (None, Some(batch)) => batch_within(batch, limits)?,
        (None, None) => return Err(Failure::bad_request("message: it is missing")),
        (Some(_), Some(_)) => {
            return Err(Failure::bad_request("messages: give either message or messages"));
        }
    };
    let produce = Produce {
        topic: raw.topic,
        producer: raw.producer_id.0,
        epoch: raw.epoch.map(|epoch| epoch.0),
        sequence: raw.sequence,
        payloads,
    };
    for (place, payload) in produce.payloads().iter().enumerate() {
        if payload.len() > limits.message_bytes {
            return Err(message_too_large(&produce, place, limits));
        }
    }
    Ok(produce)
}

fn batch_within<'a>(batch: Vec<Text<'a>>, limits: &Limits) -> Result<Payloads<'a>, Failure> {
    let (count, limit) = (batch.len(), limits.batch_messages);
    if count == 0 {
        return Err(Failure::bad_request("messages: it is empty, at least one is needed"));
    }
    if count > limit {
        let text = format!("messages: a batch of {count} is over the limit of {limit} messages");
        return Err(Failure::too_large(text));
    }
    Ok(Payloads::Batch(batch.into_iter().map(|text| text.0).collect()))
}

fn message_too_large(produce: &Produce<'_>, place: usize, limits: &Limits) -> Failure {
    let field = match produce.payloads {
        Payloads::One(_) => "message".to_owned(),
        Payloads::Batch(_) => format!("messages[{place}]"),
    };
    let (size, limit) = (produce.payloads()[place].len(), limits.message_bytes);
    Failure::too_large(format!("{field}: {size} bytes are over the limit of {limit} bytes"))
}

async fn collect(mut body: axum::body::Body, limit: usize) -> Result<Bytes, Failure> {
    // Nearly every body is one frame, which then needs no copy.
    let mut whole = Bytes::new();
    let mut parts = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|why| Failure::bad_request(format!("the body broke off: {why}")))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + parts.len() + data.len() > limit {
            return Err(body_too_large(limit));
        }
        if whole.is_empty() && parts.is_empty() {
            whole = data;
        } else {
            parts.extend_from_slice(&std::mem::take(&mut whole));
            parts.extend_from_slice(&data);
        }
    }
    Ok(if parts.is_empty() { whole } else { parts.freeze() })
}

fn body_too_large(limit: usize) -> Failure {
    Failure::too_large(format!("the body is over the limit of {limit} bytes"))
}

/// As it comes over the wire.
#[derive(serde::Deserialize)]
struct RawProduce<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    producer_id: Id,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    messages: Option<Vec<Text<'a>>>,
    sequence: Option<u64>,
    #[serde(borrow)]
    epoch: Option<Text<'a>>,
}

/// A text that is borrowed from the body where it has no escapes. (Inside an `Option`, serde makes
/// a plain `Cow` an owned one.)
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Texts)
    }
}

/// A signed number, or its decimal digits in a string: the original's clients send both.
struct Id(ProducerId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;
        impl Visitor<'_> for Ids {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }

            fn visit_i64<E: de::Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id))
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Id, E> {
                ProducerId::try_from(id).map(Id).map_err(E::custom)
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<Id, E> {
                id.parse().map(Id).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Ids)
    }
}

/// What a field must be.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    OptionalText,
    OptionalTexts,
    Id,
    OptionalCount,
}

fn parse<'a, T: Deserialize<'a>>(
    body: &'a [u8],
    fields: &[(&'static str, Kind)],
) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| explain(body, fields, &error))
}

/// Looks again at a body that did not parse, for the field that is to blame.
fn explain(body: &[u8], fields: &[(&'static str, Kind)], error: &serde_json::Error) -> Failure {
    let value = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return Failure::bad_request("the body is not a JSON object"),
        Err(error) => return Failure::bad_request(format!("the body is not JSON: {error}")),
    };
    for &(name, kind) in fields {
        let (name, given) = given(&value, name);
        if let Some(wrong) = kind.wrong(given) {
            return Failure::bad_request(format!("{name}: {wrong}"));
        }
    }
    Failure::bad_request(error.to_string())
}

/// A field under the name that it was given: `topic_name` is taken as `topic` too.
fn given<'a>(
    fields: &'a serde_json::Map<String, Value>,
    name: &'static str,
) -> (&'static str, Option<&'a Value>) {
    match (name, fields.get(name)) {
        ("topic_name", None) if fields.contains_key("topic") => ("topic", fields.get("topic")),
        (name, value) => (name, value),
    }
}

impl Kind {
    /// What is wrong with a value, if anything.
    fn wrong(self, value: Option<&Value>) -> Option<String> {
        const ID: &str = "a whole number of 64 bits, or its digits in a string";
        let expected = match (self, value) {
            (Self::Text | Self::Id, None) => return Some("it is missing".to_owned()),
            (_, None | Some(Value::Null)) if !matches!(self, Self::Text | Self::Id) => return None,
            (Self::Text | Self::OptionalText, Some(Value::String(_))) => return None,
            (Self::Text | Self::OptionalText, _) => "a string",
            (Self::OptionalTexts, Some(Value::Array(texts))) => {
                let (place, text) = texts.iter().enumerate().find(|(_, text)| !text.is_string())?;
                return Some(format!("[{place}] is {}, a string was expected", shown(text)));
            }
            (Self::OptionalTexts, _) => "a list of strings",
            (Self::Id, Some(Value::Number(id))) if id.is_i64() => return None,
            (Self::Id, Some(Value::String(id))) if id.parse::<ProducerId>().is_ok() => return None,
            (Self::Id, _) => ID,
            (Self::OptionalCount, Some(Value::Number(count))) if count.is_u64() => return None,
            (Self::OptionalCount, _) => "a whole number from 0 to 18446744073709551615",
        };
        Some(format!("{} was given, {expected} was expected", shown(value?)))
    }
}

/// A value as an error quotes it: short.
fn shown(value: &Value) -> String {
    const MOST: usize = 40;
    match value {
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        plain => {
            let text = plain.to_string();
            if text.chars().count() <= MOST {
                return text;
            }
            format!("{}...", text.chars().take(MOST).collect::<String>())
        }
    }
}
