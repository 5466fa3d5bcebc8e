//! A consumer's log: lines of a topic and a payload, with blanks or a tab between them, or as JSON.

use std::ops::Range;

use super::beginning;
use crate::log_format::LogFormat;
use crate::plan::{Plan, TopicIndex};

/// A line's topic, and where its payload stands among all payloads.
pub(super) type Parts = (TopicIndex, Range<usize>);

/// A last line without its end.
#[derive(Debug)]
pub(super) struct Torn {
    pub(super) number: u32,
    /// Without the blanks before it.
    pub(super) bytes: Vec<u8>,
    /// What it is as a whole line, if it can be one.
    pub(super) parts: Option<Parts>,
}

/// One consumer's log, read.
#[derive(Debug)]
pub struct Lines {
    /// As the user named it.
    pub file: String,
    pub(super) format: LogFormat,
    /// All payloads, one behind the other.
    payloads: String,
    /// Line number from 1, and its parts.
    lines: Vec<(u32, Parts)>,
    /// The last line, where nothing says that it is whole.
    pub(super) torn: Option<Torn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// From 1.
    pub(super) number: u32,
    pub(super) topic: TopicIndex,
    pub(super) payload: &'a str,
}

impl Torn {
    /// For people.
    pub(super) fn shown(&self) -> String {
        format!("{:?}", String::from_utf8_lossy(&self.bytes))
    }
}

impl Lines {
    /// Each line's topic and payload; the last one as a whole one, if it can be.
    pub fn messages(&self) -> impl Iterator<Item = (TopicIndex, &str)> {
        self.iter().chain(self.last()).map(|line| (line.topic, line.payload))
    }

    /// The lines that end as lines do.
    pub(super) fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().map(|(number, parts)| self.line(*number, parts))
    }

    /// The last line read as a whole one, where it does not end as lines do.
    pub(super) fn last(&self) -> Option<Line<'_>> {
        let torn = self.torn.as_ref()?;
        Some(self.line(torn.number, torn.parts.as_ref()?))
    }

    fn line(&self, number: u32, (topic, payload): &Parts) -> Line<'_> {
        Line { number, topic: *topic, payload: &self.payloads[payload.clone()] }
    }

    /// The parts of a line, whose payload is added to the others.
    fn read(&mut self, plan: &Plan, number: u32, line: &str) -> Result<Parts, String> {
        let file = &self.file;
        let read = self.format.read_delivery(line);
        let (topic, payload) = read.map_err(|why| format!("{file}:{number}: {why}"))?;
        let place = plan.topics.iter().position(|known| known.name.as_str() == topic);
        let Some(place) = place else {
            let known: Vec<&str> = plan.topics.iter().map(|topic| topic.name.as_str()).collect();
            let known = known.join(", ");
            return Err(format!(
                "{file}:{number}: the scenario has no topic {topic:?}, only {known}"
            ));
        };
        let start = self.payloads.len();
        self.payloads.push_str(&payload);
        Ok((TopicIndex::new(place), start..self.payloads.len()))
    }

    /// Takes a last line that can be read, or that begins one.
    fn tear(&mut self, plan: &Plan, number: u32, bytes: &[u8]) -> Result<(), String> {
        let bytes = bytes.trim_ascii_start();
        if bytes.is_empty() {
            return Ok(());
        }
        let read = match std::str::from_utf8(bytes) {
            Ok(line) => self.read(plan, number, line),
            Err(_) => Err(format!("{}:{number}: this line is not UTF-8", self.file)),
        };
        let parts = match read {
            Ok(parts) => Some(parts),
            Err(_) if beginning::begins_a_line(plan, self.format, bytes) => None,
            Err(why) => return Err(why),
        };
        self.torn = Some(Torn { number, bytes: bytes.to_vec(), parts });
        Ok(())
    }
}

/// Reads a log, whose format is found out; blank lines are passed over, and a byte order mark at its
/// beginning. A last line without an end may be anything that begins a line.
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
    let bytes = bytes.into();
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let (text, end) = bytes.split_at(whole);
    let text = std::str::from_utf8(text).map_err(|error| {
        let sound = &text[..error.valid_up_to()];
        let line = 1 + sound.iter().filter(|byte| **byte == b'\n').count();
        format!("{file}:{line}: this line is not UTF-8")
    })?;
    let format = format.unwrap_or_else(|| match text.trim() {
        "" => LogFormat::of_deliveries(&String::from_utf8_lossy(end)),
        _ => LogFormat::of_deliveries(text),
    });
    let mut lines = Lines { file, format, payloads: String::new(), lines: Vec::new(), torn: None };
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        if !line.trim().is_empty() {
            let parts = lines.read(plan, number, line)?;
            lines.lines.push((number, parts));
        }
    }
    lines.tear(plan, number + 1, end)?;
    Ok(lines)
}
