//! The report for people, on stderr, written while the scenarios run.
//!
//! A pass is one compact block. Anything else begins with the answer in a sentence, then shows the
//! proofs, then says where the logs are and what to type next.

mod difference;
mod matrix;
mod numbers;
mod proofs;
mod style;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::MultiProgress;

use super::entry::{Entry, Report};
use super::matrix::{Matrix, State};
use super::progress::{self, Progress};
use super::{sentence, words};
use crate::exit::Exit;
use crate::golden::{Comparison, is_ci};

pub use difference::difference;
pub use style::Style;

/// The terminal: stderr, with bars where it is one.
#[derive(Debug)]
pub struct Terminal {
    style: Style,
    bars: Option<MultiProgress>,
}

impl Terminal {
    /// By what stderr is, and what `NO_COLOR` and `CI` say, read through `variable`.
    pub fn new(variable: impl Fn(&str) -> Option<String>) -> Self {
        let terminal = io::stderr().is_terminal();
        let bars = (terminal && !is_ci(&variable)).then(progress::bars);
        Self { style: Style::new(terminal, variable), bars }
    }

    /// How text is shown.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Begins the line of a scenario that runs.
    pub fn progress(&self, name: &str) -> Progress {
        Progress::new(name, self.bars.as_ref())
    }

    /// Prints a scenario's result above the bars of those that still run.
    pub fn entry(&self, entry: &Entry) {
        self.print(|to| self::entry(entry, self.style, to));
    }

    /// Prints the result of one of many runs, in one line: the table at the end says the rest. A pass is
    /// told by [`Self::kept`], once for all runs of a scenario on a broker.
    pub fn one_of_many(&self, entry: &Entry, place: &str) {
        if entry.exit() != Exit::Passed {
            let (label, said) = (label(entry, self.style), sentence::cause(entry));
            let rest = match State::of(entry) {
                State::Unpromised => "; its documents do not promise it",
                _ => "",
            };
            self.print(|to| writeln!(to, "{label}  {place}  {said}{rest}"));
        }
    }

    /// Prints that all runs of a scenario on a broker passed.
    pub fn kept(&self, place: &str, runs: u64, duration: Duration) {
        let (label, runs) = (self.style.good("PASS"), words::count(runs, "run"));
        let time = words::time(duration);
        self.print(|to| writeln!(to, "{label}  {place}  {runs} in {time}"));
    }

    /// Prints a line above the bars.
    pub fn line(&self, line: &str) {
        self.print(|to| writeln!(to, "{line}"));
    }

    /// Prints the last line.
    pub fn end(&self, report: &Report) {
        self.print(|to| end(report, self.style, to));
    }

    /// Where stderr is gone, nothing can be done about it; the exit code still says the result.
    fn print(&self, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut buffer = Vec::new();
        if text(&mut buffer).is_ok() {
            let show = || io::stderr().lock().write_all(&buffer);
            let _ = match &self.bars {
                Some(bars) => bars.suspend(show),
                None => show(),
            };
        }
    }
}

/// A scenario's result.
pub fn entry(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    match entry.exit() {
        Exit::Passed => pass(entry, style, to),
        _ => no_pass(entry, style, to),
    }
}

/// A scenario's result without colour, as other reports embed it.
pub fn plain(entry: &Entry) -> String {
    let mut text = Vec::new();
    self::entry(entry, Style::default(), &mut text).expect("memory can always be written");
    String::from_utf8_lossy(&text).into_owned()
}

fn pass(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let golden = entry.golden.as_ref().map(|golden| format!("  {}", sentence::golden(golden)));
    let golden = golden.unwrap_or_default();
    let name = style.strong(&entry.name);
    let (came, place) = (came_to(entry), sentence::place(entry));
    let place = place.map(|place| format!("  {place}")).unwrap_or_default();
    writeln!(to, "{}  {name}  {came}{place}{golden}", style.good("PASS"))?;
    numbers_of_a_run(entry, style, to)?;
    if let Some(judgement) = &entry.judgement {
        proofs::allowed(judgement, style, to)?;
    }
    notes(entry, to)
}

/// What a pass is told by: how long the run took, or what the evidence says.
fn came_to(entry: &Entry) -> String {
    match (entry.simulated, entry.evidence) {
        (_, Some(_)) => sentence::sentence(entry),
        // The wall clock is another one in each process, and a simulated run is not.
        (Some(simulated), None) => format!("{} simulated", words::time(simulated)),
        (None, None) => words::time(entry.duration),
    }
}

fn numbers_of_a_run(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    match (&entry.summary, entry.evidence) {
        (Some(summary), None) => numbers::numbers(summary, style, to),
        _ => Ok(()),
    }
}

