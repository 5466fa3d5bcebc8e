//! What became of one scenario on one broker, over all its runs.

use std::collections::BTreeSet;

use crate::check::{Finding, Verdict, is_vacuous};
use crate::exit::Exit;
use crate::figures::threshold;
use crate::golden::Comparison;
use crate::report::entry::{Entry, NotPromised};
use crate::report::sentence;
use crate::report::words::bytes;
use crate::scenario::AnomalyKind;

/// All runs of a scenario on a broker.
#[derive(Clone, Debug, Default)]
pub struct Cell<'a> {
    /// Runs that came to an end.
    pub runs: u64,
    /// In which nothing refuted the promise.
    pub kept: u64,
    /// In which it was broken, or the ledger was another one than was reviewed.
    pub broken: u64,
    /// In which a threshold was missed, and nothing was broken but perhaps what the documents do not
    /// promise.
    pub missed: u64,
    /// In which only what the broker's documents do not promise was broken.
    pub unpromised: u64,
    /// In which what the scenario requires did not happen.
    pub vacuous: u64,
    /// Without a verdict for another reason.
    pub undecided: u64,
    /// What was found in runs that broke something.
    pub found: Vec<Found>,
    /// How often faults fired, over the runs that kept the promise.
    pub faults: u64,
    /// How far consumers were behind at the least of these faults, where the scenario requires that they
    /// are.
    pub backlog: Option<u64>,
    /// Where power cuts were: the fewest and the most bytes that all of them in one run forgot.
    pub forgotten: Option<(u64, u64)>,
    /// What the scenario asks for and the broker's documents do not promise.
    pub not_promised: Option<&'a NotPromised>,
    /// Why it was not run.
    pub skipped: Option<&'a str>,
    /// The first run that did not keep the promise, of the gravest kind.
    pub shown: Option<(State, &'a Entry)>,
}

/// How often runs found something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What: a word of the glossary, `not in the log`, or [`DOES_NOT_START`].
    pub what: &'static str,
    /// Runs that found it.
    pub runs: u64,
    /// The fewest in one of these runs.
    pub least: u64,
    /// The most, with what may be beside.
    pub most: u64,
}

/// What is found, once in a run, of a server that does not start again.
pub const DOES_NOT_START: &str = "does not start";

/// What a run, or all runs together, came to. The gravest is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A promise was broken.
    Broken,
    /// A threshold was missed.
    Missed,
    /// Something was broken that the documents do not promise.
    Unpromised,
    /// There is no verdict.
    Undecided,
    /// What the scenario requires did not happen.
    Vacuous,
    /// Nothing refuted it.
    Kept,
    /// It was not run.
    Skipped,
}

impl State {
    /// For programs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Missed => "missed",
            Self::Unpromised => "not promised",
            Self::Undecided => "no verdict",
            Self::Vacuous => "vacuous",
            Self::Kept => "kept",
            Self::Skipped => "cannot be tested",
        }
    }

    /// What one run came to.
    pub fn of(entry: &Entry) -> Self {
        let judgement = entry.judgement.as_ref();
        let broken: Vec<AnomalyKind> = judgement
            .iter()
            .filter(|judgement| judgement.verdict == Verdict::Fail)
            .flat_map(|judgement| judgement.violations.iter().map(|found| found.kind))
            .collect();
        let is_missed = entry.thresholds.iter().any(|own| own.state == threshold::State::Missed);
        if !broken.is_empty() {
            let none = BTreeSet::new();
            let allowed = entry.not_promised.as_ref().map_or(&none, |less| &less.kinds);
            let is_allowed = broken.iter().all(|kind| allowed.contains(kind));
            return match (is_allowed, is_missed) {
                (false, _) => Self::Broken,
                (true, true) => Self::Missed,
                (true, false) => Self::Unpromised,
            };
        }
        match entry.exit() {
            Exit::Passed => Self::Kept,
            Exit::Failed if is_missed && is_golden_fine(entry) => Self::Missed,
            Exit::Failed => Self::Broken,
            Exit::NoVerdict if entry.trouble.is_none() => {
                let doubts = judgement.map(|judgement| judgement.inconclusive.as_slice());
                let doubts = doubts.unwrap_or_default();
                let all = !doubts.is_empty() && doubts.iter().all(|doubt| is_vacuous(doubt));
                if all { Self::Vacuous } else { Self::Undecided }
            }
            _ => Self::Undecided,
        }
    }
}

/// Whether the ledger is no reason to fail.
fn is_golden_fine(entry: &Entry) -> bool {
    entry.golden.as_ref().is_none_or(Comparison::is_fine)
}

