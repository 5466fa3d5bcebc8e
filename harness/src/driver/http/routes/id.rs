//! Ids that a broker of the original routes gives to producers and consumers: numbers, UUIDs,
//! `C_T0#0`. They are opaque: a number stays a number, of any size, and a text stays a text.

use std::borrow::Cow;

use broker_client::backoff;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Id {
    /// As the broker wrote it: it may have more digits than any type here.
    Number(String),
    Text(String),
}

impl Id {
    /// The id that a value of an answer is, as JSON, if it is one.
    pub(super) fn of(json: &str) -> Option<Self> {
        match serde_json::from_str(json).ok()? {
            Value::Number(_) => Some(Self::Number(json.to_owned())),
            Value::String(text) if !text.is_empty() => Some(Self::Text(text)),
            _ => None,
        }
    }

    /// As a query has it, before it is escaped.
    pub(crate) fn plain(&self) -> &str {
        let (Self::Number(plain) | Self::Text(plain)) = self;
        plain
    }

    /// As a body has it.
    pub(super) fn json(&self) -> Cow<'_, str> {
        match self {
            Self::Number(number) => number.into(),
            Self::Text(text) => Value::from(text.as_str()).to_string().into(),
        }
    }

    /// As a session keeps it: a text that would be read back as something else is in quotes.
    pub(crate) fn session(&self) -> String {
        match self {
            Self::Text(text) if Self::of_session(text) != *self => self.json().into_owned(),
            _ => self.plain().to_owned(),
        }
    }

    /// Back from [`session`](Self::session).
    pub(crate) fn of_session(text: &str) -> Self {
        Self::of(text).unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    /// As our own broker gives them.
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => number.parse().ok(),
            Self::Text(_) => None,
        }
    }

    /// A number that tells the users of one seed apart, see [`backoff::stream`].
    pub(crate) fn stream(&self) -> u64 {
        let number = self.number().map(i64::cast_unsigned);
        number.unwrap_or_else(|| backoff::stream(&[self.plain()], 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_from_its_session_as_what_it_was() {
        let check = |json: &str, session: &str, plain: &str| {
            let id = Id::of(json).unwrap();
            assert_eq!((id.session().as_str(), id.plain()), (session, plain), "{json}");
            assert_eq!(Id::of_session(&id.session()), id, "{json}");
            assert_eq!(id.json(), json);
        };
        check("14", "14", "14");
        check("-1", "-1", "-1");
        check("18446744073709551615", "18446744073709551615", "18446744073709551615");
        let uuid = "340282366920938463463374607431768211455";
        check(uuid, uuid, uuid);
        check("0.30000000000000000001", "0.30000000000000000001", "0.30000000000000000001");
        check("\"14\"", "\"14\"", "14");
        check("\"C_T0#0\"", "C_T0#0", "C_T0#0");
        let uuid = "5f0c6b1e-0a5e-4f7e-9d55-0b8a4a0f3a11";
        check(&format!("\"{uuid}\""), uuid, uuid);
        check("\"null\"", "null", "null");
        check(r#""\"14\"""#, r#""\"14\"""#, "\"14\"");
    }

    #[test]
    fn what_is_no_id_is_none() {
        for json in ["", "null", "true", "\"\"", "[1]", "{}"] {
            assert_eq!(Id::of(json), None, "{json}");
        }
    }
}
