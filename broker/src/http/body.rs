//! Request bodies: read within their limits ([`whole`]), and parsed without copying texts. A refusal
//! names the field that is wrong. The content type does not matter.

mod coming;
mod fast_path;
mod raw;
mod values;
mod whole;

use std::borrow::Cow;
use std::marker::PhantomData;

use broker_client::wire::{CreateTopic, ProducerId, Register, Sequence};
use serde::de::DeserializeSeed;
use serde_json::error::Category;
use serde_path_to_error::{Path, Track};

pub(super) use self::coming::Coming;
use self::raw::{Batch, RawProduce};
pub(super) use self::whole::{read, read_short};
use super::failure::Failure;
use super::limits::Limits;
use super::room::SMALL;

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

pub(super) fn create_topic(body: &[u8]) -> Result<CreateTopic<'_>, Failure> {
    parse(body, PhantomData)
}

pub(super) fn register(body: &[u8]) -> Result<Register<'_>, Failure> {
    parse(body, PhantomData)
}

pub(super) fn produce<'a>(body: &'a [u8], limits: &Limits) -> Result<Produce<'a>, Failure> {
    let most = limits.batch_messages;
    let raw = match fast_path::read(body, most) {
        Some(raw) => raw,
        None => parse(body, RawProduce { most })?,
    };
    let payloads = match (raw.message, raw.messages) {
        (Some(message), None) => Payloads::One([message.0]),
        (None, Some(batch)) => batch_within(batch, limits)?,
        (None, None) => return Err(Failure::bad_request("message: it is missing")),
        (Some(_), Some(_)) => {
            return Err(Failure::bad_request("messages: give either message or messages"));
        }
    };
    let produce = Produce {
        topic: raw.topic.0,
        producer: raw.producer_id.0,
        epoch: raw.epoch.map(|epoch| epoch.0),
        sequence: raw.sequence,
        payloads,
    };
    let count = produce.count().unwrap_or(1);
    if produce.sequence.is_some_and(|first| first.checked_add(count).is_none()) {
        return Err(Failure::bad_request("sequence: no number is left for what follows it"));
    }
    for (place, payload) in produce.payloads().iter().enumerate() {
        if payload.len() > limits.message_bytes {
            return Err(message_too_large(&produce, place, limits));
        }
    }
    Ok(produce)
}

fn batch_within<'a>(batch: Batch<'a>, limits: &Limits) -> Result<Payloads<'a>, Failure> {
    let (count, limit) = (batch.count, limits.batch_messages);
    if count == 0 {
        return Err(Failure::bad_request("messages: it is empty, at least one is needed"));
    }
    if count > limit {
        let text = format!("messages: a batch of {count} is over the limit of {limit} messages");
        return Err(Failure::too_large(text));
    }
    Ok(Payloads::Batch(batch.kept))
}

fn message_too_large(produce: &Produce<'_>, place: usize, limits: &Limits) -> Failure {
    let field = match produce.payloads {
        Payloads::One(_) => "message".to_owned(),
        Payloads::Batch(_) => format!("messages[{place}]"),
    };
    let (size, limit) = (produce.payloads()[place].len(), limits.message_bytes);
    Failure::too_large(format!("{field}: {size} bytes are over the limit of {limit} bytes"))
}

fn parse<'a, S: DeserializeSeed<'a> + Copy>(body: &'a [u8], seed: S) -> Result<S::Value, Failure> {
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    // A body that is right need not pay for the name of the field that is wrong, which a second
    // look finds. A large one is not looked at twice.
    let (parsed, path) = match body.len() {
        ..=SMALL => (parse_plainly(body, seed), None),
        _ => {
            let (parsed, path) = parse_tracking(body, seed);
            (parsed, Some(path))
        }
    };
    match parsed {
        // A list would be taken for the fields in their order.
        Ok(parsed) if is_object => Ok(parsed),
        Ok(_) => Err(not_an_object()),
        Err(error) if error.classify() != Category::Data => {
            Err(Failure::bad_request(format!("the body is not JSON: {error}")))
        }
        Err(_) if !is_object => Err(not_an_object()),
        Err(error) => {
            let path = path.unwrap_or_else(|| parse_tracking(body, seed).1);
            let error = serde_path_to_error::Error::new(path, error);
            Err(Failure::bad_request(error.to_string()))
        }
    }
}

fn parse_plainly<'a, S: DeserializeSeed<'a>>(
    body: &'a [u8],
    seed: S,
) -> serde_json::Result<S::Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let parsed = seed.deserialize(&mut deserializer)?;
    deserializer.end().map(|()| parsed)
}

/// The same, with the path to where it ended.
fn parse_tracking<'a, S: DeserializeSeed<'a>>(
    body: &'a [u8],
    seed: S,
) -> (serde_json::Result<S::Value>, Path) {
    let mut track = Track::new();
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let tracking = serde_path_to_error::Deserializer::new(&mut deserializer, &mut track);
    let parsed = seed.deserialize(tracking);
    let parsed = parsed.and_then(|parsed| deserializer.end().map(|()| parsed));
    (parsed, track.path())
}

fn not_an_object() -> Failure {
    Failure::bad_request("the body is not a JSON object")
}
