//! How a run's ledger differs from the reviewed one.

use std::io::{self, Write};

use super::style::Style;
use crate::check::Verdict;
use crate::golden::{Comparison, Difference, Side};
use crate::report::entry::Entry;
use crate::report::words;

/// So many lines of a difference between two ledgers are shown.
const DIFFERENCE_MAX: usize = 40;

/// So many characters of a line of a ledger are shown.
const LINE_MAX: usize = 400;

pub(super) fn golden(
    golden: &Comparison,
    entry: &Entry,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    match golden {
        Comparison::New { pending } => {
            writeln!(to, "\n      golden     {}", pending.display())?;
        }
        Comparison::Different { accepted, difference, .. } => {
            let broken = entry.judgement.as_ref().is_some_and(|it| it.verdict == Verdict::Fail);
            let head = if broken { "differs too, from" } else { "differs from" };
            writeln!(to, "\n      the ledger {head} {}", accepted.display())?;
            self::difference(difference, style, to)?;
        }
        _ => {}
    }
    Ok(())
}

/// The lines that differ between two ledgers.
pub fn difference(difference: &Difference, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for line in difference.lines.iter().take(DIFFERENCE_MAX) {
        let (plain, strong) = match line.side {
            Side::Reviewed => ("31", "1;4;31"),
            Side::New => ("32", "1;4;32"),
        };
        let mut text = style.paint(plain, &format!("      {} ", line.side.sign()));
        let mut left = LINE_MAX;
        for (emphasised, piece) in &line.pieces {
            let shown: String = piece.chars().take(left).collect();
            left -= shown.chars().count();
            text.push_str(&style.paint(if *emphasised { strong } else { plain }, &shown));
        }
        if left == 0 {
            text.push_str("...");
        }
        writeln!(to, "{text}")?;
    }
    let more = difference.lines.len().saturating_sub(DIFFERENCE_MAX);
    if more > 0 {
        writeln!(to, "      ... and {}", words::count(more as u64, "more line"))?;
    }
    Ok(())
}
