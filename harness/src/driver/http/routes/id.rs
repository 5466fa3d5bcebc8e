//! Ids that a broker of the original routes gives to producers and consumers: numbers, UUIDs,
//! `C_T0#0`. They are opaque: a number stays a number, and a text stays a text.

use std::borrow::Cow;

use broker_client::backoff;
use serde_json::{Number, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// A whole number of 64 bits.
    Number(Number),
    Text(String),
}

impl Id {
    /// The id that a value of an answer is, if it is one.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) if number.is_i64() || number.is_u64() => {
                Some(Self::Number(number.clone()))
            }
            Value::String(text) if !text.is_empty() => Some(Self::Text(text.clone())),
            _ => None,
        }
    }

    /// As a query has it, before it is escaped.
    pub(crate) fn plain(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => text.into(),
        }
    }

    /// As a body has it.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone()),
        }
    }

    /// As a session keeps it: a text that would be read back as something else is in quotes.
    pub(crate) fn session(&self) -> String {
        let plain = self.plain();
        match self {
            Self::Text(_) if Self::of_session(&plain) != *self => self.value().to_string(),
            _ => plain.into_owned(),
        }
    }

    /// Back from [`session`](Self::session).
    pub(crate) fn of_session(text: &str) -> Self {
        let value = serde_json::from_str(text).ok().and_then(|value| Self::of(&value));
        value.unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// As our own broker gives them.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.as_i64(),
            Self::Text(_) => None,
        }
    }

    /// A number that tells the users of one seed apart, see [`backoff::stream`].
    pub(crate) fn stream(&self) -> u64 {
        let number = self.number().map(i64::cast_unsigned);
        number.unwrap_or_else(|| backoff::stream(&[&self.plain()], 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_session_as_what_it_was() {
        let check = |json: &str, session: &str, plain: &str| {
            let id = Id::of(&serde_json::from_str(json).unwrap()).unwrap();
            assert_eq!((id.session().as_str(), &*id.plain()), (session, plain), "{json}");
            assert_eq!(Id::of_session(&id.session()), id, "{json}");
            assert_eq!(id.value().to_string(), json);
        };
        check("14", "14", "14");
        check("-1", "-1", "-1");
        check("18446744073709551615", "18446744073709551615", "18446744073709551615");
        check("\"14\"", "\"14\"", "14");
        check("\"C_T0#0\"", "C_T0#0", "C_T0#0");
        let uuid = "5f0c6b1e-0a5e-4f7e-9d55-0b8a4a0f3a11";
        check(&format!("\"{uuid}\""), uuid, uuid);
        check("\"null\"", "null", "null");
        check(r#""\"14\"""#, r#""\"14\"""#, "\"14\"");
    }

    #[test]
    fn what_is_no_id_is_none() {
        for json in ["null", "true", "1.5", "\"\"", "[1]", "{}", "340282366920938463463"] {
            assert_eq!(Id::of(&serde_json::from_str(json).unwrap()), None, "{json}");
        }
    }
}
