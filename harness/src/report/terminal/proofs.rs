//! What the checks found, with the proof of each.

use std::io::{self, Write};

use super::style::Style;
use crate::check::{Anomaly, Finding, Judgement, PROOFS_MAX, Verdict};
use crate::report::{sentence, words};

/// So many reasons for a missing verdict are told; the reports for programs have all.
const REASONS_MAX: usize = 5;

pub(super) fn proofs(judgement: &Judgement, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for finding in &judgement.violations {
        anomalies(finding, style, to)?;
    }
    // The only reason of a run without a verdict was its sentence.
    if !(judgement.verdict == Verdict::Unknown && judgement.inconclusive.len() == 1) {
        for reason in judgement.inconclusive.iter().take(REASONS_MAX) {
            writeln!(to, "\n      {}  {reason}", style.warn("unknown"))?;
        }
        if let Some(more @ 1..) = judgement.inconclusive.len().checked_sub(REASONS_MAX) {
            writeln!(to, "\n      and {}", words::count(more as u64, "more reason"))?;
        }
    }
    allowed(judgement, style, to)
}

fn anomalies(finding: &Finding, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let kind = style.bad(finding.kind.as_str());
    writeln!(to, "\n      {kind}  {}", sentence::finding(finding))?;
    if let Some(blames) = finding.blames {
        writeln!(to, "        blame: {}", blames.words())?;
    }
    if let Some(traces) = finding.traces {
        writeln!(to, "        on the disk: {}", traces.words())?;
    }
    for Anomaly { title, evidence, .. } in &finding.proofs {
        writeln!(to, "        {title}")?;
        for line in evidence {
            writeln!(to, "{}", style.faint(&format!("          {line}")))?;
        }
    }
    // A proof may stand for several anomalies, so the rest cannot be counted by subtraction.
    let all = finding.count + finding.not_in_log;
    if all > finding.proofs.len() as u64 && finding.proofs.len() >= PROOFS_MAX {
        writeln!(to, "        ... the first {} are shown", finding.proofs.len())?;
    }
    Ok(())
}

pub(super) fn allowed(judgement: &Judgement, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for finding in &judgement.allowed {
        let words = sentence::finding(finding);
        writeln!(to, "{}", style.faint(&format!("      {words}, which `expect` allows")))?;
        if let Some(blames) = finding.blames {
            let words = format!("        blame: {}", blames.words());
            writeln!(to, "{}", style.faint(&words))?;
        }
        if let Some(traces) = finding.traces {
            let words = format!("        on the disk: {}", traces.words());
            writeln!(to, "{}", style.faint(&words))?;
        }
        for Anomaly { title, .. } in &finding.proofs {
            writeln!(to, "{}", style.faint(&format!("        {title}")))?;
        }
    }
    Ok(())
}
