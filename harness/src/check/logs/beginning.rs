//! Bytes that may be the beginning of a line of a log.

use crate::plan::{MessageId, Plan};

/// What of a line there is.
pub(super) enum Beginning<'a> {
    /// A part of a topic's name, or all of it.
    Name(&'a [u8]),
    /// A topic and the beginning of a payload, which may be empty.
    Payload(&'a [u8], &'a [u8]),
}

impl<'a> Beginning<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let bytes = bytes.trim_ascii_start();
        match bytes.iter().position(u8::is_ascii_whitespace) {
            None => Beginning::Name(bytes),
            Some(end) => Beginning::Payload(&bytes[..end], bytes[end..].trim_ascii_start()),
        }
    }

    /// Whether the line may be one of this topic.
    pub(super) fn may_be_of(&self, topic: &str) -> bool {
        match self {
            Self::Name(part) => topic.as_bytes().starts_with(part),
            Self::Payload(name, _) => topic.as_bytes() == *name,
        }
    }

    /// Whether it may be one with this payload.
    pub(super) fn may_hold(&self, payload: &str) -> bool {
        match self {
            Self::Name(_) => true,
            Self::Payload(_, part) => payload.as_bytes().starts_with(part),
        }
    }
}

/// Whether these bytes begin the line of any message of the plan.
pub(super) fn begins_a_line(plan: &Plan, bytes: &[u8]) -> bool {
    let begin = Beginning::of(bytes);
    plan.topics.iter().any(|topic| {
        let streams = topic.streams.iter().map(|stream| &plan.streams[stream.place()]);
        let messages = streams.flat_map(crate::plan::Stream::messages);
        begin.may_be_of(topic.name.as_str())
            && messages.map(MessageId).any(|message| begin.may_hold(plan.messages.payload(message)))
    })
}
