//! `harness shrink`: from a seed that fails to a scenario that a person can read.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;

use super::refused::{self, Refused};
use super::selection::whole;
use super::sim::workers::{self, End, Interrupts, Next};
use super::{broker_choice, streams};
use crate::bugs::Bug;
use crate::diagram;
use crate::exit::Exit;
use crate::io_error;
use crate::plan::Plan;
use crate::report::words::{self, count};
use crate::scenario;
use crate::shell::shell;
use crate::shrink::case::Case;
use crate::shrink::{self, Failing, Settings, Shrunk, Way, write};
use crate::trial::Simulation;

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
What is written is a scenario of its own: `harness sim DIR/NAME.yaml` fails in the same way. Commit
the folder as a regression test once the bug is fixed.

Exit codes:
    0  a smaller scenario was written
    2  the command line or the scenario is invalid
    3  the run does not fail with this seed, so there is nothing to shrink
  130  interrupted; the smallest scenario so far was written, if the run was seen to fail";

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The scenario
    pub file: PathBuf,

    /// A seed with which its simulation fails; by default the scenario's own
    #[arg(long, value_name = "SEED", value_parser = whole)]
    pub seed: Option<u64>,

    /// The bug to simulate with, as of `harness sim`
    #[arg(long, value_name = "NAME")]
    pub bug: Option<Bug>,

    /// Our own broker on this store, memory or mysql, whatever the scenario says
    #[arg(long, value_name = "BROKER")]
    pub on: Vec<String>,

    /// Folder for what comes out; by default shrunk/NAME
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Other seeds to try where something smaller passes with the seed at hand
    #[arg(long, value_name = "COUNT", default_value = "20", value_parser = whole)]
    pub seeds: u64,

    /// Stop looking for something smaller after this time
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = broker_choice::time)]
    pub limit: Duration,
}

/// Carries it out.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    refused::exit(carry_out(arguments))
}

fn carry_out(arguments: &Arguments) -> Result<Exit, Refused> {
    let mut selected =
        vec![scenario::load(&arguments.file).map_err(|error| Refused::scenario(&error))?];
    broker_choice::choose_simulated(
        &arguments.on,
        arguments.bug.is_some(),
        &mut selected,
        &mut Vec::new(),
    )?;
    let mut scenario = selected.remove(0);
    scenario.seed = arguments.seed.unwrap_or(scenario.seed);
    let seed = scenario.seed;
    let plan = Plan::new(scenario).map_err(|error| Refused::scenario(&error))?;
    let interrupts = Interrupts::listen().map_err(|error| workers::refused(&error))?;
    let stop = Arc::clone(&interrupts.stop);
    let simulation = Simulation { bug: arguments.bug, stop, ..Simulation::default() };
    let settings = Settings { simulation, seeds: arguments.seeds, limit: arguments.limit };

    let began = Instant::now();
    let plan = Arc::new(plan);
    let shrunk = search(Arc::clone(&plan), settings, seed, &interrupts)?;
    let interrupted = interrupts.stop.load(Ordering::Relaxed);
    let Some(shrunk) = shrunk else {
        streams::tell("interrupted before a run failed: nothing is written");
        return Ok(Exit::Interrupted);
    };
    let folder = arguments.out.clone();
    let folder = folder.unwrap_or_else(|| Path::new("shrunk").join(&plan.scenario.name));
    keep(arguments, &plan, &shrunk, &folder)?;
    let tried = format!(
        "{} and {} tried in {}",
        count(shrunk.cases, "scenario"),
        count(shrunk.runs, "run"),
        words::time(began.elapsed())
    );
    let over = match (interrupted, shrunk.out_of_time) {
        (true, _) => "; interrupted, there may be smaller ones",
        (false, true) => "; time was over, there may be smaller ones",
        (false, false) => "",
    };
    streams::tell(&format!("{tried}{over}"));
    Ok(if interrupted { Exit::Interrupted } else { Exit::Passed })
}

