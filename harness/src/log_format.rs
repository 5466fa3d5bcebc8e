//! How the lines of logs are written: with blanks between their columns, with tabs, or as JSON.
//!
//! A plain line holds a payload without blanks and control characters, a tab-separated one a payload
//! without control characters, and a JSON line any. A line that begins with `{` is a JSON line in a
//! log of any format, because no time stamp and no topic begins so: what cannot stand on a line of
//! its log is written as one.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::numbers;

/// What stands between topic and payload on a plain line: five blanks, as in the original's logs.
const GAP: &str = "     ";

/// A format of logs, of producers and of consumers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Columns with any blanks and tabs between them.
    #[default]
    Plain,
    /// Columns with one tab between them, and the blanks of a payload are its own.
    Tsv,
    /// A JSON object a line.
    Json,
}

/// The words for the formats.
pub const WORDS: [(&str, LogFormat); 3] =
    [("plain", LogFormat::Plain), ("tsv", LogFormat::Tsv), ("json", LogFormat::Json)];

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(_, format)| format == self);
        f.pad(word.expect("every format has a word").0)
    }
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, format)| *format).ok_or_else(|| {
            let known = WORDS.map(|(known, _)| known);
            format!("there are: {}", known.join(", "))
        })
    }
}

impl LogFormat {
    /// The format of a log, by all of its lines: tab-separated if each has so many tabs.
    #[must_use]
    pub fn detect(text: &str, tabs: usize) -> Self {
        let lines = || text.lines().filter(|line| !line.trim().is_empty());
        let mut others = lines().filter(|line| !is_json(line)).peekable();
        if others.peek().is_none() {
            return if lines().next().is_some() { Self::Json } else { Self::Plain };
        }
        let has_tabs = |line: &str| line.bytes().filter(|byte| *byte == b'\t').count() == tabs;
        if others.all(has_tabs) { Self::Tsv } else { Self::Plain }
    }

    /// The format of a consumer's log. A last line without its end may have been cut off, and says
    /// nothing beside others.
    #[must_use]
    pub fn of_deliveries(text: &str) -> Self {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        Self::detect(if whole.trim().is_empty() { text } else { whole }, 1)
    }

    /// Whether a payload can stand on a line of this format.
    #[must_use]
    pub fn holds(self, payload: &str) -> bool {
        // Without a branch for each byte: most payloads are plain ASCII, and there are millions.
        let is_plain = |fine, byte: u8| fine & (byte > b' ') & (byte < 0x7f);
        let is_ascii = !payload.is_empty() && payload.bytes().fold(true, is_plain);
        is_ascii
            || match self {
                Self::Plain => {
                    !payload.is_empty()
                        && !payload.contains(|c: char| c.is_whitespace() || c.is_control())
                }
                Self::Tsv => !payload.contains(char::is_control),
                Self::Json => true,
            }
    }

    /// The format of the line that a payload stands on in a log of this format.
    #[must_use]
    pub fn of_line(self, payload: &str) -> Self {
        if self.holds(payload) { self } else { Self::Json }
    }

    /// Writes the line of a delivery.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_delivery(self, topic: &str, payload: &str, to: &mut impl Write) -> io::Result<()> {
        let gap = match self.of_line(payload) {
            Self::Plain => GAP,
            Self::Tsv => "\t",
            Self::Json => {
                let line = DeliveryLine { topic: topic.into(), payload: payload.into() };
                serde_json::to_writer(&mut *to, &line)?;
                return to.write_all(b"\n");
            }
        };
        // Without formatting, which takes longer than all the rest: a run may write millions.
        for part in [topic, gap, payload, "\n"] {
            to.write_all(part.as_bytes())?;
        }
        Ok(())
    }

    /// How many bytes the line of a delivery has.
    #[must_use]
    pub fn delivery_len(self, topic: &str, payload: &str) -> u64 {
        let len = match self.of_line(payload) {
            Self::Plain => topic.len() + GAP.len() + payload.len() + 1,
            Self::Tsv => topic.len() + 1 + payload.len() + 1,
            Self::Json => {
                let mut count = Count(0);
                self.write_delivery(topic, payload, &mut count).expect("counting cannot fail");
                count.0
            }
        };
        len as u64
    }

    /// Reads the line of a delivery: topic and payload.
    ///
    /// # Errors
    /// Says what was expected and what is there.
    pub fn read_delivery(self, line: &str) -> Result<(Cow<'_, str>, Cow<'_, str>), String> {
        if self == Self::Json || is_json(line) {
            let read = read_json::<DeliveryLine<'_>>(line).map_err(|why| {
                format!("expected a JSON object such as `{{\"topic\":\"T1\",\"payload\":\"INFO\"}}`: {why}")
            })?;
            return Ok((read.topic, read.payload));
        }
        if self == Self::Tsv {
            let mut columns = line.split('\t');
            return match (columns.next(), columns.next(), columns.next()) {
                (Some(topic), Some(payload), None) => Ok((topic.trim().into(), payload.into())),
                _ => {
                    let count = line.split('\t').count();
                    let found = numbers::count(count as u64, "column");
                    Err(format!("expected a topic, a tab and a payload, found {found}"))
                }
            };
        }
        let mut fields = line.split_ascii_whitespace();
        match (fields.next(), fields.next(), fields.next()) {
            (Some(topic), Some(payload), None) => Ok((topic.into(), payload.into())),
            _ => {
                let count = line.split_ascii_whitespace().count();
                let found = numbers::count(count as u64, "field");
                let tab = "; a payload with blanks needs a tab before it, or JSON lines";
                let tab = if count > 2 { tab } else { "" };
                Err(format!(
                    "expected a topic and a payload, such as `T1     INFO`, found {found}{tab}"
                ))
            }
        }
    }
}

