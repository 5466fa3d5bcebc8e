//! What reports read: an entry for each scenario, as plain data.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::summary::Summary;
use super::words;
use crate::check::{Judgement, Verdict};
use crate::exit::Exit;
use crate::golden::{self, Comparison};
use crate::plan::Plan;
use crate::scenario::{Scenario, Store};

/// All that one call of the harness did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In the order in which the scenarios were named.
    pub entries: Vec<Entry>,
    /// Scenarios that were skipped, because they do not hold for the store.
    pub skipped: usize,
    /// How long all of it took.
    pub duration: Duration,
}

impl Report {
    /// What the process ends with.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.entries.iter().map(Entry::exit).max().unwrap_or(Exit::NothingSelected)
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
    /// The store of the broker, where it is known.
    pub store: Option<Store>,
    /// How many brokers served, where it is known.
    pub brokers: Option<u32>,
    /// How long the scenario took, the start and the end of the broker and the checks included,
    /// that of a private database server not.
    pub duration: Duration,
    /// Whether Ctrl-C ended it.
    pub interrupted: bool,
    /// Why it did not come to a judgement.
    pub trouble: Option<Trouble>,
    /// The counts and latencies, if it ran.
    pub summary: Option<Summary>,
    /// What the checks concluded, if they did.
    pub judgement: Option<Judgement>,
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

/// Why a scenario did not come to a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What that means for the exit code.
    pub exit: Exit,
    /// For people; may have several lines.
    pub text: String,
}

impl Entry {
    /// A scenario that is about to run.
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            name: scenario.name.clone(),
            file: scenario.file.clone(),
            description: scenario.description.clone(),
            seed: Some(scenario.seed),
            store: Some(scenario.broker.store),
            brokers: Some(scenario.broker.count.get()),
            ..Self::default()
        }
    }

    /// A scenario that did not load, or could not be run.
    pub fn failed(file: &Path, exit: Exit, text: String) -> Self {
        let name = file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
        let trouble = Some(Trouble { exit, text });
        Self { name, file: file.to_owned(), trouble, ..Self::default() }
    }

    /// Brokers at these addresses served it, if there are any; what their store is, is not known.
    pub fn served_by(&mut self, addresses: &[String]) {
        if !addresses.is_empty() {
            self.store = None;
            self.brokers = u32::try_from(addresses.len()).ok();
        }
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

    /// What this scenario alone would end the process with.
    #[must_use]
    pub fn exit(&self) -> Exit {
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
        match &self.golden {
            Some(comparison) if !comparison.is_fine() => exit.and(Exit::Failed),
            _ => exit,
        }
    }
}
