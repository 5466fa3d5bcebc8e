//! An answer of a broker of the original routes, read as leniently as it can be: with or without a
//! `status`, in whatever case, with errors in a `detail`, or no JSON at all.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use broker_client::wire::Code;
use broker_client::{Error, Refusal};
use http::StatusCode;
use serde_json::Value;
use serde_json::value::RawValue;

use super::id::Id;

/// Where a failure may say what it is, the first that is there.
const WORDS: [&str; 5] = ["message", "error", "detail", "reason", "msg"];

/// So much of an answer is shown to people.
const SHOWN: usize = 200;

/// One answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    text: String,
    json: Option<Value>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body).into_owned();
        Self { status, text, json: serde_json::from_slice(body).ok() }
    }

    /// A field of the object that the answer is, or of the object in its `detail`.
    pub(super) fn field(&self, name: &str) -> Option<&Value> {
        let object = self.json.as_ref()?.as_object()?;
        object.get(name).or_else(|| object.get("detail")?.get(name))
    }

    /// An id, which may be a number that no type here can hold.
    pub(super) fn id(&self, name: &str) -> Option<Id> {
        let field = |text: &str, name: &str| -> Option<Box<RawValue>> {
            serde_json::from_str::<BTreeMap<String, Box<RawValue>>>(text).ok()?.remove(name)
        };
        let within = || field(field(&self.text, "detail")?.get(), name);
        Id::of(field(&self.text, name).or_else(within)?.get())
    }

    /// A field that is a whole number, or its digits in a text.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.field(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// Whether the request did what it asked for: by the status code, unless the body says that it
    /// did not.
    pub(crate) fn is_success(&self) -> bool {
        self.status.is_success() && self.says_success() != Some(false)
    }

    /// What the body says of it, if it does.
    fn says_success(&self) -> Option<bool> {
        let said = ["status", "success"].iter().find_map(|name| self.field(name));
        match said {
            Some(Value::Bool(said)) => Some(*said),
            Some(Value::Number(code)) => code.as_u64().map(|code| code < 400),
            Some(Value::String(word)) => match word.to_lowercase().as_str() {
                "success" | "successful" | "ok" => Some(true),
                "failure" | "failed" | "fail" | "error" => Some(false),
                _ => None,
            },
            _ => self.field("error").map(|error| match error {
                Value::Null | Value::Bool(false) => true,
                error => error.as_str() == Some(""),
            }),
        }
    }

    /// The message that a poll brought, if it did.
    pub(crate) fn message(&self) -> Option<&str> {
        self.field("message").filter(|_| self.is_success())?.as_str()
    }

    /// Whether the original, or ours, says so that there is nothing. The original has no codes: its
    /// words decide, spelt as it spells them.
    pub(crate) fn says_empty(&self) -> bool {
        let words =
            || self.words().is_some_and(|words| words.starts_with("Empty logs for Comsumer"));
        !self.is_success() && (self.code() == Some(Code::Empty) || words())
    }

    /// Whether a request that creates a topic failed because there is one.
    pub(crate) fn says_exists(&self) -> bool {
        let words = self.words().unwrap_or_default().to_lowercase();
        let denied = ["not exist", "n't exist"].iter().any(|denied| words.contains(denied));
        self.status == StatusCode::CONFLICT || words.contains("exist") && !denied
    }

    /// Whether it is a failure with a code of our own wire.
    pub(crate) fn has_known_code(&self) -> bool {
        !self.is_success() && !matches!(self.code(), None | Some(Code::Other(_)))
    }

    fn code(&self) -> Option<Code> {
        self.field("code").and_then(Value::as_str).map(Code::from)
    }

    fn words(&self) -> Option<String> {
        let word = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        WORDS.iter().find_map(|name| self.field(name).and_then(word))
    }

    /// The failure that this answer is. It is definite where a code of our wire says so; without one,
    /// where the status blames the request, or where the body calls it a failure although the status
    /// does not. A status of the server leaves the outcome open, and so does one of a proxy that
    /// waited for the request in vain.
    pub(crate) fn failure(&self) -> Error {
        let code = self.code();
        let is_refused = match self.status {
            StatusCode::REQUEST_TIMEOUT => false,
            status => status.is_client_error() || status.is_success() && !self.is_success(),
        };
        let is_definite = match &code {
            None | Some(Code::Other(_)) => is_refused,
            Some(code) => !code.is_unknown_outcome(),
        };
        let said = self.words();
        if is_definite {
            let message = said.unwrap_or_else(|| self.shown());
            return Error::Refused(Refusal { code, message, ..Refusal::default() });
        }
        Error::Unknown(match said {
            Some(words) => format!("status {}: {words}", self.status.as_u16()),
            None => self.shown(),
        })
    }

    /// The failure of an answer that is a success and lacks a field.
    pub(crate) fn lacks(&self, field: &str) -> Error {
        Error::Unknown(format!("the answer has no {field}: {}", self.shown()))
    }

    /// For people: the status, and the beginning of the text.
    pub(crate) fn shown(&self) -> String {
        let text = self.text.trim();
        let end = text.char_indices().nth(SHOWN).map_or(text.len(), |(end, _)| end);
        match &text[..end] {
            "" => format!("status {} without a body", self.status),
            text => format!("status {}: {text}", self.status),
        }
    }

    /// What it has in common with other answers that say the same: its status and its text, the keys
    /// in one order, with `#` for each word that has a digit or one of `names` in it.
    pub(crate) fn shape(&self, names: &[&str]) -> String {
        let mut text = self.json.as_ref().map_or_else(|| self.text.clone(), Value::to_string);
        // The longest first: an id may have the topic in it.
        let longest_first: BTreeSet<_> =
            names.iter().map(|name| (Reverse(name.len()), *name)).collect();
        for (_, name) in longest_first {
            text = digit_for(&text, name);
        }
        let mut shape = format!("{} ", self.status.as_u16());
        let is_inside = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let end = rest.find(|c| is_inside(c) != is_inside(first)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(end);
            let is_masked = word.contains(|c: char| c.is_ascii_digit());
            shape.push_str(if is_masked { "#" } else { word });
            rest = behind;
        }
        shape
    }
}

