//! Two states side by side.

use std::io::{self, Write};

use super::style::Style;
use crate::baseline::comparison::{Pair, Row};
use crate::baseline::{Comparison, Outcome};
use crate::report::compared;

/// So many scenarios that only one of the two has are named.
const ONLY_MAX: usize = 10;

pub(super) fn comparison(all: &Comparison, style: Style, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "\n{}", style.strong(&compared::title(all)))?;
    for note in &all.notes {
        writeln!(to, "  {}", style.warn(&format!("note: {note}")))?;
    }
    for own in &all.pairs {
        pair(own, style, to)?;
    }
    for (names, when) in [(&all.only_before, "before"), (&all.only_after, "after")] {
        if !names.is_empty() {
            let shown: Vec<_> = names.iter().take(ONLY_MAX).map(String::as_str).collect();
            let more = match names.len().saturating_sub(ONLY_MAX) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            writeln!(to, "  only {when}: {}{more}", shown.join(", "))?;
        }
    }
    if !all.pairs.is_empty() {
        writeln!(to, "{}", style.faint(&format!("  {}", all.rule)))?;
    }
    writeln!(to, "{}", outcome(all.outcome().unwrap_or(Outcome::Unclear), &all.sentence(), style))
}

fn pair(pair: &Pair, style: Style, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "  {}", style.strong(&compared::pair(pair)))?;
    pair.notes.iter().try_for_each(|note| writeln!(to, "    note: {note}"))?;
    if pair.rows.is_empty() {
        return Ok(());
    }
    let cells: Vec<[String; 6]> = pair.rows.iter().map(compared::cells).collect();
    let heading = compared::HEADING.map(str::to_owned);
    let lines = || std::iter::once(&heading).chain(&cells);
    let widths: [usize; 6] = std::array::from_fn(|column| {
        lines().map(|line| line[column].chars().count()).max().unwrap_or_default()
    });
    for (place, line) in lines().enumerate() {
        let mut text = String::from("   ");
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let gap = " ".repeat(width - cell.chars().count());
            // Names to the left, numbers to the right.
            text += &if column == 0 { format!(" {cell}{gap}") } else { format!("  {gap}{cell}") };
        }
        match place.checked_sub(1).map(|place| &pair.rows[place]) {
            None => writeln!(to, "{}", style.faint(&text))?,
            Some(Row { outcome: own, .. }) => {
                writeln!(to, "{text}  {}", outcome(*own, own.word(), style))?;
            }
        }
    }
    Ok(())
}

fn outcome(outcome: Outcome, text: &str, style: Style) -> String {
    match outcome {
        Outcome::Worse => style.bad(text),
        Outcome::Better => style.good(text),
        Outcome::Unclear => style.warn(text),
        Outcome::Same => text.to_owned(),
    }
}
