//! Values of request bodies that serde alone would read otherwise: texts without a copy, and ids
//! as numbers or strings.

use std::borrow::Cow;
use std::fmt;

use broker_client::wire::ProducerId;
use serde::de::{self, Deserialize, Deserializer, Unexpected, Visitor};

use super::super::number::whole;

/// A text that is borrowed from the body where it has no escapes. (Inside an `Option`, serde makes
/// a plain `Cow` an owned one.)
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

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
#[cfg_attr(test, derive(Debug, PartialEq))]
pub(super) struct Id(pub(super) ProducerId);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;
        impl Visitor<'_> for Ids {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of 64 bits, or its digits in a string")
            }

            fn visit_i64<E: de::Error>(self, id: i64) -> Result<Id, E> {
                Ok(Id(id))
            }

            fn visit_u64<E: de::Error>(self, id: u64) -> Result<Id, E> {
                let wrong = |_| E::invalid_value(Unexpected::Unsigned(id), &self);
                ProducerId::try_from(id).map(Id).map_err(wrong)
            }

            fn visit_str<E: de::Error>(self, id: &str) -> Result<Id, E> {
                whole(id).map(Id).ok_or_else(|| E::invalid_value(Unexpected::Str(id), &self))
            }
        }
        deserializer.deserialize_any(Ids)
    }
}
