//! The search for smaller cases that fail in the same way.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::case::Case;
use super::write;
use crate::check::Verdict;
use crate::plan::Plan;
use crate::scenario::{self, AnomalyKind};
use crate::trial::{Simulation, Trial, simulate};

/// What is looked for, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How runs are simulated. What stops them ends the search, too.
    pub simulation: Simulation,
    /// How many other seeds are tried where a smaller case passes with the seed at hand.
    pub seeds: u64,
    /// No smaller case is tried after so long.
    pub limit: Duration,
}

/// The kinds of anomaly that a run has to show to be the same failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// This one, always.
    pub first: AnomalyKind,
    /// And none but these.
    pub among: BTreeSet<AnomalyKind>,
}

/// A failing case, and its run.
#[derive(Debug)]
pub struct Failing {
    /// With its seed.
    pub case: Case,
    /// As it was run.
    pub plan: Arc<Plan>,
    /// What it came to.
    pub trial: Trial,
}

impl Way {
    /// The way in which a run failed; none where it did not.
    pub fn of(trial: &Trial) -> Option<Self> {
        if trial.judgement.verdict != Verdict::Fail {
            return None;
        }
        let among: BTreeSet<_> =
            trial.judgement.violations.iter().map(|found| found.kind).collect();
        Some(Self { first: *among.first()?, among })
    }

    /// Whether a run failed in this way.
    pub fn is_of(&self, trial: &Trial) -> bool {
        Self::of(trial)
            .is_some_and(|way| way.among.contains(&self.first) && way.among.is_subset(&self.among))
    }
}

pub(super) struct Hunt<'a> {
    pub(super) way: &'a Way,
    pub(super) settings: &'a Settings,
    pub(super) deadline: Instant,
    pub(super) best: Failing,
    pub(super) cases: u64,
    pub(super) runs: u64,
    pub(super) tell: &'a mut dyn FnMut(&Case),
    /// Where cases are written to be tried.
    pub(super) folder: &'a Path,
}

impl Hunt<'_> {
    pub(super) fn is_over(&self) -> bool {
        self.is_stopped() || Instant::now() >= self.deadline
    }

    /// Nothing where it is over.
    pub(super) fn goes_on(&self) -> Option<()> {
        (!self.is_over()).then_some(())
    }

    fn is_stopped(&self) -> bool {
        self.settings.simulation.stop.load(Ordering::Relaxed)
    }

    /// Whether a case fails in the way that is looked for, with its seed or one of a few others;
    /// then it is the best one from now on.
    pub(super) fn try_case(&mut self, case: &Case) -> bool {
        if self.is_over() || !case.is_whole() {
            return false;
        }
        self.cases += 1;
        let own = case.seed;
        let others = (1..=self.settings.seeds).filter(|seed| *seed != own);
        for seed in std::iter::once(own).chain(others) {
            let candidate = Case { seed, ..case.clone() };
            if let Some(failing) = self.run(candidate) {
                self.best = failing;
                (self.tell)(&self.best.case);
                return true;
            }
            if self.is_over() {
                return false;
            }
        }
        false
    }

    fn run(&mut self, case: Case) -> Option<Failing> {
        self.runs += 1;
        let failing = run(case, self.folder, &self.settings.simulation).ok()?;
        // A run that was stopped half way may fail in a way in which the whole does not.
        (!failing.trial.interrupted && self.way.is_of(&failing.trial)).then_some(failing)
    }
}

/// Writes a case into a folder and runs it from there.
pub fn run(case: Case, folder: &Path, simulation: &Simulation) -> Result<Failing, String> {
    let file = write::write(&case, folder, "").map_err(|error| error.to_string())?;
    let scenario = scenario::load(&file).map_err(|error| error.render(false))?;
    let plan = Plan::new(scenario).map_err(|error| error.render(false))?;
    let plan = Arc::new(plan);
    let (trial, _) = simulate(&plan, simulation).map_err(|failure| failure.0)?;
    Ok(Failing { case, plan, trial })
}
