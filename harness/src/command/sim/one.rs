//! Each scenario once, with everything that `harness run` writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use humantime::format_duration;
use tokio::time::Instant;

use super::super::conclude::conclude;
use super::super::last::{Last, NotBegun};
use super::super::outputs::{self, Histories};
use super::super::plan::json::value as resolved;
use super::super::refused::Refused;
use super::super::reporting;
use super::super::reproduce::reproduce;
use super::super::selection::{plans, reseed};
use super::super::verbosity::Watched;
use super::super::{evidence, latest, run_file, streams};
use super::arguments::Arguments;
use super::workers::{self, End, Interrupts, Next};
use crate::exit::Exit;
use crate::golden::Mode;
use crate::history::json::digest;
use crate::plan::Plan;
use crate::report::terminal::Terminal;
use crate::report::{Entry, Report, Trouble};
use crate::trial::{Simulation, Trial, simulate};

/// Runs each scenario with its seed.
pub(super) fn run(
    arguments: &Arguments,
    terminal: &Terminal,
    report: &mut Report,
) -> Result<(), Refused> {
    let mode = outputs::mode()?;
    let last = arguments.last()?;
    let mut scenarios = arguments.scenarios(last.as_ref(), &mut report.skipped)?;
    reseed(&mut scenarios, arguments.seed);
    let plans: Vec<Arc<Plan>> = plans(scenarios)?.into_iter().map(Arc::new).collect();
    for plan in &plans {
        if let (_, Some(note)) = arguments.outputs.log_format(plan) {
            streams::tell(&note);
        }
    }
    let names: Vec<_> = plans.iter().map(|plan| plan.scenario.name.as_str()).collect();
    let folders = arguments.outputs.open(&names, names.len() + report.skipped.len())?;

    let interrupts = Interrupts::listen().map_err(|error| workers::refused(&error))?;
    let simulation = arguments.simulation(&interrupts.stop);
    let all = plans.clone();
    let is_over = Arc::new(AtomicBool::new(false));
    let work = {
        let (arguments, histories) = (arguments.clone(), folders.histories.clone());
        let is_over = Arc::clone(&is_over);
        move |place| {
            let plan = all.get(usize::try_from(place).ok()?)?;
            if is_over.load(Ordering::Relaxed) {
                return None;
            }
            let done = one(plan, &arguments, mode, simulation.clone(), &histories);
            let has_passed = done.0.exit() == Exit::Passed;
            is_over.fetch_or(arguments.fail_fast && !has_passed, Ordering::Relaxed);
            Some(done)
        }
    };
    let quiet = arguments.verbosity.quiet;
    let take = |_, (entry, digest, watched): (Entry, Option<u64>, Watched)| {
        watched.show(terminal);
        terminal.entry(&entry);
        let is_told = entry.exit() != Exit::Passed || !quiet;
        if let Some(digest) = digest.filter(|_| is_told) {
            streams::tell(&format!("      {:9}  {digest:016x}", "digest"));
        }
        report.entries.push(entry);
        Next::GoOn
    };
    let end = workers::work(1, &interrupts, work, take);
    let end = end.map_err(|error| workers::refused(&error))?;
    let rest = plans.iter().skip(report.entries.len()).map(|plan| &plan.scenario);
    let not_begun: Vec<_> = rest.map(NotBegun::of).collect();
    Last::keep(&arguments.outputs.out, report, &not_begun, last.as_ref());
    if end == End::InterruptedTwice {
        return Err(Refused::told(Exit::Interrupted));
    }
    latest::point(&arguments.outputs.out, &report.entries);
    let interrupted = interrupts.stop.load(Ordering::Relaxed);
    if is_over.load(Ordering::Relaxed) && !interrupted {
        reporting::stopped_by("--fail-fast", &not_begun, report);
        return Ok(());
    }
    let why = if interrupted { Exit::Interrupted } else { Exit::NoVerdict };
    report.trouble = reporting::not_begun(not_begun.len() as u64, "scenario", why);
    Ok(())
}

fn one(
    plan: &Arc<Plan>,
    arguments: &Arguments,
    mode: Mode,
    simulation: Simulation,
    histories: &Histories,
) -> (Entry, Option<u64>, Watched) {
    let began = Instant::now();
    let logs = arguments.outputs.logs(&plan.scenario.name);
    let (log_format, _) = arguments.outputs.log_format(plan);
    let (watch, watched) = Watched::new(&plan.scenario.name, arguments.verbosity);
    let out = Some(logs.clone());
    let simulated = simulate(plan, &Simulation { out, log_format, watch, ..simulation });
    let (mut entry, trial) = entry(plan, arguments, simulated);
    let digest = trial.map(|trial| {
        entry.logs = Some(logs);
        let golden = arguments.outputs.golden(&plan.scenario.file);
        // What is deleted is not delivered, so the ledger is another one than was reviewed.
        let golden = arguments.retain.is_none().then_some((golden.as_path(), mode));
        let history = histories.get(&plan.scenario.name);
        conclude(&mut entry, plan, &trial, history, golden);
        if golden.is_none() && plan.scenario.golden {
            entry
                .notes
                .push("no golden was compared: with --retain it would be another".to_owned());
        }
        evidence::keep(&mut entry, plan, &trial);
        run_file::keep(&entry);
        digest(plan, &trial.history)
    });
    entry.duration = began.elapsed();
    (entry, digest, watched)
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
            ("--retain", arguments.retain.map(|age| format_duration(age).to_string())),
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
