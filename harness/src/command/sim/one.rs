//! Each scenario once, with everything that `harness run` writes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::super::conclude::{Outputs, conclude};
use super::super::run::{self, Refused, output};
use super::super::streams;
use super::crew::{self, End, Next};
use super::{Arguments, mode, scenarios};
use crate::exit::Exit;
use crate::golden::{self, Mode};
use crate::history::json::digest;
use crate::plan::Plan;
use crate::report::terminal::Terminal;
use crate::report::words::shell;
use crate::report::{Entry, Report, Trouble};
use crate::scenario::{Scenario, Source};
use crate::trial::{Simulation, Trial, simulate};

/// A plan, and whether its run is compared with a golden file.
type Planned = (Arc<Plan>, Option<Mode>);

/// Runs each scenario with its seed.
pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<Exit, Refused> {
    let mode = mode()?;
    let (scenarios, skipped) = scenarios(arguments)?;
    let plans: Vec<Planned> = scenarios
        .into_iter()
        .map(|scenario| planned(scenario, arguments.seed, mode))
        .collect::<Result<_, _>>()?;
    for (plan, _) in &plans {
        let folder = arguments.out.join(&plan.scenario.name);
        output::prepare_folder(&folder).map_err(Refused::usage)?;
    }
    let history = arguments.history.as_deref().map(output::create_file).transpose();
    let history = history.map_err(Refused::usage)?;
    let output = arguments.reports.open(run::variable).map_err(Refused::usage)?;

    let stop = Arc::new(AtomicBool::new(false));
    let simulation = Simulation { bug: arguments.bug, out: None, stop: Arc::clone(&stop) };
    let count = plans.len();
    let work = {
        let arguments = arguments.clone();
        move |place| {
            let (plan, mode) = plans.get(usize::try_from(place).ok()?)?;
            let outputs = Outputs {
                history: arguments.history.as_deref().zip(history.as_ref()),
                golden: mode.map(|mode| (arguments.golden.as_path(), mode)),
            };
            Some(one(plan, &arguments, simulation.clone(), &outputs))
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
    match crew::work(1, &stop, work, take) {
        Ok(End::Done) => {}
        Ok(End::Insisted) => return Ok(Exit::Interrupted),
        Err(error) => return Err(crew::refused(&error)),
    }
    terminal.end(&report);
    let mut exit = report.exit();
    if report.entries.len() < count {
        exit = exit.and(Exit::NoVerdict);
    }
    match output.write(&report) {
        Ok(()) => Ok(exit),
        Err(text) => {
            streams::tell(&format!("error: {text}"));
            Ok(exit.and(Exit::Usage))
        }
    }
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
    let plan = Plan::new(scenario).map_err(|error| run::rendered(&error))?;
    Ok((Arc::new(plan), compares.then_some(mode)))
}

fn one(
    plan: &Arc<Plan>,
    arguments: &Arguments,
    simulation: Simulation,
    outputs: &Outputs<'_>,
) -> (Entry, Option<u64>) {
    let logs = arguments.out.join(&plan.scenario.name);
    let simulated = simulate(plan, &Simulation { out: Some(logs.clone()), ..simulation });
    let (mut entry, trial) = entry(plan, arguments, simulated);
    let digest = trial.map(|trial| {
        entry.logs = Some(logs);
        conclude(&mut entry, plan, &trial, outputs);
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
    entry.reproduce = Some(reproduce(plan, arguments));
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

/// The command line that makes the same run again.
fn reproduce(plan: &Plan, arguments: &Arguments) -> String {
    let file = shell(&plan.scenario.file.to_string_lossy()).into_owned();
    let mut words = vec![format!("harness sim {file} --seed {}", plan.scenario.seed)];
    if let Some(store) = &arguments.store {
        words.push(format!("--store {}", shell(store)));
    }
    if let Some(bug) = arguments.bug {
        words.push(format!("--bug {bug}"));
    }
    for (flag, folder, usual) in [
        ("--out", &arguments.out, run::DEFAULT_OUT),
        ("--golden", &arguments.golden, golden::DEFAULT_FOLDER),
    ] {
        if folder != Path::new(usual) {
            words.push(format!("{flag} {}", shell(&folder.to_string_lossy())));
        }
    }
    words.join(" ")
}
