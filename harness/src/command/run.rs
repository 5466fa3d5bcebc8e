//! `harness run`: scenarios from their files to their verdicts, golden files and reports.

mod arguments;
mod one;
mod repetitions;
mod schedule;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::stream::{self, StreamExt as _};
use tokio::runtime::Runtime;

use self::one::Run;
use self::repetitions::Repetitions;
use self::schedule::{Cell, Schedule};
use super::broker_choice::{Chosen, choose};
use super::last::{Last, NotBegun};
use super::refused::Refused;
use super::reporting::{self, reporting};
use super::selection::{plans, reseed};
use super::sim::workers::End;
use super::{latest, outputs, signals, streams};
use crate::exit::Exit;
use crate::report::terminal::Terminal;
use crate::report::words::count;
use crate::report::{Entry, Report, Skipped};
use crate::scenario::Scenario;
use crate::trial::{Interrupt, Patience};

pub use arguments::Arguments;

/// Carries it out; `harness` is the program to start as broker.
#[must_use]
pub fn main(arguments: &Arguments, harness: &Path) -> Exit {
    let terminal = arguments.verbosity.terminal();
    let baseline = arguments.baseline.read();
    reporting(&arguments.outputs.reports, &terminal, |report| {
        let baseline = baseline?;
        prepare(arguments, harness, report)?.run(&terminal, report)?;
        if let Some(before) = baseline {
            report.comparison = Some(arguments.baseline.compare(&before, report)?);
        }
        Ok(())
    })
}

/// Runs the one scenario that is selected, without signals and without a last line; what keeps it from
/// being run is in the entry. It must be on a broker that runs already: nothing is started.
pub(crate) fn lone(arguments: &Arguments, runtime: &Runtime) -> Entry {
    let file = &arguments.selection.paths[0];
    let prepared = match prepare(arguments, Path::new("harness"), &mut Report::default()) {
        Ok(prepared) => prepared,
        Err(Refused { exit, text, entries }) => {
            let plain = text.strip_prefix("error: ").unwrap_or(&text).to_owned();
            return entries.into_iter().next().unwrap_or_else(|| Entry::failed(file, exit, plain));
        }
    };
    // Kept, for an interrupt whose sender is gone waits for nothing.
    let (_never, interrupt) = Interrupt::new();
    let runs: Vec<Run> = prepared.schedule.runs(&interrupt).take(2).collect();
    let [run] = &runs[..] else {
        let text = "several scenarios are selected: name one file".to_owned();
        return Entry::failed(file, Exit::Usage, text);
    };
    let terminal = arguments.verbosity.terminal();
    runtime.block_on(one::run(run, &prepared.context, interrupt.clone(), &terminal, true))
}

/// Everything that could be found wrong before anything is started, found right.
struct Prepared {
    schedule: Schedule,
    is_matrix: bool,
    has_table: bool,
    /// What is run again.
    last: Option<Last>,
    context: one::Context,
}

/// The runs that have ended, by the place of their scenario and their turn.
type Entries = BTreeMap<(usize, u32), Entry>;

