//! A consumer's log: lines of a topic and a payload, with any blanks between and around them.

use crate::numbers;
use crate::plan::{Plan, TopicIndex};

/// One consumer's log, read.
#[derive(Debug)]
pub struct Lines {
    /// As the user named it.
    pub file: String,
    text: String,
    /// Line number from 1, topic, and where the payload stands in `text`.
    lines: Vec<(u32, TopicIndex, std::ops::Range<usize>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u32,
    pub(super) topic: TopicIndex,
    pub(super) payload: &'a str,
}

impl Lines {
    /// Each line's topic and payload.
    pub fn messages(&self) -> impl Iterator<Item = (TopicIndex, &str)> {
        self.iter().map(|line| (line.topic, line.payload))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().map(|(number, topic, payload)| Line {
            number: *number,
            topic: *topic,
            payload: &self.text[payload.clone()],
        })
    }
}

/// Reads a log; blank lines are passed over, and a byte order mark at its beginning.
///
/// # Errors
/// At the first line that is not UTF-8, or not a topic of the plan and a payload; the text has file
/// and line.
pub fn parse(plan: &Plan, file: String, bytes: impl Into<Vec<u8>>) -> Result<Lines, String> {
    let text = String::from_utf8(bytes.into()).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let before = (1..).zip(sound.split(|byte| *byte == b'\n')).last();
        let line = before.map_or(1, |(line, _)| line);
        format!("{file}:{line}: this line is not UTF-8")
    })?;
    let mut lines = Vec::new();
    let marked = text.strip_prefix('\u{feff}');
    for (number, line) in (1..).zip(marked.unwrap_or(&text).lines()) {
        let mut fields = line.split_ascii_whitespace();
        let Some(topic) = fields.next() else { continue };
        let count = 1 + fields.clone().count();
        let Some(payload) = fields.next().filter(|_| count == 2) else {
            let fields = numbers::count(count as u64, "field");
            return Err(format!(
                "{file}:{number}: expected a topic and a payload, such as `T1     INFO`, found \
                 {fields}"
            ));
        };
        let place = plan.topics.iter().position(|known| known.name.as_str() == topic);
        let Some(place) = place else {
            let known: Vec<&str> = plan.topics.iter().map(|topic| topic.name.as_str()).collect();
            let known = known.join(", ");
            return Err(format!(
                "{file}:{number}: the scenario has no topic {topic:?}, only {known}"
            ));
        };
        // Both are parts of `text`.
        let start = payload.as_ptr() as usize - text.as_ptr() as usize;
        lines.push((number, TopicIndex::new(place), start..start + payload.len()));
    }
    Ok(Lines { file, text, lines })
}
