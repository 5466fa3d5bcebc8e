//! Bytes that may be the beginning of a line of a log, in the log's format.

use crate::log_format::{LogFormat, is_json};
use crate::plan::{MessageId, Plan};

/// What of a line there is.
pub(super) struct Beginning {
    topic: Part,
    payload: Part,
}

/// What of a text there is.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Nothing,
    /// It may go on.
    Start(Vec<u8>),
    Whole(Vec<u8>),
}

impl Part {
    fn may_be(&self, text: &str) -> bool {
        match self {
            Self::Nothing => true,
            Self::Start(part) => text.as_bytes().starts_with(part),
            Self::Whole(whole) => text.as_bytes() == *whole,
        }
    }
}

impl Beginning {
    pub(super) fn of(format: LogFormat, bytes: &[u8]) -> Self {
        let trimmed = bytes.trim_ascii_start();
        if format == LogFormat::Json || is_json(&String::from_utf8_lossy(trimmed)) {
            return Self::of_json(trimmed);
        }
        let is_gap = |byte: &u8| match format {
            LogFormat::Tsv => *byte == b'\t',
            _ => byte.is_ascii_whitespace(),
        };
        let Some(end) = trimmed.iter().position(is_gap) else {
            return Self { topic: Part::Start(trimmed.to_vec()), payload: Part::Nothing };
        };
        let rest = match format {
            LogFormat::Tsv => &trimmed[end + 1..],
            _ => trimmed[end..].trim_ascii_start(),
        };
        let topic = Part::Whole(trimmed[..end].trim_ascii().to_vec());
        Self { topic, payload: Part::Start(rest.to_vec()) }
    }

    /// Of a JSON object, with its keys in either order and any blanks between its tokens.
    fn of_json(bytes: &[u8]) -> Self {
        let mut begin = Self { topic: Part::Nothing, payload: Part::Nothing };
        let mut key = None;
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'"') {
            let (part, after) = string(&rest[at + 1..]);
            rest = after;
            match (key.take(), part) {
                (None, Part::Whole(name)) => key = Some(name),
                (Some(name), part) if name == b"topic" => begin.topic = part,
                (Some(name), part) if name == b"payload" => begin.payload = part,
                _ => {}
            }
        }
        begin
    }

    /// Whether the line may be one of this topic.
    pub(super) fn may_be_of(&self, topic: &str) -> bool {
        self.topic.may_be(topic)
    }

    /// Whether it may be one with this payload.
    pub(super) fn may_hold(&self, payload: &str) -> bool {
        self.payload.may_be(payload)
    }

    /// Whether it says of which topic the line is.
    pub(super) const fn tells_topic(&self) -> bool {
        matches!(self.topic, Part::Whole(_))
    }
}

/// A JSON string behind its first quotation mark, and what follows it.
fn string(bytes: &[u8]) -> (Part, &[u8]) {
    let mut escaped = false;
    let end = bytes.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    let raw = end.map_or(bytes, |end| &bytes[..end]);
    let decode = |raw: &[u8]| {
        let text = std::str::from_utf8(raw).ok()?;
        serde_json::from_str::<String>(&format!("\"{text}\"")).ok()
    };
    let Some(end) = end else {
        // An escape or a character may be cut off, too: at most a pair of `\ud83e`.
        let least = raw.len().saturating_sub(12);
        let found = (least..=raw.len()).rev().find_map(|len| decode(&raw[..len]));
        return (found.map_or(Part::Nothing, |text| Part::Start(text.into_bytes())), &[]);
    };
    let part = decode(raw).map_or(Part::Nothing, |text| Part::Whole(text.into_bytes()));
    (part, &bytes[end + 1..])
}

/// Whether these bytes begin the line of any message of the plan.
pub(super) fn begins_a_line(plan: &Plan, format: LogFormat, bytes: &[u8]) -> bool {
    let begin = Beginning::of(format, bytes);
    plan.topics.iter().any(|topic| {
        let streams = topic.streams.iter().map(|stream| &plan.streams[stream.place()]);
        let messages = streams.flat_map(crate::plan::Stream::messages);
        begin.may_be_of(topic.name.as_str())
            && messages.map(MessageId).any(|message| begin.may_hold(plan.messages.payload(message)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: LogFormat, topic: &str, payload: &str) {
        let mut line = Vec::new();
        format.write_delivery(topic, payload, &mut line).unwrap();
        line.pop();
        for end in 1..=line.len() {
            let begin = Beginning::of(format, &line[..end]);
            let fits = begin.may_be_of(topic) && begin.may_hold(payload);
            assert!(fits, "{:?} of {topic} {payload:?}", String::from_utf8_lossy(&line[..end]));
        }
        let whole = Beginning::of(format, &line);
        assert!(whole.tells_topic() && !whole.may_be_of("T9"), "{line:?}");
        assert!(!whole.may_hold("another"), "{line:?}");
    }

    #[test]
    fn a_line_that_is_cut_anywhere_begins_its_message() {
        for payload in ["INFO", "P1_MSG1", "é🦀", " a b ", "\"quoted\\ \u{1}\u{1f980}\""] {
            for format in [LogFormat::Plain, LogFormat::Tsv, LogFormat::Json] {
                check(format, "T1", payload);
            }
        }
    }

    #[test]
    fn json_of_other_writers_may_have_blanks_escapes_and_another_order() {
        let begin = |text: &str| Beginning::of(LogFormat::Plain, text.as_bytes());
        let python = begin("{\"payload\": \"a\\u00e9\\ud83e\\udd80 b\", \"topic\": \"T");
        assert!(python.may_hold("aé🦀 b") && !python.may_hold("aé🦀"));
        assert!(python.may_be_of("T1") && !python.may_be_of("U1") && !python.tells_topic());
        let cut = begin("{ \"topic\" : \"T1\", \"payload\": \"a\\ud83e\\ud");
        assert!(cut.may_hold("a🦀") && cut.tells_topic());
    }
}
