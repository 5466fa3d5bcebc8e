//! The difference between two ledgers, for people: only the lines that differ, and within a line
//! that was changed the words that did.

use similar::{ChangeTag, TextDiff};

use super::file::normal;

/// From one ledger to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// In the order of the ledgers; what both have is left out.
    pub lines: Vec<Line>,
}

/// A line that only one of them has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which one has it.
    pub side: Side,
    /// The line in pieces; a piece is emphasised (true) where it is what differs from the line's
    /// counterpart on the other side.
    pub pieces: Vec<(bool, String)>,
}

/// Whose a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The reviewed ledger's: `-`.
    Reviewed,
    /// The new one's: `+`.
    New,
}

impl Side {
    /// `-` or `+`.
    #[must_use]
    pub const fn sign(self) -> char {
        match self {
            Self::Reviewed => '-',
            Self::New => '+',
        }
    }
}

impl Line {
    /// The line without marks.
    #[must_use]
    pub fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }
}

impl Difference {
    /// From the `reviewed` ledger to the `new` one, by insta's rule about blanks at the end.
    #[must_use]
    pub fn between(reviewed: &str, new: &str) -> Self {
        let (reviewed, new) = (normal(reviewed), normal(new));
        let diff = TextDiff::from_lines(&reviewed, &new);
        let mut lines = Vec::new();
        for operation in diff.ops() {
            for change in diff.iter_inline_changes(operation) {
                let side = match change.tag() {
                    ChangeTag::Equal => continue,
                    ChangeTag::Delete => Side::Reviewed,
                    ChangeTag::Insert => Side::New,
                };
                let pieces = change
                    .iter_strings_lossy()
                    .map(|(emphasised, text)| (emphasised, text.trim_end_matches('\n').to_owned()))
                    .filter(|(_, text)| !text.is_empty())
                    .collect();
                lines.push(Line { side, pieces });
            }
        }
        Self { lines }
    }

    /// `- C1 ...` and `+ C1 ...`, a line each.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.lines.iter().map(|line| format!("{} {}\n", line.side.sign(), line.text())).collect()
    }
}
