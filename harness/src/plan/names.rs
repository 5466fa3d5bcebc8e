//! Messages as people and tags call them: `P4#17`, and back again.

use std::fmt;

use super::model::{MessageId, Plan};
use crate::scenario::Source;

/// `P4#17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageName {
    /// The producer's number.
    pub producer: u32,
    /// The line in its log, from 1; of a made-up message its number over all topics.
    pub line: u32,
}

impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "P{}#{}", self.producer, self.line)
    }
}

impl MessageName {
    /// Takes a payload with a tag (`P4#17:INFO`) apart; `None` where it does not begin with one,
    /// in just the form in which [`Plan::tag`] writes it.
    pub fn split_tag(payload: &str) -> Option<(Self, &str)> {
        let (producer, rest) = digits(payload.strip_prefix('P')?)?;
        let (line, rest) = digits(rest.strip_prefix('#')?)?;
        Some((Self { producer, line }, rest.strip_prefix(':')?))
    }
}

/// A number without leading zeros, and what follows it.
fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if number.starts_with('0') {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

/// The most characters of a tag.
pub const TAG_MAX: usize = 10;

impl Plan {
    /// A message as people call it: `P4#17`, line 17 of producer 4's log.
    pub fn name(&self, id: MessageId) -> MessageName {
        let producer = &self.producers[self.stream(id).producer.place()];
        MessageName { producer: producer.number, line: self.messages.line(id) }
    }

    /// Its number on its topic, counted from 1 within its producer.
    pub fn number(&self, id: MessageId) -> u32 {
        id.0 - self.stream(id).first.0 + 1
    }

    /// `P4#17 (T2 number 17, producer_4.txt:17)`, or `P4#17 (T2 number 6, generated)`.
    pub fn describe(&self, id: MessageId) -> String {
        let stream = self.stream(id);
        let topic = &self.topics[stream.topic.place()].name;
        let (name, number) = (self.name(id), self.number(id));
        match &self.scenario.producers[stream.producer.place()].source {
            Source::Log { file, .. } => {
                let file = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
                format!("{name} ({topic} number {number}, {file}:{})", name.line)
            }
            Source::Generate { .. } => format!("{name} ({topic} number {number}, generated)"),
        }
    }

    /// The message that a name stands for, by bisection of its producer's streams.
    pub fn find(&self, name: MessageName) -> Option<MessageId> {
        let place = self.producers.binary_search_by_key(&name.producer, |p| p.number).ok()?;
        self.producers[place].streams.iter().find_map(|stream| {
            // Lines rise along a stream.
            let range = self.streams[stream.place()].messages();
            let lines = &self.messages.lines[range.start as usize..range.end as usize];
            let at = lines.binary_search(&name.line).ok()?;
            Some(MessageId(range.start + u32::try_from(at).ok()?))
        })
    }

    /// What goes before a message's payload where the broker does not say whose it is: `P4#17:`.
    pub fn tag(&self, id: MessageId) -> String {
        format!("{}:", self.name(id))
    }

    /// The most characters that a tag of this plan has; a broker that needs tags is promised
    /// [`TAG_MAX`].
    pub fn longest_tag(&self) -> usize {
        let lengths = self.streams.iter().filter(|stream| stream.count > 0).map(|stream| {
            let last = MessageId(stream.messages().end - 1);
            self.tag(last).len()
        });
        lengths.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_tag_is_one() {
        let name = MessageName { producer: 4, line: 17 };
        assert_eq!(MessageName::split_tag("P4#17:INFO"), Some((name, "INFO")));
        assert_eq!(MessageName::split_tag("P4#17:"), Some((name, "")));
        assert_eq!(MessageName::split_tag("P4#17:P1#1:x"), Some((name, "P1#1:x")));
        for none in ["", "INFO", "P4#17", "P4#:x", "P#1:x", "P04#1:x", "P4#017:x", "P4#+1:x"] {
            assert_eq!(MessageName::split_tag(none), None, "{none}");
        }
        assert_eq!(MessageName::split_tag("P4#99999999999:x"), None);
    }
}
