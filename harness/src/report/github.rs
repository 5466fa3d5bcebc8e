//! Annotations for GitHub Actions: a workflow command a violation, on the line of the producer log
//! that its message comes from, else on the scenario; and one a threshold that was not met. And the
//! summary of a step, which its page shows.
//!
//! The escapes are those of the runner's own toolkit (`@actions/core`, `command.ts`).

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::entry::{Entry, Problem, Report};
use super::markdown::{self, FENCE};
use super::sentence;
use crate::check::Verdict;
use crate::exit::Exit;
use crate::figures::threshold::State;
use crate::golden::Comparison;

/// Writes the annotations of everything that is no pass.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let is_matrix = report.is_matrix;
    report.entries.iter().try_for_each(|entry| annotate(entry, is_matrix, to))?;
    if let Some(compared) = report.comparison.as_ref().filter(|own| own.exit() != Exit::Passed) {
        error(to, "", "harness: comparison", &compared.sentence())?;
    }
    match &report.trouble {
        Some(trouble) => error(to, "", "harness", &trouble.text),
        None => Ok(()),
    }
}

/// What a step may write to its summary at most, by GitHub's documents; more is not shown at all.
const SUMMARY_MAX: usize = 1 << 20;

/// Where a summary is cut.
const CUT: &str = "\n\nCut here, because GitHub shows no more than 1 MiB of a step; the reports in files are whole.\n";

/// Writes the Markdown report, no longer than GitHub shows it. Several calls may be in one step, so
/// each takes no more than a quarter.
pub fn summary(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    let mut text = Vec::new();
    markdown::write(report, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    to.write_all(cut(&text, SUMMARY_MAX / 4).as_bytes())?;
    // The next call's report begins with a table, which needs an empty line before it.
    to.write_all(b"\n")
}

/// The lines that there is room for.
fn cut(text: &str, room: usize) -> Cow<'_, str> {
    if text.len() <= room {
        return Cow::Borrowed(text);
    }
    let kept = text.floor_char_boundary(room.saturating_sub(CUT.len() + FENCE.len() + 1));
    let kept = text[..kept].rfind('\n').map_or("", |end| &text[..end]);
    // A block that is open would hold everything that follows.
    let is_open = kept.lines().filter(|line| line.starts_with(FENCE)).count() % 2 == 1;
    let close = if is_open { format!("\n{FENCE}") } else { String::new() };
    Cow::Owned(format!("{kept}{close}{CUT}"))
}

fn annotate(entry: &Entry, is_matrix: bool, to: &mut dyn Write) -> io::Result<()> {
    let name = &title(entry, is_matrix);
    let whole = at(&entry.file, None, None);
    for Problem { file, line, column, text } in &entry.problems {
        error(to, &at(file, *line, *column), name, text)?;
    }
    if let Some(trouble) = entry.trouble.as_ref().filter(|_| entry.problems.is_empty()) {
        error(to, &whole, name, &trouble.text)?;
    }
    if let Some(judgement) = &entry.judgement {
        for finding in &judgement.violations {
            for proof in &finding.proofs {
                let place = proof.origin.as_ref().map_or_else(
                    || whole.clone(),
                    |origin| at(Path::new(&origin.file), Some(origin.line as usize), None),
                );
                let title = format!("{name}: {}", finding.kind.as_str());
                let lines: Vec<_> = std::iter::once(proof.title.as_str())
                    .chain(proof.evidence.iter().map(String::as_str))
                    .chain(entry.reproduce.as_deref())
                    .collect();
                error(to, &place, &title, &lines.join("\n"))?;
            }
        }
        if judgement.verdict == Verdict::Unknown {
            for reason in &judgement.inconclusive {
                error(to, &whole, &format!("{name}: no verdict"), reason)?;
            }
        }
    }
    for threshold in &entry.thresholds {
        let word = match threshold.state {
            State::Met => continue,
            State::Missed => "threshold",
            State::NoData => "no verdict",
        };
        let text = [Some(threshold.brief()), threshold.note.clone(), entry.reproduce.clone()];
        let text: Vec<_> = text.into_iter().flatten().collect();
        error(to, &whole, &format!("{name}: {word}"), &text.join("\n"))?;
    }
    if let Some(golden) = entry.golden.as_ref().filter(|golden| !golden.is_fine()) {
        let mut text = sentence::golden(golden);
        if let Comparison::Different { difference, .. } = golden {
            text.push('\n');
            text.push_str(difference.to_text().trim_end());
        }
        error(to, &whole, &format!("{name}: golden"), &text)?;
    }
    Ok(())
}

/// The scenario; where several brokers were named or runs repeated, with the broker and the run.
fn title(entry: &Entry, is_matrix: bool) -> String {
    let on = entry.on.as_ref().filter(|_| is_matrix);
    let on = on.map(|on| format!(" on {}", on.word)).unwrap_or_default();
    let turn = Some(entry.turn).filter(|turn| *turn > 0);
    let turn = turn.map(|turn| format!(", run {turn}")).unwrap_or_default();
    format!("{}{on}{turn}", entry.name)
}

/// Where an annotation is shown: properties of the command, with a comma behind.
fn at(file: &Path, line: Option<usize>, column: Option<usize>) -> String {
    let number = |name: &str, number: Option<usize>| {
        number.map(|number| format!("{name}={number},")).unwrap_or_default()
    };
    let file = property(&file.to_string_lossy());
    format!("file={file},{}{}", number("line", line), number("col", column))
}

fn error(to: &mut dyn Write, place: &str, title: &str, text: &str) -> io::Result<()> {
    writeln!(to, "::error {place}title={}::{}", property(title), data(text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_cut_at_a_line_with_its_blocks_closed() {
        let short = "| a |\n";
        assert_eq!(cut(short, 1000), short);
        for line in ["0123456789\n", "ääääääääää\n"] {
            let text = format!("head\n{FENCE}text\n{}", line.repeat(100));
            for room in 300..400 {
                let cut = cut(&text, room);
                assert!(cut.len() <= room && cut.ends_with(CUT), "{room}: {cut}");
                let kept = cut.strip_suffix(CUT).unwrap();
                assert!(kept.ends_with(&format!("{line}{FENCE}")), "{room}: {kept}");
            }
            assert_eq!(cut(&text, CUT.len() + 20), format!("head{CUT}"), "the block has no room");
        }
    }
}
