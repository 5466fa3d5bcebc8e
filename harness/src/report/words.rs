//! The words that reports share: numbers, times, kinds of anomaly, command lines.

use std::borrow::Cow;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::{Entry, Judged};
use crate::check::{Kind, Verdict};
use crate::golden::{Comparison, DEFAULT_FOLDER, Skipped};
pub use crate::numbers::{count, number};

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

/// `2 deliveries of acknowledged messages never came`; `2 to 5`, where 3 more may be.
#[must_use]
pub fn anomalies(kind: Kind, count: u64, possible: u64) -> String {
    let (one, many) = match kind {
        Kind::Lost => (
            "1 delivery of an acknowledged message never came",
            "deliveries of acknowledged messages never came",
        ),
        Kind::Duplicate => (
            "1 delivery repeats a message that had come before",
            "deliveries repeat messages that had come before",
        ),
        Kind::Reordered => ("1 delivery is out of order", "deliveries are out of order"),
        Kind::Divergent => ("consumers disagree in 1 place", "places in which consumers disagree"),
        Kind::Phantom => (
            "1 delivery is of a message that nobody sent",
            "deliveries are of messages that nobody sent",
        ),
        Kind::Resurrected => {
            ("1 delivery is of a refused message", "deliveries are of refused messages")
        }
        Kind::Corrupted => (
            "1 delivery has another payload than was sent",
            "deliveries have other payloads than were sent",
        ),
        Kind::Misrouted => {
            ("1 delivery is where it does not belong", "deliveries are where they do not belong")
        }
        Kind::Early => (
            "1 delivery came before its message was sent",
            "deliveries came before their messages were sent",
        ),
        Kind::StaleAck => (
            "1 ack named an offset that could not be its own",
            "acks named offsets that could not be their own",
        ),
    };
    match (count, possible) {
        (1, 0) => String::from(one),
        (_, 0) => format!("{} {many}", number(count)),
        _ => format!("{} to {} {many}", number(count), number(count + possible)),
    }
}

/// What a pass says.
pub const PROMISED: &str = "every acknowledged message came as promised";

/// The answer to the one question, for whatever is no plain pass.
#[must_use]
pub fn answer(judged: &Judged) -> String {
    match judged.verdict {
        Verdict::Pass => String::from(PROMISED),
        Verdict::Fail => {
            let found: Vec<_> = judged
                .violations
                .iter()
                .map(|found| anomalies(found.kind, found.count, found.possible))
                .collect();
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
        let text = trouble.text.lines().next().unwrap_or_default();
        return match (not_a_pass, entry.judged.is_some() && !entry.interrupted) {
            (None, true) => format!("all checks passed, but {text}"),
            _ => text.to_owned(),
        };
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

/// What it ran on, `on mysql, 3 brokers`: nothing for one broker in memory, as usual, or for what is
/// not known.
#[must_use]
pub fn place(entry: &Entry) -> Option<String> {
    let store = entry.store.filter(|store| store.has_database()).map(|store| store.to_string());
    let brokers = entry.brokers.filter(|brokers| *brokers > 1 || store.is_some());
    let brokers = brokers.map(|brokers| count(u64::from(brokers), "broker"));
    let parts: Vec<String> = [store, brokers].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("on {}", parts.join(", ")))
}

/// As [`sentence`], where nothing follows: the last words of a program that are on the lines below
/// are part of it.
#[must_use]
pub fn cause(entry: &Entry) -> String {
    let sentence = sentence(entry);
    let lines = entry.trouble.as_ref().map_or("", |trouble| trouble.text.as_str()).lines();
    let written = lines.skip(1).take_while(|line| line.starts_with(' '));
    match (sentence.strip_suffix("it wrote last:"), written.last()) {
        (Some(before), Some(last)) => format!("{before}it wrote last: {}", last.trim()),
        _ => sentence,
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
        let found = |kind, count| super::super::judged::Found {
            kind,
            count,
            possible: 0,
            blames: None,
            proofs: Vec::new(),
        };
        let judged = |violations| Judged {
            verdict: Verdict::Fail,
            violations,
            allowed: Vec::new(),
            doubts: Vec::new(),
        };
        assert_eq!(
            answer(&judged(vec![found(Kind::Lost, 1200), found(Kind::Early, 1)])),
            "1,200 deliveries of acknowledged messages never came \
             and 1 delivery came before its message was sent"
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
