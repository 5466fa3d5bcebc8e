//! Many seeds of each scenario: which do not pass, and how fast it went.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::super::conclude::conclude;
use super::super::last::{Last, NotBegun};
use super::super::refused::Refused;
use super::super::selection::plans;
use super::super::{reporting, streams};
use super::arguments::Arguments;
use super::one::entry;
use super::seeds::Seeds;
use super::workers::{self, Interrupts, Next};
use crate::exit::Exit;
use crate::history::json::digest;
use crate::plan::Plan;
use crate::report::progress::{Goal, Tried};
use crate::report::sentence::sentence;
use crate::report::terminal::Terminal;
use crate::report::words::number;
use crate::report::{Entry, Of, Report, Tally, Trouble};
use crate::scenario::Scenario;
use crate::trial::{Simulation, simulate};

/// So many seeds without a pass are named with their reason when all are tried.
const NAMED_MAX: u64 = 20;

/// One run of a sweep.
struct Run {
    seed: u64,
    entry: Entry,
    digest: Option<u64>,
}

/// What a sweep of one scenario came to.
struct Sweep {
    tally: Tally,
    /// On the simulated clock.
    simulated: Duration,
    /// The failure of the least seed, or else what has no verdict.
    first: Option<Run>,
}

/// Sweeps each scenario.
pub(super) fn run(
    arguments: &Arguments,
    seeds: Seeds,
    terminal: &Terminal,
    report: &mut Report,
) -> Result<(), Refused> {
    let last = arguments.last()?;
    let scenarios = arguments.scenarios(last.as_ref(), &mut report.skipped)?;
    // What is wrong with the logs is told once and before any seed is tried.
    plans(scenarios.clone())?;
    let interrupts = Interrupts::listen().map_err(|error| workers::refused(&error))?;
    let mut is_over = false;
    let mut waiting = scenarios.iter();
    while !is_over && !interrupts.stop.load(Ordering::Relaxed) {
        let Some(scenario) = waiting.next() else { break };
        let entry = sweep(arguments, seeds, scenario, &interrupts, terminal)?;
        is_over = arguments.fail_fast && entry.exit() != Exit::Passed;
        report.entries.push(entry);
    }
    let not_begun: Vec<_> = waiting.map(NotBegun::of).collect();
    Last::keep(&arguments.outputs.out, report, &not_begun, last.as_ref());
    if is_over && !interrupts.stop.load(Ordering::Relaxed) {
        reporting::stopped_by("--fail-fast", &not_begun, report);
    } else {
        let missing = not_begun.len() as u64;
        report.trouble = reporting::not_begun(missing, "scenario", Exit::Interrupted);
    }
    Ok(())
}

/// The entry of a scenario: how its seeds ended, and the first run that did not pass.
fn sweep(
    arguments: &Arguments,
    seeds: Seeds,
    scenario: &Scenario,
    interrupts: &Interrupts,
    terminal: &Terminal,
) -> Result<Entry, Refused> {
    let stop = &interrupts.stop;
    let simulation = arguments.simulation(stop);
    let work = {
        let (arguments, scenario) = (arguments.clone(), scenario.clone());
        move |place| Some(one(&scenario, seeds.at(place)?, &arguments, &simulation))
    };
    let of = Of::Seeds { first: seeds.first, last: seeds.last };
    let mut sweep = Sweep { tally: Tally::new(of), simulated: Duration::ZERO, first: None };
    let mut is_stopped = false;
    // A line of its own for each run says enough of how far it is.
    let mut line = (!arguments.digest).then(|| terminal.progress(&scenario.name));
    if let Some(line) = &mut line {
        line.update(Duration::ZERO, &sweep.tried(seeds));
    }
    let began = Instant::now();
    let take = |_, run: Run| {
        if arguments.digest {
            let digest = run.digest.map_or_else(String::new, |digest| format!("{digest:016x}"));
            // The reader may be gone; the exit code still says the result.
            let _ = streams::print(&format!("{} {} {digest}\n", scenario.name, run.seed));
        }
        let next = sweep.take(run, arguments.collect, terminal);
        is_stopped |= next == Next::Stop;
        if let Some(line) = &mut line {
            line.update(began.elapsed(), &sweep.tried(seeds));
        }
        next
    };
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok());
    let end = workers::work(jobs.map_or(1, std::num::NonZero::get), interrupts, work, take);
    // Off the screen before the result is on it.
    drop(line);
    // Ended at once or not, what the seeds came to is known.
    end.map_err(|error| workers::refused(&error))?;
    let took = began.elapsed();
    sweep.tally.is_interrupted = stop.load(Ordering::Relaxed);
    let due = if is_stopped || sweep.tally.is_interrupted { 0 } else { seeds.count() };
    sweep.tally.is_incomplete = sweep.tally.tried() < due;
    if let Some(run) = &sweep.first {
        terminal.entry(&run.entry);
    }
    terminal.tally(&scenario.name, &sweep.tally, took, &sweep.speed(took));
    Ok(sweep.entry(scenario, took))
}

