//! Many seeds of each scenario: which do not pass, and how fast it went.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::super::conclude::conclude;
use super::super::refused::Refused;
use super::super::{outputs, streams};
use super::arguments::Arguments;
use super::one::entry;
use super::seeds::Seeds;
use super::workers::{self, End, Next};
use crate::exit::Exit;
use crate::history::json::digest;
use crate::plan::Plan;
use crate::report::progress::Tried;
use crate::report::sentence::sentence;
use crate::report::terminal::Terminal;
use crate::report::words::{count, number, time};
use crate::report::{Entry, Report};
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
#[derive(Default)]
struct Tally {
    runs: u64,
    passed: u64,
    failed: u64,
    without_verdict: u64,
    interrupted: u64,
    /// On the simulated clock.
    simulated: Duration,
    /// The failure of the least seed, or else what has no verdict.
    first: Option<Run>,
    exit: Option<Exit>,
}

/// Sweeps each scenario.
pub(super) fn run(
    arguments: &Arguments,
    seeds: Seeds,
    terminal: &Terminal,
) -> Result<Exit, Refused> {
    let (scenarios, skipped) = arguments.scenarios()?;
    let reports = arguments.outputs.open_reports()?;
    let mut report = Report { skipped, ..Report::default() };
    let mut exit = Exit::Passed;
    for scenario in scenarios {
        let swept = sweep(arguments, seeds, &scenario, terminal)?;
        let Some(tally) = swept else { return Ok(Exit::Interrupted) };
        exit = exit.and(tally.exit.unwrap_or(Exit::NoVerdict));
        report.duration += tally.simulated;
        report.entries.extend(tally.first.map(|run| run.entry));
        if exit == Exit::Interrupted {
            break;
        }
    }
    Ok(outputs::end(reports, &report, exit))
}

/// None after a second interrupt.
fn sweep(
    arguments: &Arguments,
    seeds: Seeds,
    scenario: &Scenario,
    terminal: &Terminal,
) -> Result<Option<Tally>, Refused> {
    // What is wrong with the logs is told once and not by every seed.
    Plan::new(scenario.clone()).map_err(|error| Refused::scenario(&error))?;
    let stop = Arc::new(AtomicBool::new(false));
    let simulation =
        Simulation { bug: arguments.bug, stop: Arc::clone(&stop), ..Simulation::default() };
    let work = {
        let (arguments, scenario) = (arguments.clone(), scenario.clone());
        move |place| Some(one(&scenario, seeds.at(place)?, &arguments, &simulation))
    };
    let mut tally = Tally::default();
    // A line of its own for each run says enough of how far it is.
    let mut line = (!arguments.digest).then(|| terminal.progress(&scenario.name));
    if let Some(line) = &mut line {
        line.update(Duration::ZERO, &Tried { all: seeds.count(), ..Tried::default() });
    }
    let began = Instant::now();
    let take = |_, run: Run| {
        if arguments.digest {
            let digest = run.digest.map_or_else(String::new, |digest| format!("{digest:016x}"));
            // The reader may be gone; the exit code still says the result.
            let _ = streams::print(&format!("{} {} {digest}\n", scenario.name, run.seed));
        }
        let next = tally.take(run, arguments.collect, terminal);
        if let Some(line) = &mut line {
            let without_pass = tally.failed + tally.without_verdict;
            let tried = Tried { seeds: tally.runs, all: seeds.count(), without_pass };
            line.update(began.elapsed(), &tried);
        }
        next
    };
    let jobs = arguments.jobs.or_else(|| std::thread::available_parallelism().ok());
    let end = workers::work(jobs.map_or(1, std::num::NonZero::get), &stop, work, take);
    // Off the screen before the result is on it.
    drop(line);
    match end.map_err(|error| workers::refused(&error))? {
        End::InterruptedTwice => return Ok(None),
        End::Done => {}
    }
    tally.conclude(stop.load(Ordering::Relaxed));
    if let Some(run) = &tally.first {
        terminal.entry(&run.entry);
    }
    streams::tell(&tally.line(scenario, seeds, began.elapsed()));
    Ok(Some(tally))
}

fn one(scenario: &Scenario, seed: u64, arguments: &Arguments, simulation: &Simulation) -> Run {
    let mut scenario = scenario.clone();
    scenario.seed = seed;
    let plan = match Plan::new(scenario) {
        Ok(plan) => Arc::new(plan),
        Err(error) => {
            // It could be planned a moment ago: the logs have changed since.
            let mut entry =
                Entry::failed(&arguments.selection.paths[0], Exit::Usage, error.render(false));
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

impl Tally {
    fn take(&mut self, run: Run, collect: bool, terminal: &Terminal) -> Next {
        self.runs += 1;
        self.simulated += run.entry.duration;
        let exit = run.entry.exit();
        self.exit = Some(self.exit.map_or(exit, |before| before.and(exit)));
        let counter = match exit {
            Exit::Passed => &mut self.passed,
            Exit::Interrupted => &mut self.interrupted,
            Exit::NoVerdict | Exit::NothingSelected => &mut self.without_verdict,
            Exit::Failed | Exit::Usage => &mut self.failed,
        };
        *counter += 1;
        if matches!(exit, Exit::Passed | Exit::Interrupted) {
            return Next::GoOn;
        }
        if collect && self.failed + self.without_verdict <= NAMED_MAX {
            terminal.line(&format!("seed {}: {}", run.seed, sentence(&run.entry)));
        }
        // The least seed of the gravest kind, whichever thread was quicker.
        let rank = |run: &Run| (run.entry.exit() == Exit::NoVerdict, run.seed);
        let is_first = self.first.as_ref().is_none_or(|first| rank(&run) < rank(first));
        if is_first {
            self.first = Some(run);
        }
        // Without a verdict nothing is proven, and the next seed may prove something.
        if collect || self.failed == 0 { Next::GoOn } else { Next::Stop }
    }

    fn conclude(&mut self, interrupted: bool) {
        if interrupted {
            let exit = self.exit.unwrap_or(Exit::Interrupted);
            self.exit = Some(exit.and(Exit::Interrupted));
        }
    }

    /// `2p2c: seeds 1..1000: 1,000 passed  in 3.20 s: 312 runs/s, 400 s of simulated time a second`
    fn line(&self, scenario: &Scenario, seeds: Seeds, took: Duration) -> String {
        let mut parts = Vec::new();
        for (count, words) in [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.without_verdict, "without a verdict"),
            (self.interrupted, "interrupted"),
        ] {
            if count > 0 {
                parts.push(format!("{} {words}", number(count)));
            }
        }
        let seconds = took.as_secs_f64().max(1e-9);
        #[expect(clippy::cast_possible_truncation, reason = "a rate for people")]
        #[expect(clippy::cast_sign_loss, reason = "a rate is not negative")]
        let per_second = |value: f64| number((value / seconds).round() as u64);
        format!(
            "{}: {} of {seeds}: {}  in {}: {} runs/s, {} s of simulated time a second",
            scenario.name,
            count(self.runs, "seed"),
            parts.join(", "),
            time(took),
            per_second(self.runs as f64),
            per_second(self.simulated.as_secs_f64()),
        )
    }
}
