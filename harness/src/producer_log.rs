//! Producer logs, one message a line: time stamp, payload, burst and topic. In the original's format
//! they are separated by blanks or tabs.
//!
//! ```text
//! 21:52:23  INFO  P1-1  T1
//! ```
//!
//! In a tab-separated log a payload has the blanks that it has, and on a JSON line
//! (`{"time":"21:52:23","payload":"INFO","burst":"P1-1","topic":"T1"}`) anything; time and burst may
//! be left out there.
//!
//! The third field (`parallel` in the original) labels the burst: neighbouring lines with one label
//! are sent together; one with an empty label stands alone. Blank lines are passed over, and line
//! numbers are the file's. A time stamp without a date that is more than twelve hours before the
//! line above it belongs to the next day.

mod stamp;

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::stamp::{Clock, Stamp};
use crate::log_format::{LogFormat, is_json, read_json};
use crate::numbers;

/// How many tabs a line of a tab-separated log has.
const TABS: usize = 3;

/// What a time stamp may be, for errors.
const STAMPS: &str = "expected a time, such as `21:52:23` or `2026-11-26T21:52:23.123Z`";

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Its line in the file, from 1.
    pub line: u32,
    /// Since midnight of the first line's day; whole milliseconds.
    pub time: Duration,
    /// What is sent.
    pub payload: Cow<'a, str>,
    /// The label of its burst.
    pub burst: Cow<'a, str>,
    /// Where it is sent to.
    pub topic: Cow<'a, str>,
}

/// A line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<'a> {
    /// Its line in the file, from 1.
    pub line: u32,
    /// The part of it that is wrong, as a part of the text that was read.
    pub at: &'a str,
    /// What is wrong.
    pub what: String,
    /// What was expected.
    pub expected: Cow<'static, str>,
}

/// A line's columns, still text.
struct Columns<'a> {
    /// None on a JSON line that has none.
    time: Option<Cow<'a, str>>,
    payload: Cow<'a, str>,
    burst: Cow<'a, str>,
    topic: Cow<'a, str>,
}

/// A message on a JSON line. Other keys are passed over.
#[derive(Deserialize, Serialize)]
struct JsonLine<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(borrow)]
    payload: Cow<'a, str>,
    #[serde(borrow, default)]
    burst: Cow<'a, str>,
    #[serde(borrow)]
    topic: Cow<'a, str>,
}

/// Reads a log, line by line; a line that is wrong does not hide the next one. The format is found
/// out where none is given.
pub fn read(
    text: &str,
    format: Option<LogFormat>,
) -> impl Iterator<Item = Result<(LogLine<'_>, &str), Problem<'_>>> {
    let format = format.unwrap_or_else(|| LogFormat::detect(text, TABS));
    let mut clock = Clock::default();
    let mut above = Duration::ZERO;
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered.map(move |(index, text)| {
        let Some(line) = u32::try_from(index).ok().and_then(|index| index.checked_add(1)) else {
            let what = format!("the log has more than {} lines", u32::MAX);
            let expected = "split it among several producers".into();
            return Err(Problem { line: u32::MAX, at: text, what, expected });
        };
        let problem = |at, what, expected| Problem { line, at, what, expected };
        let Columns { time, payload, burst, topic } = columns(format, text)
            .map_err(|(what, expected)| problem(text.trim(), what, expected))?;
        if let Some(stamp) = time {
            let at = match stamp {
                Cow::Borrowed(stamp) => stamp,
                Cow::Owned(_) => text.trim(),
            };
            let Some(read) = Stamp::parse(&stamp) else {
                let what = format!("`{stamp}` is not a time stamp");
                return Err(problem(at, what, STAMPS.into()));
            };
            above = clock.place(read).map_err(|why| {
                problem(at, format!("`{stamp}` does not fit: {why}"), STAMPS.into())
            })?;
        }
        Ok((LogLine { line, time: above, payload, burst, topic }, text))
    })
}

/// The columns of a line, or what is wrong with it and what was expected.
fn columns(format: LogFormat, text: &str) -> Result<Columns<'_>, (String, Cow<'static, str>)> {
    if format == LogFormat::Json || is_json(text) {
        let JsonLine { time, payload, burst, topic } = read_json(text).map_err(|why| {
            let example = r#"expected a JSON object such as `{"payload":"INFO","topic":"T1"}`"#;
            (format!("the line is no message: {why}"), Cow::from(example))
        })?;
        return Ok(Columns { time: time.map(Cow::Owned), payload, burst, topic });
    }
    if format == LogFormat::Tsv {
        let mut columns = text.split('\t');
        let (Some(stamp), Some(payload), Some(burst), Some(topic), None) =
            (columns.next(), columns.next(), columns.next(), columns.next(), columns.next())
        else {
            let columns = numbers::count(text.split('\t').count() as u64, "column");
            let expected =
                "expected time stamp, payload, burst and topic, with one tab between them";
            return Err((format!("the line has {columns} instead of 4"), expected.into()));
        };
        return Ok(Columns {
            time: Some(stamp.trim().into()),
            payload: payload.into(),
            burst: burst.trim().into(),
            topic: topic.trim().into(),
        });
    }
    let (stamp, rest) = split_stamp(text);
    let mut fields = rest.split_ascii_whitespace();
    let (Some(payload), Some(burst), Some(topic), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        // A date and its time are one field.
        let count = 1 + rest.split_ascii_whitespace().count();
        let fields = numbers::count(count as u64, "field");
        let expected = "expected time stamp, payload, burst and topic, such as \
                        `21:52:23  INFO  P1-1  T1`";
        let tabs = "; a payload with blanks needs a tab between all columns, or JSON lines";
        let more = if count > 4 { tabs } else { "" };
        let what = format!("the line has {fields} instead of 4");
        return Err((what, format!("{expected}{more}").into()));
    };
    let [payload, burst, topic] = [payload, burst, topic].map(Cow::Borrowed);
    Ok(Columns { time: Some(stamp.into()), payload, burst, topic })
}

