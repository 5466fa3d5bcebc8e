//! Why a body did not parse: it is looked at again, for the field that is to blame. That takes no
//! memory to speak of, whatever the body is: values stay the bytes they are.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::super::failure::Failure;
use super::{Id, Text};

/// What a field must be.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Text,
    OptionalText,
    OptionalTexts,
    Id,
    OptionalCount,
}

pub(super) fn not_an_object() -> Failure {
    Failure::bad_request("the body is not a JSON object")
}

/// Names the first of the fields that is wrong; `error` is why the body did not parse.
pub(super) fn explain(
    body: &[u8],
    fields: &[(&'static str, Kind)],
    error: &serde_json::Error,
) -> Failure {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let values = Values(fields).deserialize(&mut deserializer);
    let values = match values.and_then(|values| deserializer.end().map(|()| values)) {
        Ok(values) => values,
        Err(error) if error.classify() == Category::Data => return not_an_object(),
        Err(error) => return not_json(&error),
    };
    for (&(name, kind), given) in fields.iter().zip(values) {
        let (name, value) = given.map_or((name, None), |(name, value)| (name, Some(value)));
        if let Some(wrong) = kind.wrong(value) {
            return Failure::bad_request(format!("{name}: {wrong}"));
        }
    }
    if error.classify() == Category::Data {
        return Failure::bad_request(error.to_string());
    }
    not_json(error)
}

fn not_json(error: &serde_json::Error) -> Failure {
    Failure::bad_request(format!("the body is not JSON: {error}"))
}

impl Kind {
    /// What is wrong with a value, if anything.
    fn wrong(self, value: Option<&RawValue>) -> Option<String> {
        const ID: &str = "a whole number of 64 bits, or its digits in a string";
        const COUNT: &str = "a whole number from 0 to 18446744073709551615";
        let needed = matches!(self, Self::Text | Self::Id);
        let text = match value.map(RawValue::get) {
            None if needed => return Some("it is missing".to_owned()),
            None => return None,
            Some("null") if !needed => return None,
            Some(text) => text,
        };
        let expected = match self {
            Self::Text | Self::OptionalText if text.starts_with('"') => return None,
            Self::Text | Self::OptionalText => "a string",
            Self::OptionalTexts if text.starts_with('[') => {
                let (place, wrong) =
                    serde_json::Deserializer::from_str(text).deserialize_seq(FirstOther).ok()??;
                return Some(format!("[{place}] is {}, a string was expected", shown(wrong.get())));
            }
            Self::OptionalTexts => "a list of strings",
            Self::Id if serde_json::from_str::<Id>(text).is_ok() => return None,
            Self::Id => ID,
            Self::OptionalCount if serde_json::from_str::<u64>(text).is_ok() => return None,
            Self::OptionalCount => COUNT,
        };
        Some(format!("{} was given, {expected} was expected", shown(text)))
    }
}

/// A value as an error quotes it: as it was written, and short.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    match text.as_bytes().first() {
        Some(b'[') => "a list".to_owned(),
        Some(b'{') => "an object".to_owned(),
        _ => match text.char_indices().nth(MOST) {
            Some((end, _)) => format!("{}...", &text[..end]),
            None => text.to_owned(),
        },
    }
}

/// Reads the values of these fields, as they are written, under the names that were given.
struct Values<'f>(&'f [(&'static str, Kind)]);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = Vec<Option<(&'static str, &'de RawValue)>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = Vec<Option<(&'static str, &'de RawValue)>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut values = vec![None; self.0.len()];
        while let Some(Text(key)) = map.next_key()? {
            let place = |name: &str| self.0.iter().position(|(known, _)| *known == name);
            match (place(&key), place("topic_name")) {
                (Some(index), _) => values[index] = Some((self.0[index].0, map.next_value()?)),
                // The other name of that field.
                (None, Some(index)) if key == "topic" && values[index].is_none() => {
                    values[index] = Some(("topic", map.next_value()?));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(values)
    }
}

/// Finds the first of a list that is not a string, and its place.
struct FirstOther;

impl<'de> Visitor<'de> for FirstOther {
    type Value = Option<(usize, &'de RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let (mut place, mut found) = (0, None);
        while let Some(value) = list.next_element::<&RawValue>()? {
            if found.is_none() && !value.get().starts_with('"') {
                found = Some((place, value));
            }
            place += 1;
        }
        Ok(found)
    }
}