fn prepare(
    arguments: &Arguments,
    harness: &Path,
    report: &mut Report,
) -> Result<Prepared, Refused> {
    let Arguments { selection, broker: choice, outputs, .. } = arguments;
    let mode = outputs::mode()?;
    let last = arguments.rerun_failed.then(|| Last::read(&outputs.out)).transpose()?;
    let mut scenarios = selection.load_among(last.as_ref())?;
    reseed(&mut scenarios, arguments.seed);
    let kind = arguments.sabotage.map(|order| order.kind);
    let is_matrix = choice.names_several();
    if is_matrix {
        skip_heavy(&mut scenarios, &mut report.skipped)?;
    }
    let at_once = arguments.jobs.get() > 1;
    let mut chosen = choose(choice, kind, at_once, harness, scenarios, &mut report.skipped)?;
    if let Some(last) = &last {
        keep_failed(last, &mut chosen)?;
    }
    let cells = cells(&chosen, is_matrix, arguments.times())?;
    report.is_matrix = is_matrix || arguments.times() != Some(1);
    let mut planned = BTreeSet::new();
    for Cell { plan, .. } in &cells {
        if !planned.insert(&plan.scenario.file) {
            continue;
        }
        if plan.scenario.network.is_some() {
            let file = plan.scenario.file.display();
            streams::tell(&format!(
                "note: {file}: `network` is for `harness sim`; this run is real"
            ));
        }
        crate::descriptors::reserve(plan)
            .map_err(|why| Refused::here(&plan.scenario, &why, [(None, why.clone())]))?;
        if let (_, Some(note)) = outputs.log_format(plan) {
            streams::tell(&note);
        }
    }
    // Only now that all of it can be run: this takes the logs of the run before away.
    let names: Vec<_> = cells.iter().map(|cell| cell.place.as_str()).collect();
    let are_several = cells.len() + report.skipped.len() > 1 || cells.iter().any(Cell::is_repeated);
    let folders = outputs.open(&names, 1 + usize::from(are_several))?;
    let patience = choice.wait.map(Patience::new);
    let schedule = Schedule {
        cells,
        time: arguments.time,
        is_over_at_first: arguments.fail_fast || arguments.until_fail,
        is_over: AtomicBool::new(false),
    };
    let context = one::Context { arguments: arguments.clone(), chosen, patience, mode, folders };
    Ok(Prepared { schedule, is_matrix, has_table: report.is_matrix, last, context })
}

/// Leaves out what passed on the broker on which it would be run again.
fn keep_failed(last: &Last, chosen: &mut Vec<Chosen>) -> Result<(), Refused> {
    for Chosen { named, scenarios, .. } in chosen.iter_mut() {
        scenarios.retain(|scenario| !last.has_passed_on(scenario, &named.word));
    }
    chosen.retain(|chosen| !chosen.scenarios.is_empty());
    if chosen.is_empty() {
        let names = last.names().join(", ");
        return Err(Refused::nothing_selected(format_args!(
            "--rerun-failed: what did not pass in the last call passed on these brokers: {names}; name \
             the broker with --on"
        )));
    }
    Ok(())
}

/// A matrix is of what is quickly run on every broker.
fn skip_heavy(scenarios: &mut Vec<Scenario>, skipped: &mut Vec<Skipped>) -> Result<(), Refused> {
    scenarios.retain(|scenario| {
        if scenario.heavy {
            let reason = "it is heavy, and left out where several brokers are named".to_owned();
            streams::tell(&format!("SKIP  {}  {reason}", scenario.name));
            let (name, file) = (scenario.name.clone(), scenario.file.clone());
            skipped.push(Skipped { name, file, on: None, reason });
        }
        !scenario.heavy
    });
    if scenarios.is_empty() {
        return Err(Refused::nothing_selected("every scenario was skipped"));
    }
    Ok(())
}

/// What is run: the scenarios of one broker after the other, each as often as is wanted.
fn cells(chosen: &[Chosen], are_several: bool, repeat: Option<u32>) -> Result<Vec<Cell>, Refused> {
    let mut cells = Vec::new();
    for (place, Chosen { named, scenarios, .. }) in chosen.iter().enumerate() {
        let times = repeat.map(|repeat| named.times(repeat));
        if let (Some(times), Some(repeat)) = (times, repeat)
            && times < repeat
        {
            streams::tell(&format!(
                "note: {} takes seconds to start: {} in place of {repeat}",
                named.word,
                count(times.into(), "repetition")
            ));
        }
        for plan in plans(scenarios.clone())? {
            let own = &plan.scenario.name;
            let (name, folder) = if are_several {
                (format!("{own} on {}", named.word), format!("{}/{own}", named.folder()))
            } else {
                (own.clone(), own.clone())
            };
            let plan = Arc::new(plan);
            cells.push(Cell { plan, chosen: place, name, place: folder, times });
        }
    }
    Ok(cells)
}

