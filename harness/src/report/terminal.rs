//! The report for people, on stderr, written while the scenarios run.
//!
//! A pass is one compact block. Anything else begins with the answer in a sentence, then shows the
//! proofs, then says where the logs are and what to type next.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;

use super::judged::{Found, Judged, Proven};
use super::{Entry, Latency, Progress, Report, Summary, progress, words};
use crate::check::{Judgement, Verdict};
use crate::exit::Exit;
use crate::golden::{Comparison, Difference, Side, is_ci};
use crate::plan::Plan;

/// So many lines of a difference between two ledgers are shown.
const DIFFERENCE_MAX: usize = 40;

/// So many characters of a line of a ledger are shown.
const LINE_MAX: usize = 400;

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// With ANSI escapes.
    pub colour: bool,
}

impl Style {
    /// Colour on a terminal, unless `NO_COLOR` is set to something.
    #[must_use]
    pub fn new(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> Self {
        let refused = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = variable("TERM").as_deref() == Some("dumb");
        Self { colour: terminal && !refused && !dumb }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { String::from(text) }
    }

    fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    fn bad(self, text: &str) -> String {
        self.paint("31", text)
    }

    fn warn(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }
}

/// The terminal: stderr, with bars where it is one.
#[derive(Debug)]
pub struct Terminal {
    style: Style,
    bars: Option<MultiProgress>,
}

impl Terminal {
    /// By what stderr is, and what `NO_COLOR` and `CI` say, read through `variable`.
    #[must_use]
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let terminal = io::stderr().is_terminal();
        let bars = (terminal && !is_ci(&variable)).then(progress::bars);
        Self { style: Style::new(terminal, variable), bars }
    }

    /// How text is to look.
    #[must_use]
    pub fn style(&self) -> Style {
        self.style
    }

    /// Begins the line of a scenario that runs.
    #[must_use]
    pub fn progress(&self, name: &str) -> Progress {
        Progress::new(name, self.bars.as_ref())
    }

    /// Prints a scenario's result above the bars of those that still run.
    pub fn entry(&self, entry: &Entry) {
        self.print(|to| self::entry(entry, self.style, to));
    }

    /// Prints the last line.
    pub fn end(&self, report: &Report) {
        self.print(|to| end(report, self.style, to));
    }

    /// Nothing that can be done where stderr is gone, and the exit code still says the result.
    fn print(&self, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut buffer = Vec::new();
        let written = |buffer: &mut Vec<u8>| text(buffer);
        if written(&mut buffer).is_ok() {
            let show = || io::stderr().lock().write_all(&buffer);
            let _ = match &self.bars {
                Some(bars) => bars.suspend(show),
                None => show(),
            };
        }
    }
}

/// A scenario's result.
///
/// # Errors
/// Those of the writer.
pub fn entry(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    match entry.exit() {
        Exit::Passed => pass(entry, style, to),
        _ => no_pass(entry, style, to),
    }
}

/// A scenario's result without colour, as other reports embed it.
#[must_use]
pub fn plain(entry: &Entry) -> String {
    let mut text = Vec::new();
    self::entry(entry, Style::default(), &mut text).expect("memory can always be written");
    String::from_utf8_lossy(&text).into_owned()
}

fn pass(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let golden = entry.golden.as_ref().map_or_else(String::new, words::golden);
    let name = style.strong(&entry.name);
    writeln!(to, "{}  {name}  {}  {golden}", style.good("PASS"), words::time(entry.duration))?;
    if let Some(summary) = &entry.summary {
        numbers(summary, style, to)?;
    }
    if let Some(judged) = &entry.judged {
        allowed(judged, style, to)?;
    }
    Ok(())
}

fn no_pass(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let label = match (entry.exit(), &entry.golden) {
        (Exit::Failed, Some(Comparison::New { .. })) if entry.trouble.is_none() => {
            style.warn("NEW ")
        }
        (Exit::Failed, _) => style.bad("FAIL"),
        (Exit::Usage, _) => style.bad("BAD "),
        (Exit::Interrupted, _) => style.warn("STOP"),
        (Exit::NoVerdict | Exit::NothingSelected | Exit::Passed, _) => style.warn("????"),
    };
    let name = style.strong(&entry.name);
    writeln!(to, "{label}  {name}  {}", words::sentence(entry))?;
    if let Some(trouble) = &entry.trouble {
        // The sentence was its first line, unless a broken promise is the graver news.
        let told = words::sentence(entry) == trouble.text.lines().next().unwrap_or_default();
        for line in trouble.text.lines().skip(usize::from(told)) {
            writeln!(to, "      {line}")?;
        }
    }
    if let Some(summary) = &entry.summary {
        numbers(summary, style, to)?;
    }
    if let Some(judged) = &entry.judged {
        proofs(judged, style, to)?;
    }
    if let Some(golden) = &entry.golden {
        self::golden(golden, entry, style, to)?;
    }
    ways_on(entry, style, to)
}

