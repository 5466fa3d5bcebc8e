//! A consumer's log: lines of a topic and a payload, with any blanks between and around them.

use std::ops::Range;

use super::beginning;
use crate::numbers;
use crate::plan::{Plan, TopicIndex};

/// A line's topic, and where its payload stands in the text.
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
    text: String,
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
    /// A line that `read` can read, or that begins one; none if it is blank.
    ///
    /// # Errors
    /// That of `read`, where it begins nothing that is sent.
    fn new(
        plan: &Plan,
        number: u32,
        bytes: &[u8],
        read: impl FnOnce() -> Result<Option<Parts>, String>,
    ) -> Result<Option<Self>, String> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let bytes = bytes.trim_ascii_start();
        if bytes.is_empty() {
            return Ok(None);
        }
        let parts = match read() {
            Ok(parts) => parts,
            Err(_) if beginning::begins_a_line(plan, bytes) => None,
            Err(why) => return Err(why),
        };
        Ok(Some(Self { number, bytes: bytes.to_vec(), parts }))
    }

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
        Line { number, topic: *topic, payload: &self.text[payload.clone()] }
    }
}

/// Reads a log; blank lines are passed over, and a byte order mark at its beginning. A last line
/// without an end may be anything that begins a line.
///
/// # Errors
/// At the first line that is not UTF-8, or not a topic of the plan and a payload; the text has file
/// and line.
pub fn parse(plan: &Plan, file: String, bytes: impl Into<Vec<u8>>) -> Result<Lines, String> {
    let bytes = bytes.into();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let end = bytes[whole..].to_vec();
    let text = String::from_utf8(bytes).or_else(|error| {
        let valid = error.utf8_error().valid_up_to();
        let mut sound = error.into_bytes();
        sound.truncate(valid);
        // The sound part is text.
        let sound = String::from_utf8_lossy(&sound).into_owned();
        if valid >= whole && beginning::begins_a_line(plan, &end) {
            return Ok(sound[..whole].to_owned());
        }
        let line = 1 + sound.bytes().filter(|byte| *byte == b'\n').count();
        Err(format!("{file}:{line}: this line is not UTF-8"))
    })?;
    let mut lines = Vec::new();
    let mut number = 0;
    let marked = text[..whole].strip_prefix('\u{feff}').unwrap_or(&text[..whole]);
    for line in marked.lines() {
        number += 1;
        if let Some(parts) = parts(plan, &file, number, &text, line)? {
            lines.push((number, parts));
        }
    }
    let torn = Torn::new(plan, number + 1, &end, || {
        let last = &text[whole..];
        let last = last.strip_prefix('\u{feff}').filter(|_| whole == 0).unwrap_or(last);
        parts(plan, &file, number + 1, &text, last)
    })?;
    Ok(Lines { file, text, lines, torn })
}

/// The parts of a line of `text`; none of a blank one.
fn parts(
    plan: &Plan,
    file: &str,
    number: u32,
    text: &str,
    line: &str,
) -> Result<Option<Parts>, String> {
    let mut fields = line.split_ascii_whitespace();
    let Some(topic) = fields.next() else { return Ok(None) };
    let count = 1 + fields.clone().count();
    let Some(payload) = fields.next().filter(|_| count == 2) else {
        let fields = numbers::count(count as u64, "field");
        return Err(format!(
            "{file}:{number}: expected a topic and a payload, such as `T1     INFO`, found {fields}"
        ));
    };
    let place = plan.topics.iter().position(|known| known.name.as_str() == topic);
    let Some(place) = place else {
        let known: Vec<&str> = plan.topics.iter().map(|topic| topic.name.as_str()).collect();
        let known = known.join(", ");
        return Err(format!("{file}:{number}: the scenario has no topic {topic:?}, only {known}"));
    };
    // Both are parts of `text`.
    let start = payload.as_ptr() as usize - text.as_ptr() as usize;
    Ok(Some((TopicIndex::new(place), start..start + payload.len())))
}