fn notes(entry: &Entry, to: &mut dyn Write) -> io::Result<()> {
    if !entry.notes.is_empty() {
        writeln!(to)?;
    }
    entry.notes.iter().try_for_each(|note| writeln!(to, "      {note}"))
}

fn no_pass(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let label = label(entry, style);
    let name = style.strong(&entry.name);
    let place = sentence::place(entry).map_or_else(String::new, |place| format!("{place}: "));
    writeln!(to, "{label}  {name}  {place}{}", sentence::sentence(entry))?;
    if let Some(trouble) = &entry.trouble {
        // The sentence was its first line, unless a broken promise is the graver news.
        let first = trouble.text.lines().next().unwrap_or_default();
        let told = sentence::sentence(entry).ends_with(first);
        for line in trouble.text.lines().skip(usize::from(told)) {
            writeln!(to, "      {line}")?;
        }
    }
    numbers_of_a_run(entry, style, to)?;
    if let Some(judgement) = &entry.judgement {
        proofs::proofs(judgement, style, to)?;
    }
    notes(entry, to)?;
    if let Some(golden) = &entry.golden {
        difference::golden(golden, entry, style, to)?;
    }
    ways_on(entry, style, to)
}

/// In front of the line of a run that did not pass.
fn label(entry: &Entry, style: Style) -> String {
    match entry.exit() {
        Exit::Failed if is_new(entry) => style.warn("NEW "),
        Exit::Failed => style.bad("FAIL"),
        Exit::Usage => style.bad("BAD "),
        Exit::Interrupted => style.warn("STOP"),
        Exit::NoVerdict | Exit::NothingSelected | Exit::Passed => style.warn("????"),
    }
}

/// Whether nothing is wrong but that its golden file is new.
fn is_new(entry: &Entry) -> bool {
    let new = matches!(entry.golden, Some(Comparison::New { .. }));
    new && entry.trouble.is_none() && entry.exit() == Exit::Failed
}

/// Where to look, and what to type next.
fn ways_on(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let mut ways: Vec<(&str, String)> = Vec::new();
    // Evidence is where the user said, and the command has just been typed.
    let ran = entry.evidence.is_none();
    if let Some(logs) = entry.logs.as_ref().filter(|_| ran) {
        ways.push(("logs", logs.display().to_string()));
    }
    // The line that judges it again names it, too.
    let is_told = entry.judge.is_some();
    if let Some(history) = entry.history.as_ref().filter(|_| ran && !is_told) {
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
    if let Some(reproduce) = entry.reproduce.as_ref().filter(|_| ran) {
        ways.push(("reproduce", style.strong(reproduce)));
    }
    if let Some(judge) = &entry.judge {
        ways.push(("judge", judge.clone()));
    }
    if let Some(explain) = &entry.explain {
        ways.push(("explain", explain.clone()));
    }
    if !ways.is_empty() {
        writeln!(to)?;
    }
    ways.iter().try_for_each(|(name, way)| writeln!(to, "      {name:9}  {way}"))
}

/// The table, where there is one, and the last line: how many of which, and how long.
pub fn end(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let matrix = Matrix::of(report);
    if let Some(matrix) = &matrix {
        matrix::matrix(matrix, style, to)?;
    }
    let all = report.entries.len() + report.skipped.len();
    if all < 2 {
        return Ok(());
    }
    let mut parts = Vec::new();
    for (exit, new, words, good) in [
        (Exit::Passed, false, "passed", true),
        (Exit::Failed, true, "to review", false),
        (Exit::Failed, false, "failed", false),
        (Exit::Usage, false, "invalid", false),
        (Exit::NoVerdict, false, "without a verdict", false),
        (Exit::Interrupted, false, "interrupted", false),
    ] {
        let counts = |entry: &&Entry| entry.exit() == exit && is_new(entry) == new;
        let count = report.entries.iter().filter(counts).count();
        if count > 0 {
            let text = format!("{} {words}", words::number(count as u64));
            parts.push(if good { style.good(&text) } else { style.bad(&text) });
        }
    }
    if !report.skipped.is_empty() {
        let skipped = words::number(report.skipped.len() as u64);
        parts.push(style.warn(&format!("{skipped} skipped")));
    }
    let all = match &matrix {
        None => words::count(all as u64, "scenario"),
        Some(matrix) => [
            words::count(matrix.brokers.len() as u64, "broker"),
            words::count(matrix.scenarios.len() as u64, "scenario"),
            words::count(report.entries.len() as u64, "run"),
        ]
        .join(", "),
    };
    let simulated = report.simulated().map(|time| format!(", {} simulated", words::time(time)));
    let (parts, simulated) = (parts.join(", "), simulated.unwrap_or_default());
    writeln!(to, "\n{all}: {parts}  in {}{simulated}", words::time(report.duration))
}
