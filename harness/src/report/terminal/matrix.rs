//! The table of scenarios and brokers on a terminal: as many brokers side by side as have room, the
//! others below; then what is to be known of the cells that need more than a word. Of one broker alone
//! the lines above have said what the table would.

use std::io::{self, Write};
use std::ops::Range;

use super::style::Style;
use crate::report::matrix::said::{Item, Section};
use crate::report::matrix::{Matrix, State};

/// No line of the table is longer; a broker with a longer name stands alone.
const WIDTH: usize = 100;

/// Between two columns.
const GAP: usize = 2;

/// What stands over the names of the scenarios.
const CORNER: &str = "scenario";

/// So many items of a part are shown; the reports for files have all.
const ITEMS_MAX: usize = 40;

pub(super) fn matrix(matrix: &Matrix<'_>, style: Style, to: &mut dyn Write) -> io::Result<()> {
    if matrix.brokers.len() > 1 {
        table(matrix, style, to)?;
        writeln!(to)?;
        matrix.legend().try_for_each(|line| writeln!(to, "{}", style.faint(line)))?;
    }
    matrix.said().iter().try_for_each(|part| section(part, style, to))
}

fn table(matrix: &Matrix<'_>, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let names = matrix.scenarios.iter().map(|row| row.name);
    let first = names.chain([CORNER]).map(width).max().unwrap_or_default();
    let widths: Vec<usize> =
        (0..matrix.brokers.len()).map(|broker| column_width(matrix, broker)).collect();
    let mut begin = 0;
    while begin < widths.len() {
        let mut end = begin;
        let mut used = first;
        while end < widths.len() && (end == begin || used + GAP + widths[end] <= WIDTH) {
            used += GAP + widths[end];
            end += 1;
        }
        block(matrix, first, &widths, begin..end, style, to)?;
        begin = end;
    }
    Ok(())
}

/// Some brokers side by side.
fn block(
    matrix: &Matrix<'_>,
    first: usize,
    widths: &[usize],
    brokers: Range<usize>,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut heading = padded(CORNER, first);
    for broker in brokers.clone() {
        heading.push_str(&padded(matrix.brokers[broker].word, widths[broker]));
    }
    writeln!(to, "\n{}", style.strong(heading.trim_end()))?;
    for (scenario, row) in matrix.scenarios.iter().enumerate() {
        let mut line = padded(row.name, first);
        for broker in brokers.clone() {
            let Some(cell) = matrix.cell(scenario, broker) else {
                line.push_str(&padded("", widths[broker]));
                continue;
            };
            let text = padded(&cell.short(), widths[broker]);
            line.push_str(&match cell.state() {
                State::Broken | State::Missed => style.bad(&text),
                State::Kept if cell.kept == cell.runs => style.good(&text),
                State::Kept | State::Unpromised | State::Undecided | State::Vacuous => {
                    style.warn(&text)
                }
                State::Skipped => style.faint(&text),
            });
        }
        writeln!(to, "{}", line.trim_end())?;
    }
    Ok(())
}

fn column_width(matrix: &Matrix<'_>, broker: usize) -> usize {
    let cells = (0..matrix.scenarios.len()).filter_map(|scenario| matrix.cell(scenario, broker));
    let cells = cells.map(|cell| width(&cell.short()));
    cells.chain([width(matrix.brokers[broker].word)]).max().unwrap_or_default()
}

/// In characters.
fn width(text: &str) -> usize {
    text.chars().count()
}

/// With the gap behind it.
fn padded(text: &str, columns: usize) -> String {
    let missing = (columns + GAP).saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

fn section(part: &Section, style: Style, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "\n{}", style.strong(part.heading))?;
    for Item { text, lines } in part.items.iter().take(ITEMS_MAX) {
        writeln!(to, "  {text}")?;
        for (word, line) in lines {
            match *word {
                "" => writeln!(to, "      {}", style.faint(line))?,
                word => writeln!(to, "      {word:9}  {line}")?,
            }
        }
    }
    if let Some(more @ 1..) = part.items.len().checked_sub(ITEMS_MAX) {
        writeln!(to, "  ... and {more} more, which the reports for files have")?;
    }
    Ok(())
}