/// Whether a line of a log is a JSON line.
#[must_use]
pub fn is_json(line: &str) -> bool {
    line.trim_start().starts_with('{')
}

/// Reads a JSON line; what is wrong with it comes with the column, and without the line, which is
/// always the first.
///
/// # Errors
/// What the parser says.
pub fn read_json<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| {
        let said = error.to_string();
        said.replace(" at line 1 column ", " at column ")
    })
}

/// A delivery on a JSON line. Other keys are passed over.
#[derive(Deserialize, Serialize)]
struct DeliveryLine<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

/// Counts the bytes that are written to it.
struct Count(usize);

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOADS: [&str; 14] = [
        "INFO",
        "",
        " a ",
        "a b",
        "\ta",
        "a\nb",
        "a\r",
        "\0",
        "\"a\\",
        "é",
        "\u{a0}a",
        "\u{1f980}",
        "\u{10ffff}",
        "{\"topic\":1}",
    ];

    #[test]
    fn whatever_is_delivered_is_read_as_it_was_written() {
        for format in WORDS.map(|(_, format)| format) {
            let mut log = Vec::new();
            for payload in PAYLOADS {
                let before = log.len();
                format.write_delivery("T-1", payload, &mut log).unwrap();
                let len = (log.len() - before) as u64;
                assert_eq!(format.delivery_len("T-1", payload), len, "{format} {payload:?}");
            }
            let log = String::from_utf8(log).unwrap();
            assert_eq!(log.lines().count(), PAYLOADS.len(), "{log}");
            assert_eq!(LogFormat::of_deliveries(&log), format, "{log}");
            let read = log.lines().map(|line| format.read_delivery(line).unwrap());
            assert!(read.eq(PAYLOADS.map(|payload| ("T-1".into(), payload.into()))), "{log}");
        }
    }

    #[test]
    fn a_log_is_tab_separated_if_every_line_has_the_right_number_of_tabs() {
        let check = |log: &str, expected| assert_eq!(LogFormat::of_deliveries(log), expected);
        check("", LogFormat::Plain);
        check("\n \n", LogFormat::Plain);
        check("T1     a\n", LogFormat::Plain);
        check("T1\ta b\n\nT1\t a\n", LogFormat::Tsv);
        check("T1\ta\nT1 b\n", LogFormat::Plain);
        check("T1\ta\nT1\tb\tc\n", LogFormat::Plain);
        // Cut off in the name of the topic.
        check("T1\ta\nT", LogFormat::Tsv);
        check("T1\ta", LogFormat::Tsv);
        check("{\"topic\":\"T1\",\"payload\":\"a\"}\n", LogFormat::Json);
        check("{\"topic\":\"T1\",\"payload\":\"a\"}\nT1\tb\n", LogFormat::Tsv);
    }

    #[test]
    fn a_line_that_is_none_says_what_was_expected() {
        let check = |format: LogFormat, line: &str, expected: &str| {
            let said = format.read_delivery(line).unwrap_err();
            assert!(said.contains(expected), "{line}: {said}");
        };
        check(LogFormat::Plain, "T1 a b", "such as `T1     INFO`, found 3 fields");
        check(LogFormat::Tsv, "T1 a", "a topic, a tab and a payload, found 1 column");
        check(LogFormat::Json, "T1 a", "a JSON object such as");
        check(LogFormat::Json, "{\"topic\":\"T1\"}", "missing field `payload` at column 14");
        check(LogFormat::Plain, "{\"topic\":\"T1\",\"payload\":1}", "expected a string");
        check(
            LogFormat::Json,
            "{\"topic\":\"T1\",\"payload\":\"\\ud800\"}",
            "hex escape at column 32",
        );
    }
}
