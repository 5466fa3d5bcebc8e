//! Messages on their way out of a store, kept as the JSON that goes over the wire.
//!
//! A message is rendered once, when it is appended, and handed out to every consumer as a copy of
//! that text. So an answer of hundreds of messages is one or two copies of memory.

use std::ops::Range;
use std::sync::Arc;

use broker_client::wire::{Delivered, Offset, ProducerId, Sequence};

/// One message, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the log.
    pub offset: Offset,
    /// The producer that sent it.
    pub producer: ProducerId,
    /// Its number, where it was sent with one.
    pub sequence: Option<Sequence>,
    /// Its text.
    pub payload: String,
}

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
        self.parts.iter().map(|(rendered, range)| rendered.text_of(range).len()).sum()
    }

    /// Writes them as JSON objects with a comma after each, the last one too.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        for (rendered, range) in &self.parts {
            out.extend_from_slice(rendered.text_of(range));
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

/// Messages rendered one after the other: `{"offset":0,...,"message":"a"},{...},`.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    text: Vec<u8>,
    /// Where each message ends in `text`, its comma included.
    ends: Vec<usize>,
}

impl Rendered {
    /// How many messages.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The memory they take, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + size_of_val(self.ends.as_slice())
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Renders one more message.
    pub(super) fn push(
        &mut self,
        offset: Offset,
        producer: ProducerId,
        sequence: Option<Sequence>,
        payload: &str,
    ) {
        let out = &mut self.text;
        out.reserve(payload.len() + OVERHEAD);
        out.extend_from_slice(b"{\"offset\":");
        push_number(out, offset);
        out.extend_from_slice(b",\"producer_id\":");
        push_number(out, producer);
        if let Some(sequence) = sequence {
            out.extend_from_slice(b",\"sequence\":");
            push_number(out, sequence);
        }
        out.extend_from_slice(b",\"message\":");
        push_text(out, payload);
        out.extend_from_slice(b"},");
        self.ends.push(out.len());
    }

    /// Adds all messages of `other`.
    pub(super) fn extend(&mut self, other: &Self) {
        let shift = self.text.len();
        self.text.extend_from_slice(&other.text);
        self.ends.extend(other.ends.iter().map(|end| end + shift));
    }

    /// How many messages from `start` on, at most `max`, are at most `max_bytes` long together.
    pub(super) fn fitting(&self, start: usize, max: usize, max_bytes: usize) -> usize {
        let last = self.len().min(start.saturating_add(max));
        let limit = self.start_of(start).saturating_add(max_bytes);
        if self.start_of(last) <= limit {
            return last - start;
        }
        self.ends[start..last].partition_point(|&end| end <= limit)
    }

    pub(super) fn text_of(&self, range: &Range<usize>) -> &[u8] {
        &self.text[self.start_of(range.start)..self.start_of(range.end)]
    }

    fn start_of(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] }
    }

    fn message(&self, index: usize) -> Message {
        let text = self.text_of(&(index..index + 1));
        let parsed: Delivered<'_> = serde_json::from_slice(&text[..text.len() - 1])
            .expect("what this module rendered is valid JSON");
        Message {
            offset: parsed.offset.expect("every rendered message has an offset"),
            producer: parsed.producer_id.expect("every rendered message has a producer"),
            sequence: parsed.sequence,
            payload: parsed.message.into_owned(),
        }
    }
}

/// The most bytes that a rendered message has beside its payload.
const OVERHEAD: usize = 110;

/// A whole number in decimal digits.
pub(crate) fn push_number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A JSON string.
pub(crate) fn push_text(out: &mut Vec<u8>, text: &str) {
    // Without an early exit, so that it is compiled to vector instructions.
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if text.bytes().fold(false, |found, byte| found | special(byte)) {
        serde_json::to_writer(out, text).expect("a string can be written to memory");
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn fitting_counts_messages_and_bytes() {
        let mut rendered = Rendered::default();
        for offset in 0..5 {
            rendered.push(offset, 1, None, "x");
        }
        let one = rendered.text_of(&(0..1)).len();
        assert_eq!(rendered.fitting(0, 3, usize::MAX), 3);
        assert_eq!(rendered.fitting(1, 9, usize::MAX), 4);
        assert_eq!(rendered.fitting(1, 9, 2 * one), 2);
        assert_eq!(rendered.fitting(1, 9, 2 * one - 1), 1);
        assert_eq!(rendered.fitting(1, 9, 1), 0);
        assert_eq!(rendered.fitting(5, 9, 1), 0);
    }
}