/// The time stamp at the beginning of a plain line, with the date that may stand before it, and the
/// rest.
fn split_stamp(text: &str) -> (&str, &str) {
    let is_blank = |c: char| c.is_ascii_whitespace();
    let text = text.trim_start_matches(is_blank);
    let (first, rest) = text.split_at(text.find(is_blank).unwrap_or(text.len()));
    if !Stamp::is_date(first) {
        return (first, rest);
    }
    let time = rest.trim_start_matches(is_blank);
    let end = text.len() - time.len() + time.find(is_blank).unwrap_or(time.len());
    text.split_at(end)
}

/// Writes one line, with two blanks between its fields and a fraction only where there is one; as a
/// JSON line where the payload cannot stand on a plain one.
pub fn write(to: &mut impl Write, entry: &LogLine<'_>) -> io::Result<()> {
    let LogLine { time, payload, burst, topic, .. } = entry;
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    let fraction = if millis > 0 { format!(".{millis:03}") } else { String::new() };
    let stamp = format!("{hours:02}:{minutes:02}:{seconds:02}{fraction}");
    if LogFormat::Plain.holds(payload) {
        return writeln!(to, "{stamp}  {payload}  {burst}  {topic}");
    }
    let [payload, burst, topic] = [payload, burst, topic].map(|text| Cow::from(&**text));
    serde_json::to_writer(&mut *to, &JsonLine { time: Some(stamp), payload, burst, topic })?;
    writeln!(to)
}

