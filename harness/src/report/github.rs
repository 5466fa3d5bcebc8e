//! Annotations for GitHub Actions: a workflow command a violation, on the line of the producer log
//! that its message comes from, else on the scenario.
//!
//! The escapes are those of the runner's own toolkit (`@actions/core`, `command.ts`).

use std::io::{self, Write};
use std::path::Path;

use super::entry::{Entry, Report};
use super::sentence;
use crate::check::Verdict;
use crate::golden::Comparison;

/// Writes the annotations of everything that is no pass.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    report.entries.iter().try_for_each(|entry| annotate(entry, to))
}

fn annotate(entry: &Entry, to: &mut dyn Write) -> io::Result<()> {
    if let Some(trouble) = &entry.trouble {
        error(to, &entry.file, None, &entry.name, &trouble.text)?;
    }
    if let Some(judgement) = &entry.judgement {
        for finding in &judgement.violations {
            for proof in &finding.proofs {
                let (file, line) = match &proof.origin {
                    Some(origin) => (Path::new(&origin.file), Some(origin.line)),
                    None => (entry.file.as_path(), None),
                };
                let title = format!("{}: {}", entry.name, finding.kind.as_str());
                let lines: Vec<_> = std::iter::once(proof.title.as_str())
                    .chain(proof.evidence.iter().map(String::as_str))
                    .chain(entry.reproduce.as_deref())
                    .collect();
                error(to, file, line, &title, &lines.join("\n"))?;
            }
        }
        if judgement.verdict == Verdict::Unknown {
            for reason in &judgement.inconclusive {
                error(to, &entry.file, None, &format!("{}: no verdict", entry.name), reason)?;
            }
        }
    }
    if let Some(golden) = entry.golden.as_ref().filter(|golden| !golden.is_fine()) {
        let mut text = sentence::golden(golden);
        if let Comparison::Different { difference, .. } = golden {
            text.push('\n');
            text.push_str(difference.to_text().trim_end());
        }
        error(to, &entry.file, None, &format!("{}: golden", entry.name), &text)?;
    }
    Ok(())
}

fn error(
    to: &mut dyn Write,
    file: &Path,
    line: Option<u32>,
    title: &str,
    text: &str,
) -> io::Result<()> {
    write!(to, "::error file={}", property(&file.to_string_lossy()))?;
    if let Some(line) = line {
        write!(to, ",line={line}")?;
    }
    writeln!(to, ",title={}::{}", property(title), data(text))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
