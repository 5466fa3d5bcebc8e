//! Which run comes next: every scenario once, and all of them again in the next round, until there are
//! enough. In rounds, each has been run when time is over or the first one fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::super::folder;
use super::one::Run;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::report::Entry;
use crate::trial::Interrupt;

/// A scenario on a broker: what has a place in the table.
pub(super) struct Cell {
    /// What is run.
    pub(super) plan: Arc<Plan>,
    /// On which of the chosen brokers.
    pub(super) chosen: usize,
    /// The scenario, and the broker where several were named.
    pub(super) name: String,
    /// The folder of the first run's logs, below that of all.
    pub(super) place: String,
    /// So many runs are wanted; none where something else ends them.
    pub(super) times: Option<u32>,
}

/// All runs of a call.
pub(super) struct Schedule {
    /// In the order of the selection, one broker after the other.
    pub(super) cells: Vec<Cell>,
    /// How long new rounds are begun.
    pub(super) time: Option<Duration>,
    /// Whether nothing more is begun once a run did not pass.
    pub(super) is_over_at_first: bool,
    /// Whether that has come.
    pub(super) is_over: AtomicBool,
}

impl Cell {
    /// Whether there may be several runs.
    pub(super) fn is_repeated(&self) -> bool {
        self.times != Some(1)
    }

    fn run(&self, cell: usize, turn: u32) -> Run {
        let label = match self.times {
            Some(1) => self.name.clone(),
            Some(times) => format!("{}, run {turn} of {times}", self.name),
            None => format!("{}, run {turn}", self.name),
        };
        let place = match turn {
            1 => self.place.clone(),
            turn => format!("{}/{}", self.place, folder::of_turn(turn)),
        };
        let (plan, is_repeated) = (Arc::clone(&self.plan), self.is_repeated());
        Run { plan, chosen: self.chosen, cell, label, place, turn, is_repeated }
    }
}

impl Schedule {
    /// The runs, each when it is asked for. Of every scenario there is at least one, however little time
    /// there is.
    pub(super) fn runs<'a>(&'a self, interrupt: &'a Interrupt) -> impl Iterator<Item = Run> + 'a {
        let rounds = self.cells.iter().map(|cell| cell.times.unwrap_or(u32::MAX)).max();
        let end = self.time.map(|time| Instant::now() + time);
        let goes_on = move |turn: u32| {
            let has_time = turn == 1 || end.is_none_or(|end| Instant::now() < end);
            has_time && !interrupt.is_triggered() && !self.is_over.load(Ordering::Relaxed)
        };
        (1..=rounds.unwrap_or_default())
            .flat_map(|turn| self.cells.iter().enumerate().map(move |cell| (turn, cell)))
            .filter(|(turn, (_, cell))| cell.times.is_none_or(|times| *turn <= times))
            .take_while(move |(turn, _)| goes_on(*turn))
            .map(|(turn, (place, cell))| cell.run(place, turn))
    }

    /// Takes note of how a run ended.
    pub(super) fn note(&self, entry: &Entry) {
        if self.is_over_at_first && entry.exit() != Exit::Passed {
            self.is_over.store(true, Ordering::Relaxed);
        }
    }

    /// How many runs were asked for, where all of them are counted.
    pub(super) fn asked(&self) -> Option<u64> {
        self.cells.iter().map(|cell| cell.times.map(u64::from)).sum()
    }
}