/// Searches on a thread, while this one waits for it or for a second Ctrl-C. None where it was
/// stopped before it had anything. No folder for temporary files is left, whatever comes.
fn search(
    plan: Arc<Plan>,
    settings: Settings,
    seed: u64,
    interrupts: &Interrupts,
) -> Result<Option<Shrunk>, Refused> {
    // Made by the thread, when signals are listened to, and removed here: the thread may still be at
    // work.
    let folder = Arc::new(Mutex::new(None::<TempDir>));
    let work = {
        let folder = Arc::clone(&folder);
        move |place| (place == 0).then(|| reduce(&plan, &settings, seed, &folder))
    };
    let mut found = Ok(None);
    let end = workers::work(1, interrupts, work, |_, shrunk| {
        found = shrunk;
        Next::Stop
    });
    drop(folder.lock().unwrap_or_else(PoisonError::into_inner).take());
    match end.map_err(|error| workers::refused(&error))? {
        End::InterruptedTwice => Err(Refused::told(Exit::Interrupted)),
        End::Done if matches!(found, Ok(None)) && !interrupts.stop.load(Ordering::Relaxed) => {
            Err(Refused::no_verdict("the search crashed"))
        }
        End::Done => found,
    }
}

/// Finds the run that fails, and reduces it.
fn reduce(
    plan: &Plan,
    settings: &Settings,
    seed: u64,
    temporary: &Mutex<Option<TempDir>>,
) -> Result<Option<Shrunk>, Refused> {
    let folder = tempfile::Builder::new().prefix("harness-").tempdir();
    let folder = folder.map_err(|error| {
        let why = io_error::reason(&error);
        Refused::no_verdict(format_args!("cannot make a folder for temporary files: {why}"))
    })?;
    let path = folder.path().to_owned();
    temporary.lock().unwrap_or_else(PoisonError::into_inner).replace(folder);
    let Some((failing, way)) = first(plan, settings, seed, &path)? else { return Ok(None) };
    let before = size(&failing.case);
    let mut tell = |case: &Case| streams::tell(&format!("      {}", size(case)));
    streams::tell(&format!("{}, seed {seed}: {}: {before}", plan.scenario.name, kinds(&way)));
    Ok(Some(shrink::shrink(failing, &way, settings, &path, &mut tell)))
}

/// The run that fails: what the files of the whole case do, which is what is reduced. None where it
/// was stopped before.
fn first(
    plan: &Plan,
    settings: &Settings,
    seed: u64,
    folder: &Path,
) -> Result<Option<(Failing, Way)>, Refused> {
    // Payloads are spelt out and paces written down, which can make another run of a seed.
    for other in std::iter::once(seed).chain(1..=settings.seeds) {
        let case = Case { seed: other, ..Case::new(plan) };
        let ran = shrink::run(case, folder, &settings.simulation);
        if settings.simulation.stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let failing = ran.map_err(Refused::no_verdict)?;
        if let Some(way) = Way::of(&failing.trial) {
            return Ok(Some((failing, way)));
        }
    }
    let file = plan.scenario.file.display();
    Err(Refused::no_verdict(format!(
        "{file} does not fail with seed {seed}; find one that does with `harness sim {file} --seeds 1..1000`"
    )))
}

/// Writes the files, and shows the run.
fn keep(arguments: &Arguments, plan: &Plan, shrunk: &Shrunk, folder: &Path) -> Result<(), Refused> {
    let Failing { case, plan: small, trial } = &shrunk.failing;
    let cannot = |error: std::io::Error| {
        let why = io_error::reason(&error);
        Refused::usage(format_args!("--out: {} cannot be written: {why}", folder.display()))
    };
    fs::create_dir_all(folder).map_err(cannot)?;
    let bug = arguments.bug.map(|bug| format!(" --bug {bug}")).unwrap_or_default();
    let file = folder.join(format!("{}.yaml", case.scenario.name));
    let command = format!("harness sim {}{bug}", shell(&file.to_string_lossy()));
    let drawn = diagram::of(small, &trial.history).to_text();
    let found: Vec<&str> = trial
        .judgement
        .violations
        .iter()
        .flat_map(|finding| finding.proofs.iter().map(|proof| proof.title.as_str()))
        .collect();
    let comment = format!(
        "Shrunk from {}, seed {}. Run it: {command}\n\n{drawn}\n{}",
        plan.scenario.file.display(),
        plan.scenario.seed,
        found.join("\n"),
    );
    write::write(case, folder, &comment).map_err(cannot)?;
    let shown =
        format!("\n{drawn}\n{}\n\n{}\n", found.join("\n"), write::yaml(case, "").trim_end());
    // The reader may be gone; the files are there.
    let _ = streams::print(&shown);
    streams::tell(&format!("\n      written    {}\n      reproduce  {command}", folder.display()));
    Ok(())
}

fn size(case: &Case) -> String {
    format!(
        "{}, {}, {}",
        count(case.actors() as u64, "actor"),
        count(case.messages() as u64, "message"),
        count(case.scenario.faults.len() as u64, "fault"),
    )
}

fn kinds(way: &Way) -> String {
    way.among.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ")
}
