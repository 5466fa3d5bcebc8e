//! Messages on their way out of a store, in the order of their log.
//!
//! Payloads are kept as the JSON that goes over the wire. What stands around them is written when
//! they are handed out, for it is half as long again as a payload of 100 bytes, and to keep it took
//! more time, for the fresh memory, than it takes to write it.

mod json;
mod message;
mod rendered;
mod run;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use self::json::{push_number, push_text};
pub use self::message::Message;
pub(super) use self::rendered::Rendered;

/// Messages in the order they are handed out. A store or a wrapper that has them one by one
/// collects them: `messages.into_iter().collect::<Messages>()`.
#[derive(Clone, Debug, Default)]
pub struct Messages {
    parts: Vec<(Arc<Rendered>, Range<usize>)>,
}

impl Messages {
    /// How many they are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.iter().map(|(_, range)| range.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The size of [`Messages::write_json`] in bytes.
    #[must_use]
    pub fn json_len(&self) -> usize {
        self.parts.iter().map(|(rendered, range)| rendered.json_len(range)).sum()
    }

    /// Writes them as JSON objects with a comma after each, the last one too.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        for (rendered, range) in &self.parts {
            rendered.write_json(range, out);
        }
    }

    /// Takes them apart, for wrappers and tests; costs an allocation a message.
    pub fn iter(&self) -> impl Iterator<Item = Message> + '_ {
        self.parts.iter().flat_map(|(rendered, range)| range.clone().map(|i| rendered.message(i)))
    }

    /// Adds messages `range` of `rendered`, if any.
    pub(super) fn push(&mut self, rendered: &Arc<Rendered>, range: Range<usize>) {
        if !range.is_empty() {
            self.parts.push((Arc::clone(rendered), range));
        }
    }
}

impl FromIterator<Message> for Messages {
    fn from_iter<I: IntoIterator<Item = Message>>(messages: I) -> Self {
        let mut rendered = Rendered::default();
        for message in messages {
            let Message { offset, producer, sequence, payload } = message;
            rendered.push(offset, producer, sequence, &payload);
        }
        let range = 0..rendered.len();
        let mut messages = Self::default();
        messages.push(&Arc::new(rendered), range);
        messages
    }
}

#[cfg(test)]
mod tests {
    use broker_client::wire::{Offset, Sequence};

    use super::*;

    fn message(offset: Offset, sequence: Option<Sequence>, payload: &str) -> Message {
        Message { offset, producer: 4, sequence, payload: payload.to_owned() }
    }

    #[test]
    fn what_was_collected_comes_out_again() {
        let all = vec![
            message(0, None, "plain"),
            message(u64::MAX, Some(u64::MAX), "a \"quote\" and a \\"),
            message(7, Some(0), "\u{0}\n\u{1f}é🦀"),
            Message { producer: i64::MIN, ..message(3, None, "") },
        ];
        let messages: Messages = all.iter().cloned().collect();
        assert_eq!(messages.iter().collect::<Vec<_>>(), all);
        assert_eq!(messages.len(), 4);
        let mut json = Vec::new();
        messages.write_json(&mut json);
        assert_eq!(json.len(), messages.json_len());
    }

    #[test]
    fn a_message_is_rendered_as_the_wire_says() {
        let messages: Messages = [message(12, Some(3), "INFO")].into_iter().collect();
        let mut json = Vec::new();
        messages.write_json(&mut json);
        let expected = r#"{"offset":12,"producer_id":4,"sequence":3,"message":"INFO"},"#;
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    }
}
