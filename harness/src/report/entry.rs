//! What reports read: an entry for each scenario, as plain data.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker_client::wire::masked;

use super::environment::Environment;
use super::sweep::Sweep;
use super::words;
use crate::check::{Judgement, Verdict};
use crate::exit::Exit;
use crate::figures::threshold::State;
use crate::figures::{Figures, Summary, Threshold};
use crate::golden::{self, Comparison};
use crate::input::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::scenario::{AnomalyKind, Counter, Scenario};

/// All that one call of the harness did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order in which the scenarios were named.
    pub entries: Vec<Entry>,
    /// Whether several brokers were named, or runs repeated, so that a table says more.
    pub is_matrix: bool,
    /// Scenarios that were skipped, because they cannot run there.
    pub skipped: Vec<Skipped>,
    /// How long all of it took, by the wall clock.
    pub duration: Duration,
    /// Why the call did not do what it was asked to, where no entry says it.
    pub trouble: Option<Trouble>,
    /// Where and when it ran.
    pub environment: Environment,
}

/// A scenario that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The scenario's name.
    pub name: String,
    /// The scenario's file, as the user named it.
    pub file: PathBuf,
    /// The broker on which it would have run, where that is known.
    pub on: Option<String>,
    /// Why, and what would have it run, where the command line can.
    pub reason: String,
}

impl Report {
    /// What the process ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        let entries = self.entries.iter().map(Entry::exit);
        let trouble = self.trouble.iter().map(|trouble| trouble.exit);
        entries.chain(trouble).max().unwrap_or(Exit::NothingSelected)
    }

    /// Takes note of something that no entry says, beside what was noted before.
    pub fn add_trouble(&mut self, exit: Exit, text: String) {
        self.trouble = Some(match self.trouble.take() {
            Some(before) => {
                Trouble { exit: before.exit.and(exit), text: format!("{}\n{text}", before.text) }
            }
            None => Trouble { exit, text },
        });
    }

    /// How long its runs took on the simulated clock, where there are simulated ones.
    #[must_use]
    pub fn simulated(&self) -> Option<Duration> {
        self.entries.iter().filter_map(|entry| entry.simulated).reduce(|all, one| all + one)
    }
}

/// What happened to one scenario.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The scenario's name; its file's stem where it did not load.
    pub name: String,
    /// The scenario's file, as the user named it.
    pub file: PathBuf,
    /// The scenario's own words.
    pub description: Option<String>,
    /// What every choice by chance followed from.
    pub seed: Option<u64>,
    /// What it ran on, where it did.
    pub on: Option<On>,
    /// From 1, where it is repeated; else 0.
    pub turn: u32,
    /// Whether it requires that faults meet consumers that are behind.
    pub requires_backlog: bool,
    /// What it asks for and the documents of its broker do not promise, where that is known.
    pub not_promised: Option<NotPromised>,
    /// How many brokers served, where it is known.
    pub brokers: Option<u32>,
    /// How long the scenario took by the wall clock, the start and the end of the broker and the
    /// checks included, that of a private database server not.
    pub duration: Duration,
    /// How long it took on the simulated clock, if it was simulated: all its runs together.
    pub simulated: Option<Duration>,
    /// How its runs with many seeds ended, if there were many; the rest of the entry is then about
    /// the one that is shown.
    pub sweep: Option<Sweep>,
    /// What was judged, where nothing was run.
    pub evidence: Option<Evidence>,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
    /// Why it did not come to a judgement.
    pub trouble: Option<Trouble>,
    /// What is wrong with the scenario, each with its place.
    pub problems: Vec<Problem>,
    /// What was run, every default filled in, as `harness plan --json` has it; of repeated runs the
    /// first has it.
    pub resolved: Option<serde_json::Value>,
    /// The counts and latencies, if it ran.
    pub summary: Option<Summary>,
    /// All else that was measured, if it ran; of very many runs that passed, the first have it.
    pub figures: Option<Figures>,
    /// What `expect` asks of the figures, and what came of it.
    pub thresholds: Vec<Threshold>,
    /// What the checks concluded, if they did.
    pub judgement: Option<Judgement>,
    /// What is known beside the judgement, a sentence each.
    pub notes: Vec<String>,
    /// How the ledger compares, if it came to that.
    pub golden: Option<Comparison>,
    /// The folder with the consumer logs.
    pub logs: Option<PathBuf>,
    /// The file of the history, if one was to be written or the run did not pass.
    pub history: Option<PathBuf>,
    /// The command line that runs it again.
    pub reproduce: Option<String>,
    /// The command line that judges the history of a run that did not pass again.
    pub judge: Option<String>,
    /// The command line that accepts what is pending: `harness accept 5p3c`.
    pub accept: Option<String>,
}

/// A broker that a scenario ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct On {
    /// Its word in the catalogue, or its URL without a password.
    pub word: String,
    /// Of a server that the harness started; after its name, where the word does not say it.
    pub version: Option<String>,
    /// Beside what a server has by itself, in its own words.
    pub config: Vec<(String, String)>,
    /// How it is spoken to: `http`, `nats`, `exec`.
    pub driver: Option<String>,
    /// Where it was reached, without passwords; empty where the harness started it.
    pub addresses: Vec<String>,
}

/// What a scenario asks for and the documents of its broker do not promise. It is judged all the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotPromised {
    /// The kinds of anomaly that break nothing which is promised.
    pub kinds: BTreeSet<AnomalyKind>,
    /// Both in a sentence: `documented: at-least-once; this scenario asks for exactly-once`.
    pub said: String,
    /// Where the documents say it.
    pub reference: String,
}

