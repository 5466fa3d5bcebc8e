//! The report for people, on stderr, written while the scenarios run.
//!
//! A pass is one compact block. Anything else begins with the answer in a sentence, then shows the
//! proofs, then says where the logs are and what to type next.

mod comparison;
mod difference;
mod matrix;
mod numbers;
mod proofs;
mod style;
mod thresholds;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::MultiProgress;

use super::entry::{Entry, Report};
use super::matrix::{Matrix, State};
use super::progress::{self, Progress};
use super::tally::Tally;
use super::{sentence, words};
use crate::exit::Exit;
use crate::golden::{Comparison, is_ci};

pub use difference::difference;
pub use style::Style;

/// How much the terminal says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// Nothing of what passed, nor how far it is.
    Least,
    /// What passed in some lines, and how far it is.
    #[default]
    Usual,
    /// What happens while it happens, too.
    Most,
}

/// The terminal: stderr, with bars where it is one.
#[derive(Debug)]
pub struct Terminal {
    style: Style,
    bars: Option<MultiProgress>,
    detail: Detail,
}

impl Terminal {
    /// By what stderr is, and what `NO_COLOR` and `CI` say, read through `variable`.
    pub fn new(variable: impl Fn(&str) -> Option<String>, detail: Detail) -> Self {
        let terminal = io::stderr().is_terminal();
        let has_bars = terminal && !is_ci(&variable) && detail > Detail::Least;
        let bars = has_bars.then(progress::bars);
        Self { style: Style::new(terminal, variable), bars, detail }
    }

    /// How text is shown.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Begins the line of a scenario that runs.
    pub fn progress(&self, name: &str) -> Progress {
        match self.detail {
            Detail::Least => Progress::silent(),
            Detail::Usual | Detail::Most => Progress::new(name, self.bars.as_ref()),
        }
    }

    /// Prints a scenario's result above the bars of those that still run.
    pub fn entry(&self, entry: &Entry) {
        if entry.exit() != Exit::Passed {
            self.print(|to| self::entry(entry, self.style, to));
        } else if self.detail > Detail::Least {
            self.print(|to| {
                self::entry(entry, self.style, to)?;
                if self.detail == Detail::Most { ways(entry, self.style, to) } else { Ok(()) }
            });
        }
    }

    /// Prints the result of one of many runs, in one line: the table at the end says the rest. A pass is
    /// told by [`Self::tally`], once for all runs of a scenario on a broker.
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

    /// Prints how the runs of a scenario ended, `speed` behind the time that they took.
    pub fn tally(&self, place: &str, tally: &Tally, duration: Duration, speed: &str) {
        if self.detail == Detail::Least && tally.exit() == Exit::Passed {
            return;
        }
        let label = match tally.exit() {
            Exit::Passed => self.style.good("PASS"),
            Exit::Failed if tally.is_flaky() => self.style.bad("FLAKY"),
            Exit::Failed | Exit::Usage => self.style.bad("FAIL"),
            Exit::Interrupted => self.style.warn("STOP"),
            Exit::NoVerdict | Exit::NothingSelected => self.style.warn("????"),
        };
        let (place, time) = (self.style.strong(place), words::time(duration));
        let named = tally.named().map(|named| format!("; {named}")).unwrap_or_default();
        self.print(|to| writeln!(to, "{label}  {place}  {tally}  in {time}{speed}{named}"));
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
    thresholds::thresholds(&entry.thresholds, style, to)?;
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
    let turn = Some(entry.turn).filter(|turn| *turn > 0);
    let turn = turn.map(|turn| format!(", run {turn}")).unwrap_or_default();
    let name = style.strong(&format!("{}{turn}", entry.name));
    let place = sentence::place(entry).map_or_else(String::new, |place| format!("{place}: "));
    writeln!(to, "{label}  {name}  {place}{}", sentence::sentence(entry))?;
    for line in sentence::rest(entry) {
        writeln!(to, "      {line}")?;
    }
    numbers_of_a_run(entry, style, to)?;
    thresholds::thresholds(&entry.thresholds, style, to)?;
    if let Some(judgement) = &entry.judgement {
        proofs::proofs(judgement, style, to)?;
    }
    notes(entry, to)?;
    if let Some(golden) = &entry.golden {
        difference::golden(golden, entry, style, to)?;
    }
    if !ways_on(entry).is_empty() {
        writeln!(to)?;
    }
    ways(entry, style, to)
}

fn ways(entry: &Entry, style: Style, to: &mut dyn Write) -> io::Result<()> {
    ways_on(entry).iter().try_for_each(|(name, way)| {
        let way = if *name == "reproduce" { style.strong(way) } else { way.clone() };
        writeln!(to, "      {name:9}  {way}")
    })
}

/// In front of the line of a run that did not pass.
fn label(entry: &Entry, style: Style) -> String {
    match entry.exit() {
        Exit::Failed if entry.is_new() => style.warn("NEW "),
        Exit::Failed => style.bad("FAIL"),
        Exit::Usage => style.bad("BAD "),
        Exit::Interrupted => style.warn("STOP"),
        Exit::NoVerdict | Exit::NothingSelected | Exit::Passed => style.warn("????"),
    }
}

/// Where to look, and what to type next: each with a word in front.
pub fn ways_on(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut ways = Vec::new();
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
        ways.push(("reproduce", reproduce.clone()));
    }
    if let Some(judge) = &entry.judge {
        ways.push(("judge", judge.clone()));
    }
    if let Some(explain) = &entry.explain {
        ways.push(("explain", explain.clone()));
    }
    ways
}

/// The table, where there is one, and the last line: how many of which, and how long.
pub fn end(report: &Report, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let matrix = Matrix::of(report);
    if let Some(matrix) = &matrix {
        matrix::matrix(matrix, style, to)?;
    }
    if let Some(comparison) = &report.comparison {
        comparison::comparison(comparison, style, to)?;
    }
    let all = report.runs() + report.skipped.len() as u64;
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
        let counts = |entry: &&Entry| entry.exit() == exit && entry.is_new() == new;
        let unlisted = if good { report.unlisted() } else { 0 };
        let count = report.entries.iter().filter(counts).count() as u64 + unlisted;
        if count > 0 {
            let text = format!("{} {words}", words::number(count));
            parts.push(if good { style.good(&text) } else { style.bad(&text) });
        }
    }
    if !report.skipped.is_empty() {
        let skipped = words::number(report.skipped.len() as u64);
        parts.push(style.warn(&format!("{skipped} skipped")));
    }
    let all = match &matrix {
        None => words::count(all, "scenario"),
        Some(matrix) => [
            words::count(matrix.brokers.len() as u64, "broker"),
            words::count(matrix.scenarios.len() as u64, "scenario"),
            words::count(report.runs(), "run"),
        ]
        .join(", "),
    };
    let simulated = report.simulated().map(|time| format!(", {} simulated", words::time(time)));
    let (parts, simulated) = (parts.join(", "), simulated.unwrap_or_default());
    writeln!(to, "\n{all}: {parts}  in {}{simulated}", words::time(report.duration))
}
