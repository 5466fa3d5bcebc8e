//! What the checks found, with the proof of each.

use std::io::{self, Write};

use super::Style;
use crate::check::{Judgement, Verdict};
use crate::plan::Plan;
use crate::report::judged::{Found, Judged, Proven};
use crate::report::words;

/// So many reasons for a missing verdict are told; the reports for programs have all.
const DOUBTS_MAX: usize = 5;

/// What the checks found, with its proofs, for `harness check`; `pass` is what a pass amounts to.
///
/// # Errors
/// Those of the writer.
pub fn judgement(
    plan: &Plan,
    judgement: &Judgement,
    pass: &str,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let judged = Judged::new(plan, judgement);
    let label = match judged.verdict {
        Verdict::Pass => style.good("PASS"),
        Verdict::Fail => style.bad("FAIL"),
        Verdict::Unknown => style.warn("????"),
    };
    let name = style.strong(&plan.scenario.name);
    let answer = match judged.verdict {
        Verdict::Pass => pass.to_owned(),
        Verdict::Fail | Verdict::Unknown => words::answer(&judged),
    };
    writeln!(to, "{label}  {name}  {answer}")?;
    proofs(&judged, style, to)
}

pub(super) fn proofs(judged: &Judged, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for found in &judged.violations {
        anomalies(found, style, to)?;
    }
    // The only doubt of a run without a verdict was its sentence.
    if !(judged.verdict == Verdict::Unknown && judged.doubts.len() == 1) {
        for doubt in judged.doubts.iter().take(DOUBTS_MAX) {
            writeln!(to, "\n      {}  {doubt}", style.warn("unknown"))?;
        }
        if let Some(more @ 1..) = judged.doubts.len().checked_sub(DOUBTS_MAX) {
            writeln!(to, "\n      and {}", words::count(more as u64, "more reason"))?;
        }
    }
    allowed(judged, style, to)
}

fn anomalies(found: &Found, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let kind = style.bad(found.kind.as_str());
    writeln!(to, "\n      {kind}  {}", words::anomalies(found.kind, found.count, found.possible))?;
    if let Some(blames) = found.blames {
        writeln!(to, "        blame: {}", blames.words())?;
    }
    for Proven { title, evidence, .. } in &found.proofs {
        writeln!(to, "        {title}")?;
        for line in evidence {
            writeln!(to, "{}", style.faint(&format!("          {line}")))?;
        }
    }
    // A proof may stand for several anomalies, so the rest cannot be counted by subtraction.
    if found.count > found.proofs.len() as u64 && found.proofs.len() >= crate::check::PROOFS_MAX {
        writeln!(to, "        ... the first {} are shown", found.proofs.len())?;
    }
    Ok(())
}

pub(super) fn allowed(judged: &Judged, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for found in &judged.allowed {
        let words = words::anomalies(found.kind, found.count, found.possible);
        writeln!(to, "{}", style.faint(&format!("      {words}, which `expect` allows")))?;
        if let Some(blames) = found.blames {
            let words = format!("        blame: {}", blames.words());
            writeln!(to, "{}", style.faint(&words))?;
        }
        for Proven { title, .. } in &found.proofs {
            writeln!(to, "{}", style.faint(&format!("        {title}")))?;
        }
    }
    Ok(())
}
