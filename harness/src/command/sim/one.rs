//! Each scenario once, with everything that `harness run` writes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::conclude::conclude;
use super::super::outputs::{self, HistoryFile};
use super::super::refused::Refused;
use super::super::reproduce::reproduce;
use super::super::streams;
use super::arguments::Arguments;
use super::workers::{self, End, Next};
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
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<Exit, Refused> {
    let mode = outputs::mode()?;
    let (scenarios, skipped) = arguments.scenarios()?;
    let plans: Vec<Planned> = scenarios
        .into_iter()
        .map(|scenario| planned(scenario, arguments.seed, mode))
        .collect::<Result<_, _>>()?;
    for (plan, _) in &plans {
        if let (_, Some(note)) = arguments.outputs.log_format(plan) {
            streams::tell(&note);
        }
    }
    let names = plans.iter().map(|(plan, _)| plan.scenario.name.as_str());
    let (history, reports) = arguments.outputs.open(names)?;

    let stop = Arc::new(AtomicBool::new(false));
    let simulation =
        Simulation { bug: arguments.bug, stop: Arc::clone(&stop), ..Simulation::default() };
    let count = plans.len();
    let work = {
        let arguments = arguments.clone();
        move |place| {
            let planned = plans.get(usize::try_from(place).ok()?)?;
            Some(one(planned, &arguments, simulation.clone(), history.as_ref()))
        }
    };
    let mut report = Report { skipped, ..Report::default() };
    let take = |_, (entry, digest): (Entry, Option<u64>)| {
        terminal.entry(&entry);
        if let Some(digest) = digest {
            streams::tell(&format!("      {:9}  {digest:016x}", "digest"));
        }
        report.duration += entry.duration;
        report.entries.push(entry);
        Next::GoOn
    };
    match workers::work(1, &stop, work, take) {
        Ok(End::Done) => {}
        Ok(End::InterruptedTwice) => return Ok(Exit::Interrupted),
        Err(error) => return Err(workers::refused(&error)),
    }
    terminal.end(&report);
    let mut exit = report.exit();
    if report.entries.len() < count {
        exit = exit.and(Exit::NoVerdict);
    }
    Ok(outputs::end(reports, &report, exit))
}

/// The plan with the seed. A golden file is of the scenario's own seed, so with another one it is
/// left alone where messages are made up.
fn planned(
    mut scenario: Scenario,
    seed: Option<u64>,
    mode: Mode,
) -> Result<(Arc<Plan>, Option<Mode>), Refused> {
    let own = seed.is_none_or(|seed| seed == scenario.seed);
    let made_up = |source: &Source| matches!(source, Source::Generate { .. });
    let compares = own || !scenario.producers.iter().any(|producer| made_up(&producer.source));
    scenario.seed = seed.unwrap_or(scenario.seed);
    let plan = Plan::new(scenario).map_err(|error| Refused::scenario(&error))?;
    Ok((Arc::new(plan), compares.then_some(mode)))
}

fn one(
    (plan, mode): &Planned,
    arguments: &Arguments,
    simulation: Simulation,
    history: Option<&HistoryFile>,
) -> (Entry, Option<u64>) {
    let logs = arguments.outputs.logs(&plan.scenario.name);
    let (log_format, _) = arguments.outputs.log_format(plan);
    let simulated =
        simulate(plan, &Simulation { out: Some(logs.clone()), log_format, ..simulation });
    let (mut entry, trial) = entry(plan, arguments, simulated);
    let digest = trial.map(|trial| {
        entry.logs = Some(logs);
        let golden = mode.map(|mode| (arguments.outputs.golden.as_path(), mode));
        conclude(&mut entry, plan, &trial, history, golden);
        digest(plan, &trial.history)
    });
    (entry, digest)
}

/// The entry of a simulated run, not yet concluded.
pub(super) fn entry(
    plan: &Plan,
    arguments: &Arguments,
    simulated: Result<(Trial, Duration), crate::trial::Failure>,
) -> (Entry, Option<Trial>) {
    let mut entry = Entry::new(&plan.scenario);
    entry.reproduce = Some(reproduce(
        "sim",
        plan,
        &[
            ("--seed", Some(plan.scenario.seed.to_string())),
            ("--store", arguments.store.clone()),
            ("--bug", arguments.bug.map(|bug| bug.to_string())),
        ],
        &arguments.outputs,
    ));
    match simulated {
        Ok((trial, took)) => {
            // On the simulated clock, as everything that is reported.
            entry.duration = took;
            (entry, Some(trial))
        }
        Err(failure) => {
            entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: failure.0 });
            (entry, None)
        }
    }
}
