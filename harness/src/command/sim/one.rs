//! Each scenario once, with everything that `harness run` writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::super::conclude::conclude;
use super::super::outputs::{self, Histories};
use super::super::plan::json::value as resolved;
use super::super::refused::Refused;
use super::super::reporting;
use super::super::reproduce::reproduce;
use super::super::selection::plans;
use super::super::{evidence, streams};
use super::arguments::Arguments;
use super::workers::{self, End, Interrupts, Next};
use crate::exit::Exit;
use crate::golden::Mode;
use crate::history::json::digest;
use crate::plan::Plan;
use crate::report::terminal::Terminal;
use crate::report::{Entry, Report, Trouble};
use crate::scenario::{Scenario, Source};
use crate::trial::{Simulation, Trial, simulate};

/// A plan, and whether its run is compared with a golden file.
type Planned = (Arc<Plan>, Option<Mode>);

/// Runs each scenario with its seed.
pub(super) fn run(
    arguments: &Arguments,
    terminal: &Terminal,
    report: &mut Report,
) -> Result<(), Refused> {
    let mode = outputs::mode()?;
    let scenarios = arguments.scenarios(&mut report.skipped)?;
    let plans = planned(scenarios, arguments.seed, mode)?;
    for (plan, _) in &plans {
        if let (_, Some(note)) = arguments.outputs.log_format(plan) {
            streams::tell(&note);
        }
    }
    let names: Vec<_> = plans.iter().map(|(plan, _)| plan.scenario.name.as_str()).collect();
    let folders = arguments.outputs.open(&names, names.len() + report.skipped.len())?;

    let interrupts = Interrupts::listen().map_err(|error| workers::refused(&error))?;
    let stop = Arc::clone(&interrupts.stop);
    let simulation = Simulation { bug: arguments.bug, stop, ..Simulation::default() };
    let count = plans.len();
    let work = {
        let (arguments, histories) = (arguments.clone(), folders.histories.clone());
        move |place| {
            let planned = plans.get(usize::try_from(place).ok()?)?;
            Some(one(planned, &arguments, simulation.clone(), &histories))
        }
    };
    let take = |_, (entry, digest): (Entry, Option<u64>)| {
        terminal.entry(&entry);
        if let Some(digest) = digest {
            streams::tell(&format!("      {:9}  {digest:016x}", "digest"));
        }
        report.entries.push(entry);
        Next::GoOn
    };
    match workers::work(1, &interrupts, work, take) {
        Ok(End::Done) => {}
        Ok(End::InterruptedTwice) => return Err(Refused::told(Exit::Interrupted)),
        Err(error) => return Err(workers::refused(&error)),
    }
    let interrupted = interrupts.stop.load(Ordering::Relaxed);
    let why = if interrupted { Exit::Interrupted } else { Exit::NoVerdict };
    report.trouble = reporting::not_begun(count, report, why);
    Ok(())
}

/// The plans with the seed. A golden file is of the scenario's own seed, so with another one it is
/// left alone where messages are made up.
fn planned(
    mut scenarios: Vec<Scenario>,
    seed: Option<u64>,
    mode: Mode,
) -> Result<Vec<Planned>, Refused> {
    let made_up = |source: &Source| matches!(source, Source::Generate { .. });
    let mut modes = Vec::with_capacity(scenarios.len());
    for scenario in &mut scenarios {
        let own = seed.is_none_or(|seed| seed == scenario.seed);
        let compares = own || !scenario.producers.iter().any(|producer| made_up(&producer.source));
        modes.push(compares.then_some(mode));
        scenario.seed = seed.unwrap_or(scenario.seed);
    }
    Ok(plans(scenarios)?.into_iter().map(Arc::new).zip(modes).collect())
}

fn one(
    (plan, mode): &Planned,
    arguments: &Arguments,
    simulation: Simulation,
    histories: &Histories,
) -> (Entry, Option<u64>) {
    let began = Instant::now();
    let logs = arguments.outputs.logs(&plan.scenario.name);
    let (log_format, _) = arguments.outputs.log_format(plan);
    let simulated =
        simulate(plan, &Simulation { out: Some(logs.clone()), log_format, ..simulation });
    let (mut entry, trial) = entry(plan, arguments, simulated);
    let digest = trial.map(|trial| {
        entry.logs = Some(logs);
        let golden = arguments.outputs.golden(&plan.scenario.file);
        let golden = mode.map(|mode| (golden.as_path(), mode));
        let history = histories.get(&plan.scenario.name);
        conclude(&mut entry, plan, &trial, history, golden);
        evidence::keep(&mut entry, plan, &trial);
        digest(plan, &trial.history)
    });
    entry.duration = began.elapsed();
    (entry, digest)
}

/// The entry of a simulated run, not yet concluded.
pub(super) fn entry(
    plan: &Plan,
    arguments: &Arguments,
    simulated: Result<(Trial, Duration), crate::trial::Failure>,
) -> (Entry, Option<Trial>) {
    let mut entry = Entry { resolved: Some(resolved(plan)), ..Entry::new(&plan.scenario) };
    entry.reproduce = Some(reproduce(
        "sim",
        plan,
        &[
            ("--seed", Some(plan.scenario.seed.to_string())),
            ("--on", arguments.on.first().cloned()),
            ("--bug", arguments.bug.map(|bug| bug.to_string())),
        ],
        &arguments.outputs,
    ));
    match simulated {
        Ok((trial, took)) => {
            entry.simulated = Some(took);
            (entry, Some(trial))
        }
        Err(failure) => {
            entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: failure.0 });
            (entry, None)
        }
    }
}