fn one(scenario: &Scenario, seed: u64, arguments: &Arguments, simulation: &Simulation) -> Run {
    let (file, mut scenario) = (scenario.file.clone(), scenario.clone());
    scenario.seed = seed;
    let plan = match Plan::new(scenario) {
        Ok(plan) => Arc::new(plan),
        Err(error) => {
            // It could be planned a moment ago: the logs have changed since.
            let mut entry = Entry::failed(&file, Exit::Usage, error.render(false));
            entry.seed = Some(seed);
            return Run { seed, entry, digest: None };
        }
    };
    let (mut entry, trial) = entry(&plan, arguments, simulate(&plan, simulation));
    let mut hash = None;
    if let Some(trial) = trial {
        conclude(&mut entry, &plan, &trial, None, None);
        hash = arguments.digest.then(|| digest(&plan, &trial.history));
    }
    Run { seed, entry, digest: hash }
}

impl Sweep {
    fn take(&mut self, run: Run, collect: bool, terminal: &Terminal) -> Next {
        self.simulated += run.entry.simulated.unwrap_or_default();
        let exit = run.entry.exit();
        self.tally.add(run.seed, exit);
        if matches!(exit, Exit::Passed | Exit::Interrupted) {
            return Next::GoOn;
        }
        if collect && self.tally.without_pass() <= NAMED_MAX {
            terminal.line(&format!("seed {}: {}", run.seed, sentence(&run.entry)));
        }
        // Without a verdict nothing is proven, and the next seed may prove something.
        let next = if collect || self.tally.failing.is_empty() { Next::GoOn } else { Next::Stop };
        // The least seed of the gravest kind, whichever thread was quicker.
        let rank = |run: &Run| (run.entry.exit() == Exit::NoVerdict, run.seed);
        let is_first = self.first.as_ref().is_none_or(|first| rank(&run) < rank(first));
        if is_first {
            self.first = Some(run);
        }
        next
    }

    /// What the bar shows.
    fn tried(&self, seeds: Seeds) -> Tried {
        let (done, without_pass) = (self.tally.tried(), self.tally.without_pass());
        Tried { noun: "seed", done, goal: Goal::Count(seeds.count()), without_pass }
    }

    /// About the first run that did not pass, if there is one, and else about all of them.
    fn entry(self, scenario: &Scenario, took: Duration) -> Entry {
        let Self { tally, simulated, first } = self;
        let plain = || Entry { seed: None, ..Entry::new(scenario) };
        let mut entry = first.map_or_else(plain, |run| run.entry);
        if tally.is_incomplete && entry.trouble.is_none() {
            let text = format!("a thread crashed: no more than {tally}");
            entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text });
        }
        entry.interrupted |= tally.exit() == Exit::Interrupted;
        Entry { duration: took, simulated: Some(simulated), sweep: Some(tally), ..entry }
    }

    /// `: 312 runs/s, 400 s of simulated time a second`.
    fn speed(&self, took: Duration) -> String {
        let seconds = took.as_secs_f64().max(1e-9);
        #[expect(clippy::cast_possible_truncation, reason = "a rate for people")]
        #[expect(clippy::cast_sign_loss, reason = "a rate is not negative")]
        let per_second = |value: f64| number((value / seconds).round() as u64);
        format!(
            ": {} runs/s, {} s of simulated time a second",
            per_second(self.tally.tried() as f64),
            per_second(self.simulated.as_secs_f64()),
        )
    }
}