/// The text with a digit wherever `name` stands between other things than letters and digits.
fn digit_for(text: &str, name: &str) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for (at, found) in text.match_indices(name) {
        let behind = &text[at + found.len()..];
        let touches = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        if !touches(text[..at].chars().next_back()) && !touches(behind.chars().next()) {
            out.push_str(&text[from..at]);
            out.push('0');
            from = at + found.len();
        }
    }
    out.push_str(&text[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer::new(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_success_is_one_by_its_status_unless_its_body_says_no() {
        let check = |status, body, expected| {
            assert_eq!(answer(status, body).is_success(), expected, "{status} {body}");
        };
        check(200, r#"{"status":"success"}"#, true);
        check(201, r#"{"status":"Success"}"#, true);
        check(200, r#"{"producer_id":"14"}"#, true);
        check(204, "", true);
        check(200, r#"{"status":"Failure"}"#, false);
        check(200, r#"{"success":false}"#, false);
        check(200, r#"{"error":"nothing"}"#, false);
        check(200, r#"{"error":null,"message":"a"}"#, true);
        check(404, r#"{"status":"success"}"#, false);
        check(307, "", false);
    }

    #[test]
    fn a_message_is_a_text_in_a_success() {
        let message = |status, body| answer(status, body).message().map(str::to_owned);
        assert_eq!(message(200, r#"{"message":"P1#1:a\"b"}"#).unwrap(), "P1#1:a\"b");
        assert_eq!(message(200, r#"{"message":null}"#), None);
        assert_eq!(message(200, r#"{"status":"failure","message":"empty"}"#), None);
        assert_eq!(message(404, r#"{"message":"empty"}"#), None);
        assert_eq!(message(204, ""), None);
    }

    #[test]
    fn an_id_is_kept_as_it_is_written() {
        let id = |body: &str| answer(200, body).id("producer_id").map(|id| id.json().into_owned());
        let large = "340282366920938463463374607431768211455";
        let body = |id: &str| format!("{{\"a\":1,\"producer_id\": {id} }}");
        for written in [large, "0.1250", "\"14\"", "-1"] {
            assert_eq!(id(&body(written)).as_deref(), Some(written));
            assert_eq!(id(&format!("{{\"detail\":{}}}", body(written))).as_deref(), Some(written));
        }
        assert_eq!(id(r#"{"producer_id":null}"#), None);
        assert_eq!(id("gone"), None);
    }

    #[test]
    fn a_failure_is_definite_where_it_blames_the_request_or_says_so_itself() {
        let check = |status, body: &str, definite, shown: &str| {
            let error = answer(status, body).failure();
            assert_eq!((error.is_definite(), error.to_string().as_str()), (definite, shown));
        };
        check(400, r#"{"status":"failure","message":"no"}"#, true, "no");
        check(404, r#"{"detail":{"status":"failure","message":"no"}}"#, true, "no");
        check(422, r#"{"detail":[{"msg":"x"}]}"#, true, r#"[{"msg":"x"}]"#);
        check(404, r#"{"detail":"Not Found"}"#, true, "Not Found");
        check(200, r#"{"status":"Failure","message":"no"}"#, true, "no");
        check(409, "taken", true, "status 409 Conflict: taken");
        check(500, r#"{"message":"no"}"#, false, "outcome unknown: status 500: no");
        check(408, "", false, "outcome unknown: status 408 Request Timeout without a body");
        let unavailable = r#"{"status":"failure","message":"away","code":"unavailable"}"#;
        check(500, unavailable, true, "away (unavailable)");
    }

    #[test]
    fn a_topic_that_exists_is_known_in_other_words() {
        let check = |status, body, expected| {
            assert_eq!(answer(status, body).says_exists(), expected, "{body}");
        };
        check(400, r#"{"status":"failure","message":"Topic:T1 already exist"}"#, true);
        check(500, r#"{"detail":{"message":"Topic 'T1' already exists"}}"#, true);
        check(409, "", true);
        check(404, r#"{"message":"the route does not exist"}"#, false);
        check(400, r#"{"message":"duplicate key"}"#, false);
    }

    #[test]
    fn answers_of_one_shape_differ_in_digits_names_and_the_order_of_keys_alone() {
        let shape = |status, body| answer(status, body).shape(&["orders", "ab-cd"]);
        let one = shape(404, r#"{"message":"no more for C_T0#0 on T1, 12:30","status":"failure"}"#);
        let other =
            shape(404, r#"{"status": "failure", "message":"no more for C_T7#9 on orders, 1:3"}"#);
        assert_eq!(one, other);
        let id = |own: &str, topic| {
            let body = format!("nothing in the {topic}_queue of {own}");
            answer(404, &body).shape(&[topic, own])
        };
        assert_eq!(id("C_orders#a", "orders"), id("P/payments-", "payments"));
        let bare = shape(404, "queue orders is empty.");
        assert_eq!(bare, shape(404, "queue ab-cd is empty.\n"));
        assert_ne!(shape(404, "a"), shape(404, "b"));
        assert_ne!(shape(404, ""), shape(500, ""));
        assert_eq!(shape(204, ""), "204 ");
    }
}