impl Prepared {
    fn run(self, terminal: &Terminal, report: &mut Report) -> Result<(), Refused> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Refused::no_verdict(format_args!("cannot start the worker threads: {error}"))
        })?;
        let (trigger, interrupt) = Interrupt::new();
        let repetitions = Repetitions::new(&self.schedule, self.is_matrix, terminal);
        let mut entries = Entries::new();
        let runs = run_all(&self, terminal, &repetitions, &interrupt, &mut entries);
        let end = runtime.block_on(async {
            tokio::select! { biased;
                () = signals::interrupted_twice(trigger) => End::InterruptedTwice,
                () = runs => End::Done,
            }
        });
        let is_interrupted = end == End::InterruptedTwice || interrupt.is_triggered();
        report.repetitions = repetitions
            .end(is_interrupted, |cell| self.context.chosen[cell.chosen].named.word.clone());
        let not_begun = self.not_begun(&entries);
        report.entries = entries.into_values().collect();
        Last::keep(&self.context.arguments.outputs.out, report, &not_begun, self.last.as_ref());
        latest::point(&self.context.arguments.outputs.out, &report.entries);
        if end == End::InterruptedTwice {
            return Err(Refused::told(Exit::Interrupted));
        }
        for chosen in &self.context.chosen {
            if let Some(said) = runtime.block_on(chosen.stop()) {
                streams::tell(&said);
            }
        }
        self.say_what_is_missing(is_interrupted, &not_begun, report);
        Ok(())
    }

    /// What has no run at all.
    fn not_begun(&self, entries: &Entries) -> Vec<NotBegun> {
        let cells = self.schedule.cells.iter().enumerate();
        let cells = cells.filter(|(place, _)| !entries.contains_key(&(*place, 1)));
        let not_begun = cells.map(|(_, cell)| NotBegun {
            name: cell.plan.scenario.name.clone(),
            file: cell.plan.scenario.file.clone(),
            on: self.is_matrix.then(|| self.context.chosen[cell.chosen].named.word.clone()),
        });
        not_begun.collect()
    }

    fn say_what_is_missing(
        &self,
        is_interrupted: bool,
        not_begun: &[NotBegun],
        report: &mut Report,
    ) {
        let arguments = &self.context.arguments;
        if is_interrupted {
            let asked = self.schedule.asked();
            let missing = match asked {
                Some(asked) => asked.saturating_sub(report.runs()),
                None => not_begun.len() as u64,
            };
            let noun = if report.is_matrix { "run" } else { "scenario" };
            report.trouble = reporting::not_begun(missing, noun, Exit::Interrupted);
            if asked.is_none() && report.trouble.is_none() {
                // Between two runs none of them is interrupted.
                report
                    .add_trouble(Exit::Interrupted, "interrupted: there was no end yet".to_owned());
            }
        } else if self.schedule.is_over.load(Ordering::Relaxed) {
            let flag = if arguments.fail_fast { "--fail-fast" } else { "--until-fail" };
            reporting::stopped_by(flag, not_begun, report);
        }
    }
}

/// Runs every plan. What came to an end is in `entries`, also where this is dropped.
async fn run_all(
    prepared: &Prepared,
    terminal: &Terminal,
    repetitions: &Repetitions<'_>,
    interrupt: &Interrupt,
    entries: &mut Entries,
) {
    let Prepared { schedule, has_table, context, .. } = prepared;
    stream::iter(schedule.runs(interrupt))
        .map(|run: Run| async move {
            let keeps_evidence = repetitions.keeps_evidence(&run);
            let interrupt = interrupt.clone();
            let entry = one::run(&run, context, interrupt, terminal, keeps_evidence).await;
            schedule.note(&entry);
            if *has_table {
                return Some(((run.cell, run.turn), repetitions.take(&run, entry)?));
            }
            terminal.entry(&entry);
            Some(((run.cell, run.turn), entry))
        })
        .buffer_unordered(context.arguments.jobs.get())
        .filter_map(std::future::ready)
        .for_each(|(place, entry)| {
            entries.insert(place, entry);
            std::future::ready(())
        })
        .await;
}
