//! How what became of something is marked: a word, a sign and a class for its colour, so that no
//! verdict is told by colour alone.

use serde::Serialize;

use crate::exit::Exit;
use crate::report::entry::Entry;
use crate::report::matrix;

/// A mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Mark {
    /// `good`, `bad`, `doubt` or `none`.
    pub(super) class: &'static str,
    /// For eyes only.
    pub(super) sign: &'static str,
    /// `PASS`.
    pub(super) word: &'static str,
    /// What counts of it are called: `passed`.
    pub(super) many: &'static str,
}

const fn mark(
    class: &'static str,
    sign: &'static str,
    word: &'static str,
    many: &'static str,
) -> Mark {
    Mark { class, sign, word, many }
}

pub(super) const PASS: Mark = mark("good", "✓", "PASS", "passed");
pub(super) const FAIL: Mark = mark("bad", "✗", "FAIL", "failed");
pub(super) const NEW: Mark = mark("doubt", "±", "TO REVIEW", "to review");
pub(super) const INVALID: Mark = mark("bad", "!", "INVALID", "invalid");
pub(super) const UNKNOWN: Mark = mark("doubt", "?", "NO VERDICT", "without a verdict");
pub(super) const STOPPED: Mark = mark("doubt", "■", "INTERRUPTED", "interrupted");
pub(super) const SKIPPED: Mark = mark("none", "–", "SKIPPED", "skipped");

/// All that an entry may have, the gravest first, as counts list them.
pub(super) const ALL: [Mark; 6] = [FAIL, INVALID, UNKNOWN, STOPPED, NEW, PASS];

/// What became of an entry.
pub(super) fn of(entry: &Entry) -> Mark {
    match entry.exit() {
        Exit::Failed if entry.is_new() => NEW,
        other => of_exit(other),
    }
}

/// What became of something that ends the process so.
pub(super) const fn of_exit(exit: Exit) -> Mark {
    match exit {
        Exit::Passed => PASS,
        Exit::Failed => FAIL,
        Exit::Usage => INVALID,
        Exit::NoVerdict | Exit::NothingSelected => UNKNOWN,
        Exit::Interrupted => STOPPED,
    }
}

/// The class of a cell of the table of brokers.
pub(super) const fn of_cell(state: matrix::State) -> &'static str {
    match state {
        matrix::State::Broken | matrix::State::Missed => "bad",
        matrix::State::Kept => "good",
        matrix::State::Unpromised | matrix::State::Undecided | matrix::State::Vacuous => "doubt",
        matrix::State::Skipped => "none",
    }
}
