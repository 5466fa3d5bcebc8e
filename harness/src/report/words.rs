//! The words that reports share: numbers, times, kinds of anomaly, command lines.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::{Entry, Judged};
use crate::check::{Kind, Verdict};
use crate::golden::{Comparison, DEFAULT_FOLDER, Skipped};

/// `1,234,567`.
#[must_use]
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 producer`, `5 producers`.
#[must_use]
pub fn count(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number(count), if count == 1 { "" } else { "s" })
}

/// Three figures and a unit: `870 µs`, `1.24 ms`, `23.1 s`.
#[must_use]
pub fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    // Rounding to three figures may reach the next unit, hence the odd bounds.
    let (value, unit) = match seconds {
        _ if time.is_zero() => return String::from("0 s"),
        s if s >= 119.5 => {
            let whole = time.as_secs() + u64::from(time.subsec_millis() >= 500);
            return format!("{} min {:02} s", whole / 60, whole % 60);
        }
        s if s >= 0.9995 => (s, "s"),
        s if s >= 0.000_999_5 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    let decimals = if value >= 99.95 { 0 } else { 1 + usize::from(value < 9.995) };
    format!("{value:.decimals$} {unit}")
}

/// `2 deliveries of acknowledged messages never came`.
#[must_use]
pub fn anomalies(kind: Kind, count: u64) -> String {
    let (one, many) = match kind {
        Kind::Lost => (
            "1 delivery of an acknowledged message never came",
            "deliveries of acknowledged messages never came",
        ),
        Kind::Duplicate => ("1 message came more than once", "messages came more than once"),
        Kind::Reordered => ("1 message came out of order", "messages came out of order"),
        Kind::Divergent => {
            ("consumers disagree in 1 place", "times, consumers disagree on what came")
        }
        Kind::Phantom => ("1 message came that nobody sent", "messages came that nobody sent"),
        Kind::Resurrected => {
            ("1 refused message came all the same", "refused messages came all the same")
        }
        Kind::Corrupted => {
            ("1 message came with another payload", "messages came with other payloads")
        }
        Kind::Misrouted => {
            ("1 message came where it does not belong", "messages came where they do not belong")
        }
        Kind::Early => ("1 message came before it was sent", "messages came before they were sent"),
        Kind::StaleAck => (
            "1 ack named an offset that could not be its own",
            "acks named offsets that could not be their own",
        ),
    };
    if count == 1 { String::from(one) } else { format!("{} {many}", number(count)) }
}

/// The answer to the one question, for whatever is no plain pass.
#[must_use]
pub fn answer(judged: &Judged) -> String {
    match judged.verdict {
        Verdict::Pass => String::from("every acknowledged message came as promised"),
        Verdict::Fail => {
            let found: Vec<_> =
                judged.violations.iter().map(|found| anomalies(found.kind, found.count)).collect();
            enumerate(&found)
        }
        Verdict::Unknown => match judged.doubts.as_slice() {
            [] => String::from("no verdict"),
            [doubt] => format!("no verdict: {doubt}"),
            [doubt, rest @ ..] => format!(
                "no verdict: {doubt} (and {} below)",
                count(rest.len() as u64, "more reason")
            ),
        },
    }
}

/// `a`, `a and b`, `a, b and c`.
fn enumerate(parts: &[String]) -> String {
    match parts {
        [] => String::from("a promise was broken"),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// One sentence on an entry, whatever became of it.
#[must_use]
pub fn sentence(entry: &Entry) -> String {
    let not_a_pass = entry.judged.as_ref().filter(|judged| judged.verdict != Verdict::Pass);
    if let Some(judged) = not_a_pass.filter(|judged| judged.verdict == Verdict::Fail) {
        return answer(judged);
    }
    if let Some(trouble) = &entry.trouble {
        return trouble.text.lines().next().unwrap_or_default().to_owned();
    }
    if entry.interrupted {
        return String::from("interrupted before it was over");
    }
    if let Some(judged) = not_a_pass {
        return answer(judged);
    }
    match entry.golden.as_ref().filter(|comparison| !comparison.is_fine()) {
        Some(comparison) => format!("all checks passed, but {}", golden(comparison)),
        None => entry.judged.as_ref().map_or_else(|| String::from("it was not judged"), answer),
    }
}

/// How the ledger compares, in a few words.
#[must_use]
pub fn golden(comparison: &Comparison) -> String {
    match comparison {
        Comparison::Match => String::from("golden ok"),
        Comparison::Accepted { accepted } => {
            format!("golden accepted as INSTA_UPDATE asks: {}", accepted.display())
        }
        Comparison::New { .. } => String::from("its golden file is new and waits for review"),
        Comparison::Missing { accepted } => {
            format!("there is no golden file {}, and none is written here", accepted.display())
        }
        Comparison::Different { accepted, .. } => {
            format!("the ledger differs from {}", accepted.display())
        }
        Comparison::Skipped(Skipped::NotWanted) => String::from("no golden wanted"),
        Comparison::Skipped(Skipped::NoVerdict | Skipped::Failed) => {
            String::from("golden not compared")
        }
    }
}

/// The command line that accepts the pending ledger of a scenario.
#[must_use]
pub fn accept_command(name: &str, folder: &Path) -> String {
    let mut command = format!("harness accept {}", shell(name));
    if folder != Path::new(DEFAULT_FOLDER) {
        let _ = write!(command, " --golden {}", shell(&folder.to_string_lossy()));
    }
    command
}

/// A word as a shell takes it literally.
#[must_use]
pub fn shell(word: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        let all = [0, 999, 1_000, 12_345, 1_234_567].map(number);
        assert_eq!(all, ["0", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(count(1, "topic"), "1 topic");
        assert_eq!(count(0, "topic"), "0 topics");
    }

    #[test]
    fn times_have_three_figures() {
        let check = |nanos, expected: &str| assert_eq!(time(Duration::from_nanos(nanos)), expected);
        check(0, "0 s");
        check(870, "0.87 µs");
        check(9_996, "10.0 µs");
        check(999_400, "999 µs");
        check(999_600, "1.00 ms");
        check(1_240_000, "1.24 ms");
        check(23_100_000, "23.1 ms");
        check(213_000_000, "213 ms");
        check(999_700_000, "1.00 s");
        check(23_140_000_000, "23.1 s");
        check(119_400_000_000, "119 s");
        check(119_600_000_000, "2 min 00 s");
        check(3_725_000_000_000, "62 min 05 s");
    }

    #[test]
    fn several_anomalies_make_one_sentence() {
        let found = |kind, count| super::super::judged::Found { kind, count, proofs: Vec::new() };
        let judged = |violations| Judged {
            verdict: Verdict::Fail,
            violations,
            allowed: Vec::new(),
            doubts: Vec::new(),
        };
        assert_eq!(
            answer(&judged(vec![found(Kind::Lost, 1200), found(Kind::Early, 1)])),
            "1,200 deliveries of acknowledged messages never came \
             and 1 message came before it was sent"
        );
    }

    #[test]
    fn a_shell_takes_every_word_literally() {
        assert_eq!(shell("scenarios/5p3c.yaml"), "scenarios/5p3c.yaml");
        assert_eq!(shell(""), "''");
        assert_eq!(shell("my file"), "'my file'");
        assert_eq!(shell("it's"), r"'it'\''s'");
        assert_eq!(shell("$HOME"), "'$HOME'");
        assert_eq!(accept_command("5p3c", Path::new("golden")), "harness accept 5p3c");
        assert_eq!(accept_command("a", Path::new("my g")), "harness accept a --golden 'my g'");
    }
}
