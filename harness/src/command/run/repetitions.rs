//! What becomes of runs that are repeated: how many of each scenario ended how, what the terminal says
//! meanwhile, and what is kept of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::one::Run;
use super::schedule::{Cell, Schedule};
use crate::exit::Exit;
use crate::report::progress::{Goal, Tried};
use crate::report::terminal::Terminal;
use crate::report::{Entry, Of, Progress, Repetition, Tally};

/// So many runs of a scenario have an entry in any case. Behind them those that pass are only counted.
const LISTED_MAX: u64 = 10_000;

/// So many runs of a scenario that did not pass are told one by one, unless several brokers are compared.
const TOLD_MAX: u64 = 20;

/// So many runs of a scenario that did not pass leave their logs and histories.
const KEPT_MAX: u64 = 100;

/// The runs of a call, as they end.
pub(super) struct Repetitions<'a> {
    terminal: &'a Terminal,
    schedule: &'a Schedule,
    /// Whether several brokers are compared.
    is_matrix: bool,
    began: Instant,
    state: Mutex<State>,
}

struct State {
    /// By place of the cell.
    each: Vec<Each>,
    /// How far all of them are; none where nothing is repeated.
    line: Option<Progress>,
}

/// The runs of a scenario on a broker.
struct Each {
    tally: Tally,
    took: Duration,
    unlisted: u64,
    is_told: bool,
}

impl<'a> Repetitions<'a> {
    pub(super) fn new(schedule: &'a Schedule, is_matrix: bool, terminal: &'a Terminal) -> Self {
        let of = |cell: &Cell| Of::Runs { asked: cell.times.map(u64::from) };
        let each = |cell| Each {
            tally: Tally::new(of(cell)),
            took: Duration::ZERO,
            unlisted: 0,
            is_told: false,
        };
        let each = schedule.cells.iter().map(each).collect();
        let is_repeated = schedule.cells.iter().any(Cell::is_repeated);
        let line = is_repeated.then(|| terminal.progress("all"));
        let state = Mutex::new(State { each, line });
        Self { terminal, schedule, is_matrix, began: Instant::now(), state }
    }

