//! A consumer's log: lines of a topic and a payload, with any blanks between and around them.

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

/// One line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u32,
    pub(super) topic: TopicIndex,
    pub(super) payload: &'a str,
}

/// A line that cannot be read; the text has file and line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct Error {
    file: String,
    line: u32,
    what: String,
}

impl Lines {
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
/// At the first line that is not UTF-8, or not a topic of the plan and a payload.
pub fn parse(plan: &Plan, file: String, bytes: impl Into<Vec<u8>>) -> Result<Lines, Error> {
    let text = String::from_utf8(bytes.into()).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let before = (1..).zip(sound.split(|byte| *byte == b'\n')).last();
        let line = before.map_or(1, |(line, _)| line);
        Error { file: file.clone(), line, what: "this line is not UTF-8".to_owned() }
    })?;
    let mut lines = Vec::new();
    let marked = text.strip_prefix('\u{feff}');
    for (number, line) in (1..).zip(marked.unwrap_or(&text).lines()) {
        let error = |what: String| Error { file: file.clone(), line: number, what };
        let mut fields = line.split_ascii_whitespace();
        let Some(topic) = fields.next() else { continue };
        let count = 1 + fields.clone().count();
        let Some(payload) = fields.next().filter(|_| count == 2) else {
            let plural = if count == 1 { "" } else { "s" };
            return Err(error(format!(
                "expected a topic and a payload, such as `T1     INFO`, found {count} field{plural}"
            )));
        };
        let place = plan.topics.iter().position(|known| known.name.as_str() == topic);
        let Some(place) = place else {
            let known: Vec<&str> = plan.topics.iter().map(|topic| topic.name.as_str()).collect();
            return Err(error(format!(
                "the scenario has no topic {topic:?}, only {}",
                known.join(", ")
            )));
        };
        // Both are parts of `text`.
        let start = payload.as_ptr() as usize - text.as_ptr() as usize;
        lines.push((number, TopicIndex::new(place), start..start + payload.len()));
    }
    Ok(Lines { file, text, lines })
}
