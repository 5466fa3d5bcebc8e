//! What the terminal says while a table is being filled: a line for each run that did not pass, and
//! one for all runs of a scenario on a broker where they passed.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::one::Run;
use crate::exit::Exit;
use crate::report::Entry;
use crate::report::terminal::Terminal;

/// The cells of a table, by name.
pub(super) struct Cells(Mutex<BTreeMap<String, Cell>>);

/// Runs of a scenario on a broker.
#[derive(Default)]
struct Cell {
    all: u64,
    passed: u64,
    took: Duration,
}

impl Cells {
    pub(super) fn of(runs: &[Run]) -> Self {
        let mut cells: BTreeMap<String, Cell> = BTreeMap::new();
        for run in runs {
            cells.entry(run.cell.clone()).or_default().all += 1;
        }
        Self(Mutex::new(cells))
    }

    /// Tells what came of a run.
    pub(super) fn told(&self, run: &Run, entry: &Entry, terminal: &Terminal) {
        terminal.one_of_many(entry, &run.label);
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = cells.entry(run.cell.clone()).or_default();
        cell.passed += u64::from(entry.exit() == Exit::Passed);
        cell.took += entry.duration;
        if cell.passed == cell.all {
            terminal.kept(&run.cell, cell.all, cell.took);
        }
    }
}
