//! The body of a produce as it comes over the wire. Read by hand rather than derived, so that a
//! batch stops growing at its limit and costs no more memory than one that fits.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::values::{Id, Text};

/// Reads a produce; `most` messages of a batch are kept.
#[derive(Clone, Copy)]
pub(super) struct RawProduce {
    pub(super) most: usize,
}

/// What was read.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Fields<'a> {
    pub(super) topic: Text<'a>,
    pub(super) producer_id: Id,
    pub(super) message: Option<Text<'a>>,
    pub(super) messages: Option<Batch<'a>>,
    pub(super) sequence: Option<u64>,
    pub(super) epoch: Option<Text<'a>>,
}

/// A list of messages.
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Batch<'a> {
    /// The first ones, as many as may be.
    pub(super) kept: Vec<Cow<'a, str>>,
    /// How many there are.
    pub(super) count: usize,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Topic,
    ProducerId,
    Message,
    Messages,
    Sequence,
    Epoch,
    #[serde(other)]
    Unknown,
}

impl<'de> DeserializeSeed<'de> for RawProduce {
    type Value = Fields<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RawProduce {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut topic, mut producer_id) = (None, None);
        // The outer option is whether the field was there, the inner one whether it is null.
        let (mut message, mut messages) = (None, None);
        let (mut sequence, mut epoch) = (None, None);
        while let Some(field) = map.next_key()? {
            match field {
                Field::Topic => once("topic", &mut topic, map.next_value()?)?,
                Field::ProducerId => once("producer_id", &mut producer_id, map.next_value()?)?,
                Field::Message => once("message", &mut message, map.next_value()?)?,
                Field::Messages => {
                    once(
                        "messages",
                        &mut messages,
                        map.next_value_seed(List { most: self.most })?,
                    )?;
                }
                Field::Sequence => once("sequence", &mut sequence, map.next_value()?)?,
                Field::Epoch => once("epoch", &mut epoch, map.next_value()?)?,
                Field::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Fields {
            topic: topic.ok_or_else(|| A::Error::missing_field("topic"))?,
            producer_id: producer_id.ok_or_else(|| A::Error::missing_field("producer_id"))?,
            message: message.flatten(),
            messages: messages.flatten(),
            sequence: sequence.flatten(),
            epoch: epoch.flatten(),
        })
    }
}

fn once<T, E: Error>(name: &'static str, field: &mut Option<T>, value: T) -> Result<(), E> {
    if field.replace(value).is_some() {
        return Err(E::duplicate_field(name));
    }
    Ok(())
}

/// Reads a list of messages, or null.
struct List {
    most: usize,
}

impl<'de> DeserializeSeed<'de> for List {
    type Value = Option<Batch<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for List {
    type Value = Option<Batch<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < self.most {
            let Some(Text(text)) = list.next_element()? else {
                return Ok(Some(Batch { count: kept.len(), kept }));
            };
            kept.push(text);
        }
        let mut count = kept.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Some(Batch { kept, count }))
    }
}
