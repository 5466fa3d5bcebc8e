//! The table of scenarios and brokers in Markdown, for a page or a comment: one broker a column, what
//! is to be known of cells below it, and the versions and configurations of the brokers. A call
//! without a table is a list of its scenarios. Below is the first proof of what was found, as the
//! terminal shows it.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::entry::{Entry, Report};
use super::matrix::said::Item;
use super::matrix::{Cell, Matrix, State};
use super::terminal;
use super::words::{count, time};
use super::{compared, sentence};
use crate::baseline::{Comparison, Outcome};
use crate::exit::Exit;

/// Writes the report.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    match Matrix::of(report) {
        Some(matrix) => self::matrix(&matrix, to)?,
        None => list(report, to)?,
    }
    if let Some(comparison) = &report.comparison {
        self::comparison(comparison, to)?;
    }
    tallies(report, to)?;
    first_proof(report, to)?;
    for skipped in report.skipped.iter().filter(|skipped| skipped.on.is_none()) {
        writeln!(to, "\nSkipped: {}: {}", plain(&skipped.name), plain(&skipped.reason))?;
    }
    if let Some(trouble) = &report.trouble {
        writeln!(to, "\n{}", plain(&trouble.text))?;
    }
    let runs = count(report.runs(), "run");
    writeln!(to, "\nharness {}, {runs} in {}.", env!("CARGO_PKG_VERSION"), time(report.duration))
}

fn matrix(matrix: &Matrix<'_>, to: &mut dyn Write) -> io::Result<()> {
    write!(to, "| scenario |")?;
    matrix.brokers.iter().try_for_each(|column| write!(to, " {} |", plain(column.word)))?;
    writeln!(to, "\n|---|{}", "---|".repeat(matrix.brokers.len()))?;
    for (scenario, row) in matrix.scenarios.iter().enumerate() {
        write!(to, "| {} |", plain(row.name))?;
        for broker in 0..matrix.brokers.len() {
            let text = matrix.cell(scenario, broker).map(short).unwrap_or_default();
            write!(to, " {text} |")?;
        }
        writeln!(to)?;
    }
    writeln!(to)?;
    matrix.legend().try_for_each(|line| writeln!(to, "- {}", plain(line)))?;
    for section in matrix.said() {
        writeln!(to, "\n**{}**\n", section.heading)?;
        for Item { text, lines } in section.items {
            writeln!(to, "- {}", plain(&text))?;
            for (word, line) in lines {
                match word {
                    "" => writeln!(to, "  - {}", plain(&line))?,
                    word if line.starts_with("http") => writeln!(to, "  - {word} <{line}>")?,
                    word => writeln!(to, "  - {word}: `{line}`")?,
                }
            }
        }
    }
    brokers(matrix, to)
}

/// The text of a cell; what is broken stands out.
fn short(cell: &Cell<'_>) -> String {
    match cell.state() {
        State::Broken | State::Missed => format!("**{}**", cell.short()),
        _ => cell.short(),
    }
}

fn brokers(matrix: &Matrix<'_>, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "\n| broker | version | configuration |\n|---|---|---|")?;
    for column in &matrix.brokers {
        let version = column.on.and_then(|on| on.version.as_deref()).unwrap_or_default();
        let config = column.on.iter().flat_map(|on| &on.config);
        let config: Vec<_> = config.map(|(key, value)| format!("{key}: {value}")).collect();
        let (word, config) = (plain(column.word), plain(&config.join(", ")));
        writeln!(to, "| {word} | {version} | {config} |")?;
    }
    Ok(())
}

fn list(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    if report.entries.is_empty() {
        return Ok(());
    }
    writeln!(to, "| scenario | on | result |\n|---|---|---|")?;
    for entry in &report.entries {
        let Entry { name, on, .. } = entry;
        let on = on.as_ref().map_or("", |on| on.word.as_str());
        let said = plain(&sentence::cause(entry));
        writeln!(to, "| {} | {} | {said} |", plain(name), plain(on))?;
    }
    Ok(())
}

/// Two states side by side, a table a scenario and broker.
fn comparison(comparison: &Comparison, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "\n**Compared: {}**\n", plain(&comparison.sentence()))?;
    writeln!(to, "{}", plain(&compared::title(comparison)))?;
    comparison.notes.iter().try_for_each(|note| writeln!(to, "\n- {}", plain(note)))?;
    for pair in &comparison.pairs {
        writeln!(to, "\n{}\n", plain(&compared::pair(pair)))?;
        if !pair.rows.is_empty() {
            writeln!(to, "|{}| |\n|---|--:|--:|--:|--:|--:|---|", compared::HEADING.join("|"))?;
        }
        for row in &pair.rows {
            let word = match row.outcome {
                Outcome::Worse => "**worse**",
                outcome => outcome.word(),
            };
            writeln!(to, "| {} | {word} |", compared::cells(row).join(" | "))?;
        }
        pair.notes.iter().try_for_each(|note| writeln!(to, "\n- {}", plain(note)))?;
    }
    for (names, when) in [(&comparison.only_before, "before"), (&comparison.only_after, "after")] {
        if !names.is_empty() {
            writeln!(to, "\nOnly {when}: {}", plain(&names.join(", ")))?;
        }
    }
    writeln!(to, "\n{}", plain(&comparison.rule.to_string()))
}

/// How the runs ended where a scenario had many.
fn tallies(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    if report.tallies().next().is_some() {
        writeln!(to, "\n**Many runs**\n")?;
    }
    report.tallies().try_for_each(|(name, on, tally)| {
        let on = on.map(|on| format!(" on {}", plain(on))).unwrap_or_default();
        let flaky = if tally.is_flaky() { "**flaky**, " } else { "" };
        let named = tally.named().map(|named| format!("; {named}")).unwrap_or_default();
        writeln!(to, "- {}{on}: {flaky}{tally}{named}", plain(name))
    })
}

/// What a block of text begins and ends with: longer than what a message may be expected to have.
pub(super) const FENCE: &str = "``````";

/// The gravest of what did not pass, the first of its kind, with its proof and how to see it again. What
/// documents do not promise is no news beside what they do.
fn first_proof(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let failed = report.entries.iter().filter(|entry| entry.exit() != Exit::Passed);
    let gravest =
        failed.min_by_key(|own| (Reverse(own.exit()), State::of(own) == State::Unpromised));
    let Some(first) = gravest else { return Ok(()) };
    let text = terminal::plain(first);
    // No line of it may end the block.
    let text = text.replace(FENCE, "`````");
    writeln!(to, "\n**First of what did not pass: {}**\n", plain(&first.name))?;
    writeln!(to, "{FENCE}text\n{}\n{FENCE}", text.trim_end())
}

/// As text of one line: what Markdown would take for something else has a backslash.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => plain.push(' '),
            '|' | '*' | '_' | '`' | '<' | '[' | ']' | '\\' => plain.extend(['\\', character]),
            other => plain.push(other),
        }
    }
    plain
}
