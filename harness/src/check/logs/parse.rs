//! A consumer's log: lines of a topic and a payload, with blanks or a tab between them, or as JSON.

use crate::log_format::LogFormat;
use crate::plan::{Plan, TopicIndex};

/// One consumer's log, read.
#[derive(Debug)]
pub struct Lines {
    /// As the user named it.
    pub file: String,
    /// All payloads, one behind the other.
    payloads: String,
    /// Line number from 1, topic, and where the payload stands in `payloads`.
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
            payload: &self.payloads[payload.clone()],
        })
    }
}

/// Reads a log, whose format is found out; blank lines are passed over, and a byte order mark at its
/// beginning.
///
/// # Errors
/// At the first line that is not UTF-8, or not a topic of the plan and a payload; the text has file
/// and line.
pub fn parse(plan: &Plan, file: String, bytes: impl Into<Vec<u8>>) -> Result<Lines, String> {
    parse_as(plan, file, bytes, None)
}

/// The same for a log whose format is known, if it is.
///
/// # Errors
/// As [`parse`].
pub fn parse_as(
    plan: &Plan,
    file: String,
    bytes: impl Into<Vec<u8>>,
    format: Option<LogFormat>,
) -> Result<Lines, String> {
    let text = String::from_utf8(bytes.into()).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let before = (1..).zip(sound.split(|byte| *byte == b'\n')).last();
        let line = before.map_or(1, |(line, _)| line);
        format!("{file}:{line}: this line is not UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let format = format.unwrap_or_else(|| LogFormat::of_deliveries(text));
    let mut lines = Lines { file, payloads: String::new(), lines: Vec::new() };
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let file = &lines.file;
        let read = format.read_delivery(line);
        let (topic, payload) = read.map_err(|why| format!("{file}:{number}: {why}"))?;
        let place = plan.topics.iter().position(|known| known.name.as_str() == topic);
        let Some(place) = place else {
            let known: Vec<&str> = plan.topics.iter().map(|topic| topic.name.as_str()).collect();
            let known = known.join(", ");
            return Err(format!(
                "{file}:{number}: the scenario has no topic {topic:?}, only {known}"
            ));
        };
        let start = lines.payloads.len();
        lines.payloads.push_str(&payload);
        lines.lines.push((number, TopicIndex::new(place), start..lines.payloads.len()));
    }
    Ok(lines)
}
