//! Tags, which say before a payload whose it is where the broker does not: `P4#17:INFO`, or
//! `P4k3#17:INFO` with two characters of the run, so that a message of an earlier run on the same
//! topic is known for one.

use std::fmt;

use super::model::{MessageId, Plan};
use super::names::MessageName;
use crate::fnv::Fnv;

/// The most characters of a tag: the original's database mode keeps 32 characters of a message.
pub const TAG_MAX: usize = 10;

/// Two characters of a run: a letter, so that the producer's number ends before it, and a letter or
/// a digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunMark([u8; 2]);

impl RunMark {
    /// How long one is.
    pub const CHARACTERS: usize = 2;
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    const LETTERS: usize = 26;
    /// How many marks there are.
    const MARKS: u16 = 936;

    /// The mark of the run with this name; two runs in 936 have the same.
    #[must_use]
    pub fn of(run: &str) -> Self {
        let mut digest = Fnv::default();
        digest.add(run.as_bytes());
        let mark = usize::try_from(digest.finish() % u64::from(Self::MARKS));
        let mark = mark.expect("it is below 936");
        Self([Self::ALPHABET[mark % Self::LETTERS], Self::ALPHABET[mark / Self::LETTERS]])
    }

    /// The mark that a text begins with, and what follows it.
    fn split(text: &str) -> Option<(Self, &str)> {
        let (&[first, second], rest) = text.as_bytes().split_first_chunk()?;
        let is_mark =
            first.is_ascii_lowercase() && (second.is_ascii_lowercase() || second.is_ascii_digit());
        let rest = std::str::from_utf8(rest).ok().filter(|_| is_mark)?;
        Some((Self([first, second]), rest))
    }
}

impl fmt::Display for RunMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{}", char::from(*byte)))
    }
}

/// A text that begins with a tag, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tagged<'a> {
    /// The message that the tag names.
    pub name: MessageName,
    /// Of the run that sent it, where the tag has it.
    pub run: Option<RunMark>,
    /// What follows the tag.
    pub payload: &'a str,
}

impl<'a> Tagged<'a> {
    /// None where the text does not begin with a tag, in just the form in which [`Plan::tag`] writes
    /// it.
    #[must_use]
    pub fn split(text: &'a str) -> Option<Self> {
        let (producer, rest) = digits(text.strip_prefix('P')?)?;
        let (run, rest) =
            RunMark::split(rest).map_or((None, rest), |(run, rest)| (Some(run), rest));
        let (line, rest) = digits(rest.strip_prefix('#')?)?;
        let payload = rest.strip_prefix(':')?;
        Some(Self { name: MessageName { producer, line }, run, payload })
    }
}

/// A number without leading zeros, and what follows it.
fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if number.starts_with('0') {
        return None;
    }
    Some((number.parse().ok()?, rest))
}

impl Plan {
    /// What goes before a message's payload where the broker does not say whose it is: `P4#17:`, or
    /// `P4k3#17:` with the mark of the run.
    #[must_use]
    pub fn tag(&self, id: MessageId, run: Option<RunMark>) -> String {
        let MessageName { producer, line } = self.name(id);
        match run {
            Some(run) => format!("P{producer}{run}#{line}:"),
            None => format!("P{producer}#{line}:"),
        }
    }

    /// The most characters that a tag of this plan has without the mark of a run; a broker that needs
    /// tags is promised [`TAG_MAX`].
    #[must_use]
    pub fn longest_tag(&self) -> usize {
        let lengths = self.streams.iter().filter(|stream| stream.count > 0).map(|stream| {
            let last = MessageId(stream.messages().end - 1);
            self.tag(last, None).len()
        });
        lengths.max().unwrap_or(0)
    }

    /// Whether the mark of the run fits into every tag.
    #[must_use]
    pub fn tags_have_run(&self) -> bool {
        self.longest_tag() + RunMark::CHARACTERS <= TAG_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_tag_is_one() {
        let name = MessageName { producer: 4, line: 17 };
        let check = |text, run: Option<&[u8; 2]>, payload| {
            let run = run.map(|run| RunMark(*run));
            assert_eq!(Tagged::split(text), Some(Tagged { name, run, payload }), "{text}");
        };
        check("P4#17:INFO", None, "INFO");
        check("P4#17:", None, "");
        check("P4#17:P1#1:x", None, "P1#1:x");
        check("P4k3#17:INFO", Some(b"k3"), "INFO");
        check("P4zz#17:\u{fc}", Some(b"zz"), "\u{fc}");
        for none in [
            "",
            "INFO",
            "P4#17",
            "P4#:x",
            "P#1:x",
            "P04#1:x",
            "P4#017:x",
            "P4#+1:x",
            "P4k#17:x",
            "P4K3#17:x",
            "P4k33#17:x",
            "P4k\u{fc}#17:x",
            "P4#99999999999:x",
        ] {
            assert_eq!(Tagged::split(none), None, "{none}");
        }
    }

    #[test]
    fn the_mark_of_a_run_is_a_letter_and_another_character() {
        let marks: std::collections::BTreeSet<_> =
            (0..1000).map(|run| RunMark::of(&format!("{run:016x}")).to_string()).collect();
        assert!(marks.len() > 500, "{} of 936", marks.len());
        for mark in marks {
            let text = format!("P1{mark}#1:x");
            assert_eq!(Tagged::split(&text).and_then(|tag| tag.run).unwrap().to_string(), mark);
        }
    }
}