/// Counts and latencies, on two lines.
fn numbers(summary: &Summary, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let who = [
        words::count(summary.producers as u64, "producer"),
        words::count(summary.consumers as u64, "consumer"),
        words::count(summary.topics as u64, "topic"),
    ]
    .join(", ");
    let sent = of(summary.sent, summary.planned);
    let mut acks = String::new();
    for (count, word) in [(summary.refused, "refused"), (summary.unknown, "unknown")] {
        if count > 0 {
            acks.push_str(&style.warn(&format!("  {word} {}", words::number(count))));
        }
    }
    let delivered = of(summary.delivered, summary.due);
    writeln!(to, "      {who}  sent {sent}{acks}  delivered {delivered}{}", rate(summary))?;
    if summary.ack.count == 0 {
        return Ok(());
    }
    let latency = |name: &str, latency: &Latency| {
        format!("{name} p50 {} p99 {}", words::time(latency.p50), words::time(latency.p99))
    };
    let line = format!(
        "      {}  {}",
        latency("ack", &summary.ack),
        latency("end to end", &summary.end_to_end)
    );
    writeln!(to, "{}", style.faint(&line))
}

/// `17`, or `16 of 17` where some are missing or too many.
fn of(count: u64, planned: u64) -> String {
    if count == planned {
        words::number(count)
    } else {
        format!("{} of {}", words::number(count), words::number(planned))
    }
}

/// Deliveries a second; nothing where the run was too short to say.
fn rate(summary: &Summary) -> String {
    let seconds = summary.active.as_secs_f64();
    if seconds < 0.001 || summary.delivered == 0 {
        return String::new();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate")]
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let rate = (summary.delivered as f64 / seconds).round() as u64;
    format!("  {}/s", words::number(rate))
}

/// What the checks found, with its proofs; for `harness check`, and within a scenario's result.
///
/// # Errors
/// Those of the writer.
pub fn judgement(
    plan: &Plan,
    judgement: &Judgement,
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
    writeln!(to, "{label}  {name}  {}", words::answer(&judged))?;
    proofs(&judged, style, to)
}

fn proofs(judged: &Judged, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for found in &judged.violations {
        anomalies(found, style, to)?;
    }
    // The only doubt of a run without a verdict was its sentence.
    if !(judged.verdict == Verdict::Unknown && judged.doubts.len() == 1) {
        for doubt in &judged.doubts {
            writeln!(to, "\n      {}  {doubt}", style.warn("unknown"))?;
        }
    }
    allowed(judged, style, to)
}

fn anomalies(found: &Found, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let kind = style.bad(found.kind.as_str());
    writeln!(to, "\n      {kind}  {}", words::anomalies(found.kind, found.count))?;
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

fn allowed(judged: &Judged, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for found in &judged.allowed {
        let words = words::anomalies(found.kind, found.count);
        writeln!(to, "{}", style.faint(&format!("      {words}, which `expect` allows")))?;
    }
    Ok(())
}

fn golden(golden: &Comparison, entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    match golden {
        Comparison::New { pending } => {
            writeln!(to, "\n      golden     {}", pending.display())?;
        }
        Comparison::Different { accepted, difference, .. } => {
            let broken = entry.judged.as_ref().is_some_and(|it| it.verdict == Verdict::Fail);
            let head = if broken { "differs too, from" } else { "differs from" };
            writeln!(to, "\n      the ledger {head} {}", accepted.display())?;
            self::difference(difference, style, to)?;
        }
        _ => {}
    }
    Ok(())
}

/// The lines that differ between two ledgers.
///
/// # Errors
/// Those of the writer.
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

/// Where to look, and what to type next.
fn ways_on(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let mut ways: Vec<(&str, String)> = Vec::new();
    if let Some(logs) = &entry.logs {
        ways.push(("logs", logs.display().to_string()));
    }
    if let Some(history) = &entry.history {
        ways.push(("history", history.display().to_string()));
    }
    let is_pending = matches!(
        &entry.golden,
        Some(Comparison::New { .. } | Comparison::Different { pending: Some(_), .. })
    );
    if let Some(accept) = entry.accept.as_ref().filter(|_| is_pending) {
        ways.push(("look", accept.replacen("accept", "review", 1)));
        ways.push(("accept", accept.clone()));
    }
    if matches!(&entry.golden, Some(Comparison::Missing { .. })) {
        let first = "run it outside of CI, accept what it leaves, and commit the file";
        ways.push(("next", String::from(first)));
    }
    if let Some(reproduce) = &entry.reproduce {
        ways.push(("reproduce", style.strong(reproduce)));
    }
    if !ways.is_empty() {
        writeln!(to)?;
    }
    ways.iter().try_for_each(|(name, way)| writeln!(to, "      {name:9}  {way}"))
}

/// The last line: how many of which, and how long.
///
/// # Errors
/// Those of the writer.
pub fn end(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    if report.entries.len() < 2 {
        return Ok(());
    }
    let of = |exit: Exit| report.entries.iter().filter(|entry| entry.exit() == exit).count();
    let mut parts = Vec::new();
    for (exit, words, good) in [
        (Exit::Passed, "passed", true),
        (Exit::Failed, "failed", false),
        (Exit::Usage, "invalid", false),
        (Exit::NoVerdict, "without a verdict", false),
        (Exit::Interrupted, "interrupted", false),
    ] {
        let count = of(exit);
        if count > 0 {
            let text = format!("{} {words}", words::number(count as u64));
            parts.push(if good { style.good(&text) } else { style.bad(&text) });
        }
    }
    let all = words::count(report.entries.len() as u64, "scenario");
    writeln!(to, "\n{all}: {}  in {}", parts.join(", "), words::time(report.duration))
}