/// A time of day as logs have it, since midnight; `None` where the text is none.
pub fn time(stamp: &str) -> Option<Duration> {
    Stamp::parse(stamp).and_then(Stamp::since_midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<String> {
        let show = |result: Result<(LogLine<'_>, &str), Problem<'_>>| match result {
            Ok((LogLine { line, time, payload, burst, topic }, _)) => {
                format!("{line} {} {payload} {burst} {topic}", time.as_millis())
            }
            Err(Problem { line, at, what, .. }) => format!("{line} [{at}] {what}"),
        };
        read(text, None).map(show).collect()
    }

    #[test]
    fn blanks_and_tabs_separate_and_blank_lines_only_count() {
        let log = "21:52:23  INFO  P1-1  T1\r\n\n  \n0:00:01.5\tDEBUG \t P1-2 T2  ";
        assert_eq!(check(log), ["1 78743000 INFO P1-1 T1", "4 86401500 DEBUG P1-2 T2"]);
    }

    #[test]
    fn stamps_may_have_dates_and_fractions() {
        let log = "2026-11-26 21:52:23,123  INFO  P1-1  T1\n2026-11-27T00:00:00.5Z b P T";
        assert_eq!(check(log), ["1 78743123 INFO P1-1 T1", "2 86400500 b P T"]);
        let log = "2026-11-26 21:52:23 INFO T1\n2026-11-26 x P T1";
        assert_eq!(
            check(log),
            [
                "1 [2026-11-26 21:52:23 INFO T1] the line has 3 fields instead of 4",
                "2 [2026-11-26 x P T1] the line has 3 fields instead of 4",
            ]
        );
        let log = "2026-11-26 x a P T1\n2026-11-26 21:52:23 a P T1\n21:52:23 a P T1";
        assert_eq!(
            check(log),
            [
                "1 [2026-11-26 x] `2026-11-26 x` is not a time stamp",
                "2 78743000 a P T1",
                "3 [21:52:23] `21:52:23` does not fit: it has no date, and the lines above have one",
            ]
        );
    }

    #[test]
    fn a_payload_keeps_its_blanks_where_a_tab_separates_every_column() {
        let log = "21:52:23\t a  b \tP1-1\tT1\r\n\n2026-11-26 21:52:24\t\t\tT2\n";
        assert_eq!(check(log)[0], "1 78743000  a  b  P1-1 T1");
        let log = "2026-11-26 21:52:24\t\t\tT2\n2026-11-26 21:52:25\tx\t P \t T2 \n";
        assert_eq!(check(log), ["1 78744000   T2", "2 78745000 x P T2"]);
        // One line with fewer tabs, and none of them separates.
        let log = "21:52:23\ta b\tP1-1\tT1\n21:52:23\tx P1-1\tT1\n";
        assert_eq!(
            check(log),
            [
                "1 [21:52:23\ta b\tP1-1\tT1] the line has 5 fields instead of 4",
                "2 78743000 x P1-1 T1",
            ]
        );
        let read = |format| read(log, Some(format)).map(|line| line.is_ok()).collect::<Vec<_>>();
        assert_eq!(read(LogFormat::Tsv), [true, false]);
        assert_eq!(read(LogFormat::Json), [false, false]);
    }

    #[test]
    fn json_lines_hold_any_payload() {
        let log = r#"{"time":"21:52:23,5","payload":" a\tb\u0000","burst":"P1-1","topic":"T1"}
{"topic":"T2","payload":"b","level":3}
{"topic":"T2"}
{"topic":"T2","payload":"\ud800"}
21:52:24 c P1-3 T1"#;
        assert_eq!(
            check(log),
            [
                "1 78743500  a\tb\0 P1-1 T1",
                "2 78743500 b  T2",
                "3 [{\"topic\":\"T2\"}] the line is no message: missing field `payload` at column 14",
                "4 [{\"topic\":\"T2\",\"payload\":\"\\ud800\"}] the line is no message: unexpected end of \
                 hex escape at column 32",
                "5 78744000 c P1-3 T1",
            ]
        );
    }

    #[test]
    fn a_wrong_line_says_what_is_wrong_and_the_next_is_read() {
        let log = "21:52:23 INFO T1\n25:00:00 INFO P T1\n1:2:3 x P T1\nx\n21:52:23 a b T1 c\n01:02:03 x P T1";
        assert_eq!(
            check(log),
            [
                "1 [21:52:23 INFO T1] the line has 3 fields instead of 4",
                "2 [25:00:00] `25:00:00` is not a time stamp",
                "3 [1:2:3] `1:2:3` is not a time stamp",
                "4 [x] the line has 1 field instead of 4",
                "5 [21:52:23 a b T1 c] the line has 5 fields instead of 4",
                "6 3723000 x P T1",
            ]
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        let log = "21:52:23  INFO  P1-1  T1\n21:52:23.050  DEBUG  P1-2  T2\n00:00:00  x  P1-3  T2\n\
             {\"time\":\"00:00:00\",\"payload\":\" x\\n\",\"burst\":\"P1-3\",\"topic\":\"T2\"}\n";
        let mut written = Vec::new();
        for entry in read(log, None) {
            write(&mut written, &entry.unwrap().0).unwrap();
        }
        assert_eq!(String::from_utf8(written).unwrap(), log);
    }
}