/// Why a scenario did not come to a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What that means for the exit code.
    pub exit: Exit,
    /// For people; may have several lines.
    pub text: String,
}

/// Evidence that was made before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// A history, which says when everything came.
    History,
    /// The consumers' logs alone, which do not.
    Logs,
}

/// One thing that is wrong with a scenario, its producers' logs or the evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file that it is in.
    pub file: PathBuf,
    /// From 1, where it has a place in the file.
    pub line: Option<usize>,
    /// From 1, in characters, where it has a place in the line.
    pub column: Option<usize>,
    /// What it is, why, and what to do about it, in one line.
    pub text: String,
}

impl Problem {
    /// As it was found; `file` is for one without a place.
    pub fn new(diagnostic: &Diagnostic, file: &Path) -> Self {
        let text = diagnostic.line();
        match diagnostic.location() {
            Some((file, line, column)) => {
                Self { file: file.into(), line: Some(line), column: Some(column), text }
            }
            None => {
                let file = masked(&file.to_string_lossy()).into();
                Self { file, line: None, column: None, text }
            }
        }
    }

    /// `x.yaml:4:22: unknown key`; the text alone where it has no place.
    fn told(&self) -> String {
        let file = self.file.display();
        match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{file}:{line}:{column}: {}", self.text),
            (Some(line), None) => format!("{file}:{line}: {}", self.text),
            (None, _) => self.text.clone(),
        }
    }
}

/// So many runs of one scenario keep their figures although they passed.
pub const FIGURES_KEPT: u32 = 50;

impl Entry {
    /// Leaves a run that passed with its summary alone where there are very many, so that neither the
    /// report nor what it is made of grows with them.
    pub fn forget_figures(&mut self) {
        if self.turn > FIGURES_KEPT && self.exit() == Exit::Passed {
            self.figures = None;
        }
    }

    /// A scenario that is about to run.
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.clone(),
            file: scenario.file.clone(),
            description: scenario.description.clone(),
            seed: Some(scenario.seed),
            on: Some(On {
                word: scenario.broker.on.clone(),
                driver: Some(scenario.broker.driver.clone()),
                ..On::default()
            }),
            brokers: Some(scenario.broker.count.get()),
            requires_backlog: scenario.require.iter().any(|own| own.counter == Counter::Backlog),
            ..Self::default()
        }
    }

    /// A scenario that did not load, or could not be run. The password of a URL that was typed in the
    /// place of a file is masked.
    pub fn failed(file: &Path, exit: Exit, text: String) -> Self {
        let file = &PathBuf::from(masked(&file.to_string_lossy()));
        let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let trouble = Some(Trouble { exit, text });
        Self { name, file: file.to_owned(), trouble, ..Self::default() }
    }

    /// A scenario that did not load, for these reasons.
    pub fn invalid(file: &Path, problems: Vec<Problem>) -> Self {
        Self::failed(file, Exit::Usage, String::new()).with(problems)
    }

    /// The same entry of a scenario that is invalid for these reasons.
    #[must_use]
    pub fn with(self, problems: Vec<Problem>) -> Self {
        let text: Vec<_> = problems.iter().map(Problem::told).collect();
        let trouble = Some(Trouble { exit: Exit::Usage, text: text.join("\n") });
        Self { trouble, problems, ..self }
    }

    /// Takes over what comparing the golden files answered, in `folder`.
    pub fn compared(
        &mut self,
        plan: &Plan,
        folder: &Path,
        answer: Result<Comparison, golden::Error>,
    ) {
        match answer {
            Ok(comparison) => self.golden = Some(comparison),
            Err(error) => {
                self.trouble = Some(Trouble { exit: Exit::Usage, text: error.to_string() });
            }
        }
        self.accept = Some(words::accept_command(&plan.scenario.name, folder));
    }

    /// Whether nothing is wrong but that its golden file is new.
    #[must_use]
    pub fn is_new(&self) -> bool {
        let new = matches!(self.golden, Some(Comparison::New { .. }));
        let is_missed = self.thresholds.iter().any(|own| own.state == State::Missed);
        new && !is_missed && self.trouble.is_none() && self.exit() == Exit::Failed
    }

    /// What this scenario alone would end the process with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        if let Some(sweep) = &self.sweep {
            return sweep.exit();
        }
        let mut exit = if self.interrupted { Exit::Interrupted } else { Exit::Passed };
        if let Some(trouble) = &self.trouble {
            exit = exit.and(trouble.exit);
        }
        let verdict = self.judgement.as_ref().map(|judgement| judgement.verdict);
        // What was not judged has no verdict either, unless its trouble says more.
        let explained = self.trouble.is_some() || self.interrupted;
        exit = exit.and(match verdict {
            Some(Verdict::Fail) => Exit::Failed,
            Some(Verdict::Pass) => Exit::Passed,
            None if explained => Exit::Passed,
            Some(Verdict::Unknown) | None => Exit::NoVerdict,
        });
        for threshold in &self.thresholds {
            exit = exit.and(match threshold.state {
                State::Met => Exit::Passed,
                State::Missed => Exit::Failed,
                State::NoData => Exit::NoVerdict,
            });
        }
        match &self.golden {
            Some(comparison) if !comparison.is_fine() => exit.and(Exit::Failed),
            _ => exit,
        }
    }
}
