//! Messages as people call them, `P4#17`, and the message that a name stands for.

use std::fmt;
use std::str::FromStr;

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

impl FromStr for MessageName {
    type Err = ();

    /// What [`MessageName`] prints, and nothing else.
    fn from_str(text: &str) -> Result<Self, ()> {
        let (producer, line) =
            text.strip_prefix('P').and_then(|rest| rest.split_once('#')).ok_or(())?;
        let number = |digits: &str| digits.parse().map_err(|_| ());
        let name = Self { producer: number(producer)?, line: number(line)? };
        if name.to_string() == text { Ok(name) } else { Err(()) }
    }
}

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
}
