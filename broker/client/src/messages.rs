//! What a poll brought: one text with all payloads, and where each of them stands in it.
//!
//! A poll may bring hundreds of messages and a program may poll thousands of times a second, so
//! the usual answer is read in one pass that allocates nothing for a message. Any other shape of
//! answer that is good JSON goes through serde, to the same result.

use std::ops::Range;

use crate::wire::{self, Offset};

pub use self::message::Message;
use self::message::Placed;

mod fast_path;
mod message;

/// The messages of one answer, in the order of their offsets.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    text: String,
    items: Vec<Placed>,
}

impl Messages {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The messages in the order of the answer.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Message<'_>> {
        self.items.iter().map(|item| item.within(&self.text))
    }

    /// The messages in the order of the answer, each with the place of its payload in
    /// [`into_text`](Self::into_text).
    pub fn placed(&self) -> impl ExactSizeIterator<Item = (Message<'_>, Range<usize>)> {
        self.iter().zip(self.items.iter().map(|item| item.payload.clone()))
    }

    /// The text that the payloads stand in, with whatever is between them.
    #[must_use]
    pub fn into_text(self) -> String {
        self.text
    }

    /// The place behind the greatest offset: to ask from there acknowledges all of them.
    #[must_use]
    pub fn end(&self) -> Option<Offset> {
        let greatest = self.items.iter().filter_map(|item| item.offset).max();
        greatest.map(|offset| offset.saturating_add(1))
    }

    /// Forgets the messages and keeps the space.
    pub fn clear(&mut self) {
        self.text.clear();
        self.items.clear();
    }

    /// Adds a message behind the others.
    pub fn push(&mut self, message: Message<'_>) {
        let start = self.text.len();
        self.text.push_str(message.payload);
        self.items.push(Placed {
            offset: message.offset,
            producer_id: message.producer_id,
            sequence: message.sequence,
            payload: start..self.text.len(),
        });
    }

    /// Reads the answer to a poll with `max`.
    pub(crate) fn read_batch(body: Vec<u8>) -> Result<Self, serde_json::Error> {
        match String::from_utf8(body) {
            Ok(text) => match fast_path::read(&text) {
                Some(items) => Ok(Self { text, items }),
                None => Self::read_slowly(text.as_bytes()),
            },
            // serde says where the bytes stop being text.
            Err(error) => Self::read_slowly(error.as_bytes()),
        }
    }

    /// Reads the answer to a poll without `max`.
    pub(crate) fn read_one(body: &[u8]) -> Result<Self, serde_json::Error> {
        let mut messages = Self::default();
        messages.push(Message::from(&serde_json::from_slice::<wire::Delivered<'_>>(body)?));
        Ok(messages)
    }

    /// Messages that serde has read.
    pub(crate) fn of(messages: &[wire::Delivered<'_>]) -> Self {
        let mut all = Self::default();
        for message in messages {
            all.push(Message::from(message));
        }
        all
    }

    fn read_slowly(body: &[u8]) -> Result<Self, serde_json::Error> {
        let batch = serde_json::from_slice::<wire::Batch<'_>>(body)?;
        if batch.status != wire::Status::Success {
            return Err(serde::de::Error::custom("messages in an answer that says failure"));
        }
        Ok(Self::of(&batch.messages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ProducerId, Sequence};

    type Parts<'a> = (Option<Offset>, Option<ProducerId>, Option<Sequence>, &'a str);

    fn check(body: &str, expected: &[Parts<'_>]) {
        let messages = Messages::read_batch(body.as_bytes().to_vec()).expect(body);
        let found: Vec<_> =
            messages.iter().map(|m| (m.offset, m.producer_id, m.sequence, m.payload)).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn the_usual_answer_is_read() {
        check(r#"{"status":"success","messages":[]}"#, &[]);
        check(
            r#"{"status":"success","messages":[
                {"offset":0,"producer_id":4,"sequence":17,"message":"INFO"},
                {"offset":18446744073709551615,"producer_id":-1,"message":""}]}"#,
            &[(Some(0), Some(4), Some(17), "INFO"), (Some(u64::MAX), Some(-1), None, "")],
        );
    }

    #[test]
    fn keys_may_come_in_any_order_with_blanks_nulls_and_additions_between() {
        check(
            "\n{ \"later\": {\"x\": [1.5]}, \"messages\" : [ {\"message\": \"a\", \"offset\": 1 ,\
             \"sequence\":null, \"colour\":\"red\"} ] , \"status\":\"success\" } ",
            &[(Some(1), None, None, "a")],
        );
    }

    #[test]
    fn escapes_and_all_of_unicode_arrive_as_they_were_sent() {
        check(
            r#"{"status":"success","messages":[{"offset":0,"message":"ü"},
                {"offset":1,"message":"a\"\\\n\u00e9\ud83d\ude00/\/"},{"offset":2,"message":"b"}]}"#,
            &[
                (Some(0), None, None, "ü"),
                (Some(1), None, None, "a\"\\\né😀//"),
                (Some(2), None, None, "b"),
            ],
        );
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        for body in [
            "",
            "{}",
            r#"{"status":"failure","messages":[]}"#,
            r#"{"status":"success"}"#,
            r#"{"status":"success","messages":[{"offset":0}]}"#,
            r#"{"status":"success","messages":[{"offset":-1,"message":"a"}]}"#,
            r#"{"status":"success","messages":[{"offset":18446744073709551616,"message":"a"}]}"#,
            r#"{"status":"success","messages":[{"offset":01,"message":"a"}]}"#,
            r#"{"status":"success","messages":[{"offset":1,"message":"a"},]}"#,
            r#"{"status":"success","messages":[{"offset":1,"message":"a"}]"#,
            r#"{"status":"success","messages":[{"offset":1,"message":"a"}]}}"#,
            "{\"status\":\"success\",\"messages\":[{\"offset\":1,\"message\":\"a\nb\"}]}",
        ] {
            assert!(Messages::read_batch(body.as_bytes().to_vec()).is_err(), "{body}");
        }
        let torn = b"{\"status\":\"success\",\"messages\":[{\"offset\":1,\"message\":\"\xff\"}]}";
        assert!(Messages::read_batch(torn.to_vec()).is_err());
    }

    #[test]
    fn pushed_messages_come_out_as_they_went_in() {
        let mut messages = Messages::default();
        let one = Message { offset: None, producer_id: None, sequence: None, payload: "P1#1:x" };
        let two = Message { offset: Some(3), producer_id: Some(2), sequence: Some(1), payload: "" };
        messages.push(one);
        messages.push(two);
        assert_eq!(messages.iter().collect::<Vec<_>>(), [one, two]);
        assert_eq!((messages.len(), messages.end()), (2, Some(4)));
        messages.clear();
        assert!(messages.is_empty());
    }
}