impl<'a> Cell<'a> {
    /// Takes in one more run.
    pub fn add(&mut self, entry: &'a Entry) {
        let state = State::of(entry);
        self.runs += 1;
        *match state {
            State::Broken => &mut self.broken,
            State::Missed => &mut self.missed,
            State::Unpromised => &mut self.unpromised,
            State::Vacuous => &mut self.vacuous,
            State::Kept => &mut self.kept,
            State::Undecided | State::Skipped => &mut self.undecided,
        } += 1;
        self.not_promised = self.not_promised.or(entry.not_promised.as_ref());
        if state == State::Kept {
            self.add_faults(entry);
        } else if self.shown.is_none_or(|(gravest, _)| state < gravest) {
            self.shown = Some((state, entry));
        }
        self.add_forgotten(entry);
        let violations = entry.judgement.iter().flat_map(|judgement| &judgement.violations);
        for Finding { kind, count, possible, not_in_log, does_not_start, .. } in violations {
            self.find(kind.as_str(), *count, count + possible);
            self.find("not in the log", *not_in_log, *not_in_log);
            self.find(DOES_NOT_START, u64::from(*does_not_start), u64::from(*does_not_start));
        }
    }

    fn add_faults(&mut self, entry: &Entry) {
        let faults = entry.summary.iter().flat_map(|summary| &summary.faults);
        let first = self.faults == 0;
        self.faults += faults.clone().map(|fault| fault.fired).sum::<u64>();
        // The least of nothing is none.
        let backlogs = faults.filter(|_| entry.requires_backlog).map(|fault| fault.backlog);
        let least = backlogs.min().flatten();
        self.backlog = if first { least } else { self.backlog.min(least) };
    }

    fn add_forgotten(&mut self, entry: &Entry) {
        let faults = entry.summary.iter().flat_map(|summary| &summary.faults);
        let cuts = faults.filter_map(|fault| fault.on_disk.as_ref()?.forgotten.as_ref());
        if let Some(bytes) = cuts.map(|own| own.bytes).reduce(|sum, bytes| sum + bytes) {
            let (least, most) = self.forgotten.unwrap_or((bytes, bytes));
            self.forgotten = Some((least.min(bytes), most.max(bytes)));
        }
    }

    fn find(&mut self, what: &'static str, least: u64, most: u64) {
        if most == 0 {
            return;
        }
        match self.found.iter_mut().find(|found| found.what == what) {
            Some(found) => {
                found.runs += 1;
                found.least = found.least.min(least);
                found.most = found.most.max(most);
            }
            None => self.found.push(Found { what, runs: 1, least, most }),
        }
    }

    /// What all runs together came to: what was broken once is broken, and what was kept once is not
    /// undecided.
    pub fn state(&self) -> State {
        match self {
            Self { runs: 0, .. } => State::Skipped,
            Self { broken: 1.., .. } => State::Broken,
            Self { missed: 1.., .. } => State::Missed,
            Self { unpromised: 1.., .. } => State::Unpromised,
            Self { kept: 1.., .. } => State::Kept,
            Self { undecided: 1.., .. } => State::Undecided,
            Self { .. } => State::Vacuous,
        }
    }

    /// Whether the same run both passed and failed.
    pub const fn is_flaky(&self) -> bool {
        self.kept > 0 && self.broken + self.unpromised > 0
    }

    /// In a few characters, for the table: `kept 20`, `BROKEN 3/20, forgot 12 kB`. What the documents do
    /// not promise is in parentheses.
    pub fn short(&self) -> String {
        let (count, word) = match self.state() {
            State::Skipped => return String::from("-"),
            State::Broken => (self.broken, "BROKEN"),
            State::Missed => (self.missed, "missed"),
            State::Unpromised => (self.unpromised, "broken"),
            State::Kept => (self.kept, "kept"),
            State::Undecided => (self.undecided, "no verdict"),
            State::Vacuous => (self.vacuous, "vacuous"),
        };
        let broken = matches!(self.state(), State::Broken | State::Missed | State::Unpromised);
        let text = if count == self.runs && !broken {
            format!("{word} {count}")
        } else {
            format!("{word} {count}/{}", self.runs)
        };
        let text = match self.forgot() {
            Some(forgot) => format!("{text}, {forgot}"),
            None => text,
        };
        let is_promised = self.not_promised.is_none() || self.state() == State::Broken;
        if is_promised { text } else { format!("({text})") }
    }

    /// `forgot 12 kB`, `forgot 812 B to 12 kB`, `forgot nothing`.
    fn forgot(&self) -> Option<String> {
        let (least, most) = self.forgotten?;
        let (few, many) = (bytes(least), bytes(most));
        Some(match most {
            0 => "forgot nothing".to_owned(),
            _ if few == many => format!("forgot {few}"),
            _ => format!("forgot {few} to {many}"),
        })
    }

    /// Why the run that is shown did not keep the promise.
    pub fn why(&self) -> Option<String> {
        self.shown.map(|(_, entry)| sentence::cause(entry))
    }

    /// The command line that shows it again: where it was not so in each run, with as many of them, until
    /// one of them shows it.
    pub fn reproduce(&self) -> Option<String> {
        let (state, entry) = self.shown?;
        let command = entry.reproduce.as_ref()?;
        let times = match state {
            State::Broken => self.broken,
            State::Missed => self.missed,
            State::Unpromised => self.unpromised,
            State::Undecided => self.undecided,
            _ => self.vacuous,
        };
        let is_each = times == self.runs;
        Some(match is_each {
            true => command.clone(),
            false => format!("{command} --repeat {} --until-fail", self.runs),
        })
    }
}
