//! The difference between two ledgers, for people: only the lines that differ, and within a line
//! that was changed the words that did.

use std::borrow::Cow;

use similar::{ChangeTag, DiffTag, TextDiff};

use super::file::normal;

/// In longer ledgers no words are emphasised: comparing the words of two lines takes the product of
/// their lengths, and a ledger gets that long only when nearly every message came out of order.
const EMPHASISED_MAX: usize = 256 * 1024;

/// From one ledger to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// In the order of the ledgers; what both have is left out.
    pub lines: Vec<DifferenceLine>,
}

/// A line that only one of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferenceLine {
    /// Which one has it.
    pub side: Side,
    /// The line in pieces; a piece is emphasised (true) where it is what differs from the line's
    /// counterpart on the other side.
    pub pieces: Vec<(bool, String)>,
}

/// Which of the two ledgers a line is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The reviewed ledger's: `-`.
    Reviewed,
    /// The new one's: `+`.
    New,
}

impl Side {
    /// `-` or `+`.
    pub const fn sign(self) -> char {
        match self {
            Self::Reviewed => '-',
            Self::New => '+',
        }
    }
}

impl DifferenceLine {
    /// The line without marks.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }
}

impl Difference {
    /// From the `reviewed` ledger to the `new` one, by insta's rule about blanks at the end.
    pub fn between(reviewed: &str, new: &str) -> Self {
        let (reviewed, new) = (normal(reviewed), normal(new));
        let diff = TextDiff::from_lines(&reviewed, &new);
        let emphasised = reviewed.len().max(new.len()) <= EMPHASISED_MAX;
        let mut lines = Vec::new();
        let mut push = |tag: ChangeTag, pieces: Vec<(bool, String)>| {
            let side = match tag {
                ChangeTag::Equal => return,
                ChangeTag::Delete => Side::Reviewed,
                ChangeTag::Insert => Side::New,
            };
            lines.push(DifferenceLine { side, pieces });
        };
        for operation in diff.ops().iter().filter(|operation| operation.tag() != DiffTag::Equal) {
            if emphasised {
                for change in diff.iter_inline_changes(operation) {
                    push(change.tag(), pieces(change.iter_strings_lossy()));
                }
            } else {
                for change in diff.iter_changes(operation) {
                    push(change.tag(), pieces([(false, change.value().into())].into_iter()));
                }
            }
        }
        Self { lines }
    }

    /// `- C1 ...` and `+ C1 ...`, a line each.
    pub fn to_text(&self) -> String {
        self.lines.iter().map(|line| format!("{} {}\n", line.side.sign(), line.text())).collect()
    }
}

/// A line's pieces without its end.
fn pieces<'a>(parts: impl Iterator<Item = (bool, Cow<'a, str>)>) -> Vec<(bool, String)> {
    parts
        .map(|(emphasised, text)| (emphasised, text.trim_end_matches('\n').to_owned()))
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVIEWED: &str = "ledger 1\nC1 C2  T1  6  P1 1..3 aa\nC1     T2  9  P1 1..9 bb\n";

    #[test]
    fn equal_ledgers_have_no_difference_whatever_ends_them() {
        let other = REVIEWED.trim_end().replace('\n', "\r\n");
        assert_eq!(Difference::between(REVIEWED, &other), Difference::default());
    }

    #[test]
    fn only_lines_that_differ_are_in_it_and_their_words_are_emphasised() {
        let new = REVIEWED.replace("9  P1 1..9 bb", "8  P1 1..4 6..9 cc");
        let difference = Difference::between(REVIEWED, &new);
        assert_eq!(
            difference.to_text(),
            "- C1     T2  9  P1 1..9 bb\n+ C1     T2  8  P1 1..4 6..9 cc\n"
        );
        let emphasised: Vec<_> = difference.lines[1]
            .pieces
            .iter()
            .filter(|(emphasised, _)| *emphasised)
            .map(|(_, text)| text.trim())
            .collect();
        assert_eq!(emphasised, ["8", "1..4 6..9", "cc"]);
    }

    #[test]
    fn a_very_long_ledger_is_compared_by_lines_alone() {
        let numbers = |from: u32| (from..60_000).rev().map(|n| format!(" {n}")).collect::<String>();
        let (reviewed, new) = (format!("a\nb{}", numbers(1)), format!("a\nb{}", numbers(2)));
        let difference = Difference::between(&reviewed, &new);
        assert_eq!(difference.lines.len(), 2);
        assert!(difference.lines.iter().all(|line| line.pieces.len() == 1 && !line.pieces[0].0));
    }
}
