//! Producer logs in the original's format, one message a line: time stamp, payload, burst and
//! topic, separated by blanks or tabs.
//!
//! ```text
//! 21:52:23  INFO  P1-1  T1
//! ```
//!
//! The third field (`parallel` in the original) labels the burst: neighbouring lines with one label
//! are sent together. Blank lines are passed over, and line numbers are the file's. The time stamp
//! is a time of day, `HH:MM:SS` with an optional fraction of up to three digits; one that is more
//! than twelve hours before the line above it belongs to the next day.

use std::io::{self, Write};
use std::time::Duration;

use crate::numbers;

/// The length of a day, in milliseconds.
const DAY: u32 = 24 * 60 * 60 * 1000;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// Its line in the file, from 1.
    pub line: u32,
    /// Since midnight of the first line's day; whole milliseconds.
    pub time: Duration,
    /// What is sent.
    pub payload: &'a str,
    /// The label of its burst.
    pub burst: &'a str,
    /// Where it is sent to.
    pub topic: &'a str,
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
    pub expected: &'static str,
}

/// Reads a log, line by line; a line that is wrong does not hide the next one.
pub fn read(text: &str) -> impl Iterator<Item = Result<LogLine<'_>, Problem<'_>>> {
    let (mut midnight, mut before) = (0, None);
    let numbered = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    numbered.map(move |(index, text)| {
        let Some(line) = u32::try_from(index).ok().and_then(|index| index.checked_add(1)) else {
            let what = format!("the log has more than {} lines", u32::MAX);
            let expected = "split it among several producers";
            return Err(Problem { line: u32::MAX, at: text, what, expected });
        };
        let mut fields = text.split_ascii_whitespace();
        let (Some(stamp), Some(payload), Some(burst), Some(topic), None) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            let count = text.split_ascii_whitespace().count();
            let fields = numbers::count(count as u64, "field");
            return Err(Problem {
                line,
                at: text.trim(),
                what: format!("the line has {fields} instead of 4"),
                expected: "expected time stamp, payload, burst and topic, such as \
                           `21:52:23  INFO  P1-1  T1`",
            });
        };
        let Some(time_of_day) = time_of_day(stamp) else {
            let what = format!("`{stamp}` is not a time stamp");
            let expected = "expected a time of day, such as `21:52:23`";
            return Err(Problem { line, at: stamp, what, expected });
        };
        if before.replace(time_of_day).is_some_and(|before| time_of_day + DAY / 2 < before) {
            midnight += u64::from(DAY);
        }
        let time = Duration::from_millis(midnight + u64::from(time_of_day));
        Ok(LogLine { line, time, payload, burst, topic })
    })
}

/// Writes one line, with two blanks between its fields and a fraction only where there is one.
pub fn write(to: &mut impl Write, entry: &LogLine<'_>) -> io::Result<()> {
    let LogLine { time, payload, burst, topic, .. } = entry;
    let (seconds, millis) = (time.as_secs(), time.subsec_millis());
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    write!(to, "{hours:02}:{minutes:02}:{seconds:02}")?;
    if millis > 0 {
        write!(to, ".{millis:03}")?;
    }
    writeln!(to, "  {payload}  {burst}  {topic}")
}

/// A time of day as logs have it, since midnight; `None` where the text is none.
pub fn time(stamp: &str) -> Option<Duration> {
    time_of_day(stamp).map(|millis| Duration::from_millis(millis.into()))
}

/// Milliseconds since midnight.
fn time_of_day(stamp: &str) -> Option<u32> {
    let (clock, fraction) = match stamp.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (stamp, None),
    };
    let number = |digits: &str, len: std::ops::RangeInclusive<usize>, below: u32| {
        let good = len.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        good.then(|| digits.parse::<u32>().ok()).flatten().filter(|number| *number < below)
    };
    let mut parts = clock.split(':');
    let (Some(hours), Some(minutes), Some(seconds), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let hours = number(hours, 1..=2, 24)?;
    let minutes = number(minutes, 2..=2, 60)?;
    let seconds = number(seconds, 2..=2, 60)?;
    let millis = match fraction {
        None => 0,
        Some(fraction) => {
            number(fraction, 1..=3, 1000)? * [100, 10, 1].get(fraction.len() - 1).copied()?
        }
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Vec<String> {
        let show = |result: Result<LogLine<'_>, Problem<'_>>| match result {
            Ok(LogLine { line, time, payload, burst, topic }) => {
                format!("{line} {} {payload} {burst} {topic}", time.as_millis())
            }
            Err(Problem { line, at, what, .. }) => format!("{line} [{at}] {what}"),
        };
        read(text).map(show).collect()
    }

    #[test]
    fn blanks_and_tabs_separate_and_blank_lines_only_count() {
        let log = "21:52:23  INFO  P1-1  T1\r\n\n  \n0:00:01.5\tDEBUG \t P1-2 T2  ";
        assert_eq!(check(log), ["1 78743000 INFO P1-1 T1", "4 86401500 DEBUG P1-2 T2"]);
    }

    #[test]
    fn a_stamp_that_goes_back_a_little_stays_on_its_day() {
        let log = "12:00:00 a b T\n11:59:59 a b T\n23:59:59 a b T\n00:00:00 a b T";
        let times: Vec<u128> = read(log).map(|entry| entry.unwrap().time.as_millis()).collect();
        assert_eq!(times, [43_200_000, 43_199_000, 86_399_000, 86_400_000]);
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
        let log =
            "21:52:23  INFO  P1-1  T1\n21:52:23.050  DEBUG  P1-2  T2\n00:00:00  x  P1-3  T2\n";
        let mut written = Vec::new();
        for entry in read(log) {
            write(&mut written, &entry.unwrap()).unwrap();
        }
        assert_eq!(String::from_utf8(written).unwrap(), log);
    }
}