    /// Whether a run that does not pass leaves its logs and its history: hours of failures would fill the
    /// disk.
    pub(super) fn keeps_evidence(&self, run: &Run) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.each[run.cell].tally.without_pass() < KEPT_MAX
    }

    /// Counts a run and tells what came of it. None of it is left where it is only counted.
    pub(super) fn take(&self, run: &Run, mut entry: Entry) -> Option<Entry> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { each, line } = &mut *state;
        let own = &mut each[run.cell];
        match own.tally.without_pass() {
            // The first one is shown with its proofs; the table has those of several brokers.
            0 if !self.is_matrix && entry.exit() != Exit::Passed => self.terminal.entry(&entry),
            0..TOLD_MAX => self.terminal.one_of_many(&entry, &run.label),
            _ if self.is_matrix => self.terminal.one_of_many(&entry, &run.label),
            _ => {}
        }
        own.tally.add(run.turn.into(), entry.exit());
        own.took += entry.duration;
        let has_passed = entry.exit() == Exit::Passed;
        if own.tally.not_begun() == 0 && self.schedule.cells[run.cell].times.is_some() {
            // A single run that did not pass has just been told.
            if has_passed || run.is_repeated {
                self.tell(run.cell, own);
            }
            own.is_told = true;
        }
        let is_listed = !has_passed || own.tally.tried() <= LISTED_MAX;
        own.unlisted += u64::from(!is_listed);
        if let Some(line) = line {
            line.update(self.began.elapsed(), &self.tried(each));
        }
        if has_passed && run.turn > 1 {
            // Of many that pass, the first shows what the others were like.
            (entry.figures, entry.resolved) = (None, None);
        }
        is_listed.then_some(entry)
    }

    fn tell(&self, cell: usize, each: &Each) {
        self.terminal.tally(&self.schedule.cells[cell].name, &each.tally, each.took, "");
    }

    fn tried(&self, each: &[Each]) -> Tried {
        let over = self.began.elapsed();
        let goal = match (self.schedule.time, self.schedule.asked()) {
            (Some(all), _) => Goal::Time { over, all },
            (None, Some(asked)) => Goal::Count(asked),
            (None, None) => Goal::Open,
        };
        let sum = |count: fn(&Tally) -> u64| each.iter().map(|own| count(&own.tally)).sum();
        Tried { noun: "run", done: sum(Tally::tried), goal, without_pass: sum(Tally::without_pass) }
    }

    /// What all of them came to, told where it was not yet; those alone that were begun and are repeated.
    pub(super) fn end(
        self,
        is_interrupted: bool,
        word_of: impl Fn(&Cell) -> String,
    ) -> Vec<Repetition> {
        let mut state = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            // Off the screen before the result is on it.
            drop(state.line.take());
            std::mem::take(&mut state.each)
        };
        let mut repetitions = Vec::new();
        for (place, own) in state.iter_mut().enumerate() {
            let cell = &self.schedule.cells[place];
            if own.tally.tried() == 0 {
                continue;
            }
            if !own.is_told {
                own.tally.is_interrupted = is_interrupted;
                self.tell(place, own);
            }
            if cell.is_repeated() {
                let (name, on) = (cell.plan.scenario.name.clone(), word_of(cell));
                let (tally, unlisted) = (own.tally.clone(), own.unlisted);
                repetitions.push(Repetition { name, on, tally, unlisted });
            }
        }
        repetitions
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::check::{Judgement, Verdict};
    use crate::figures::Figures;
    use crate::fixture;
    use crate::report::terminal::Detail;

    fn schedule(times: Option<u32>) -> Schedule {
        let (_folder, plan) = fixture::plan(fixture::SMALL, fixture::SMALL_LOGS);
        let name = "small".to_owned();
        let cell = Cell { plan: Arc::new(plan), chosen: 0, place: name.clone(), name, times };
        let is_over = AtomicBool::new(false);
        Schedule { cells: vec![cell], time: None, is_over_at_first: false, is_over }
    }

    fn entry(verdict: Verdict) -> Entry {
        let (violations, allowed, inconclusive) = Default::default();
        Entry {
            judgement: Some(Judgement { verdict, violations, allowed, inconclusive }),
            figures: Some(Figures::default()),
            ..Entry::default()
        }
    }

    #[test]
    fn of_hours_of_runs_a_report_holds_no_more_than_so_many_and_counts_all() {
        let (schedule, terminal) = (schedule(None), Terminal::new(|_| None, Detail::default()));
        let repetitions = Repetitions::new(&schedule, false, &terminal);
        let (_, interrupt) = crate::trial::Interrupt::new();
        let mut listed = Vec::new();
        for run in schedule.runs(&interrupt).take(10_050) {
            listed.extend(repetitions.take(&run, entry(Verdict::Pass)));
        }
        assert_eq!(listed.len(), 10_000);
        let figures = listed.iter().filter(|entry| entry.figures.is_some()).count();
        assert_eq!(figures, 1, "of the first run alone");
        let all = repetitions.end(false, |_| "memory".to_owned());
        assert_eq!((all[0].tally.passed, all[0].unlisted), (10_050, 50));
    }

    #[test]
    fn what_fails_is_always_listed_and_leaves_its_evidence_until_there_is_enough() {
        let (schedule, terminal) =
            (schedule(Some(130)), Terminal::new(|_| None, Detail::default()));
        let repetitions = Repetitions::new(&schedule, false, &terminal);
        let (_, interrupt) = crate::trial::Interrupt::new();
        let (mut kept, mut listed) = (0, 0);
        for run in schedule.runs(&interrupt) {
            kept += u64::from(repetitions.keeps_evidence(&run));
            listed += u64::from(repetitions.take(&run, entry(Verdict::Fail)).is_some());
        }
        assert_eq!((kept, listed), (100, 130));
        let all = repetitions.end(false, |_| "memory".to_owned());
        assert_eq!(all[0].tally.to_string(), "0 of 130 runs passed, 130 failed");
    }
}
