//! `harness run`: scenarios from their files to their verdicts, golden files and reports.

mod arguments;
mod cells;
mod one;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};

use self::cells::Cells;
use self::one::Run;
use super::broker_choice::{Chosen, choose};
use super::refused::{self, Refused};
use super::reporting::{self, reporting};
use super::selection::plans;
use super::sim::workers::End;
use super::{folder, latest, outputs, signals, streams};
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
    let terminal = refused::terminal();
    reporting(&arguments.outputs.reports, &terminal, |report| {
        prepare(arguments, harness, report)?.run(&terminal, report)
    })
}

/// Everything that could be found wrong before anything is started, found right.
struct Prepared {
    runs: Vec<Run>,
    has_table: bool,
    context: one::Context,
}

fn prepare(
    arguments: &Arguments,
    harness: &Path,
    report: &mut Report,
) -> Result<Prepared, Refused> {
    let Arguments { selection, jobs, repeat, broker: choice, sabotage, outputs } = arguments;
    let mode = outputs::mode()?;
    let mut scenarios = selection.load()?;
    let (kind, at_once) = (sabotage.map(|order| order.kind), jobs.get() > 1);
    let is_matrix = choice.names_several();
    if is_matrix {
        skip_heavy(&mut scenarios, &mut report.skipped)?;
    }
    let chosen = choose(choice, kind, at_once, harness, scenarios, &mut report.skipped)?;
    report.is_matrix = is_matrix || repeat.get() > 1;
    let runs = runs(&chosen, is_matrix, repeat.get())?;
    let mut planned = BTreeSet::new();
    for Run { plan, .. } in &runs {
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
    let first = runs.iter().filter(|run| run.turn == 1);
    let names: Vec<_> = first.map(|run| run.place.as_str()).collect();
    let folders = outputs.open(&names, runs.len() + report.skipped.len())?;
    let patience = choice.wait.map(Patience::new);
    let arguments = arguments.clone();
    let context = one::Context { arguments, chosen, patience, mode, folders };
    Ok(Prepared { runs, has_table: report.is_matrix, context })
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

/// Every run of the call: the scenarios of one broker after the other, each as often as is wanted.
fn runs(chosen: &[Chosen], are_several: bool, repeat: u32) -> Result<Vec<Run>, Refused> {
    let mut runs = Vec::new();
    for (place, Chosen { named, scenarios, .. }) in chosen.iter().enumerate() {
        let times = named.times(repeat);
        if times < repeat {
            streams::tell(&format!(
                "note: {} takes seconds to start: {} in place of {repeat}",
                named.word,
                count(times.into(), "repetition")
            ));
        }
        for plan in plans(scenarios.clone())? {
            let name = &plan.scenario.name;
            let (cell, first) = if are_several {
                (format!("{name} on {}", named.word), format!("{}/{name}", named.folder()))
            } else {
                (name.clone(), name.clone())
            };
            let plan = Arc::new(plan);
            runs.extend((1..=times).map(|turn| Run {
                plan: Arc::clone(&plan),
                chosen: place,
                cell: cell.clone(),
                label: if times == 1 {
                    cell.clone()
                } else {
                    format!("{cell}, run {turn} of {times}")
                },
                place: match turn {
                    1 => first.clone(),
                    turn => format!("{first}/{}", folder::of_turn(turn)),
                },
                turn,
                times,
            }));
        }
    }
    Ok(runs)
}

impl Prepared {
    fn run(self, terminal: &Terminal, report: &mut Report) -> Result<(), Refused> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            Refused::no_verdict(format_args!("cannot start the worker threads: {error}"))
        })?;
        let mut entries = Vec::new();
        let end = runtime.block_on(run_all(&self, terminal, &mut entries));
        entries.sort_by_key(|(place, _)| *place);
        report.entries = entries.into_iter().map(|(_, entry)| entry).collect();
        latest::point(&self.context.arguments.outputs.out, &report.entries);
        if end == End::InterruptedTwice {
            return Err(Refused::told(Exit::Interrupted));
        }
        for chosen in &self.context.chosen {
            if let Some(said) = runtime.block_on(chosen.stop()) {
                streams::tell(&said);
            }
        }
        report.trouble = reporting::not_begun(self.runs.len(), report, Exit::Interrupted);
        Ok(())
    }
}

/// Runs every plan, until a second interrupt. What came to an end is in `entries` in any case.
async fn run_all(
    prepared: &Prepared,
    terminal: &Terminal,
    entries: &mut Vec<(usize, Entry)>,
) -> End {
    let (trigger, interrupt) = Interrupt::new();
    let cells = Cells::of(&prepared.runs);
    let runs = stream::iter(prepared.runs.iter().enumerate())
        .map(|(place, run)| {
            let (interrupt, cells) = (interrupt.clone(), &cells);
            async move {
                if interrupt.is_triggered() {
                    return None;
                }
                let entry = one::run(run, &prepared.context, interrupt, terminal).await;
                if prepared.has_table {
                    cells.told(run, &entry, terminal);
                } else {
                    terminal.entry(&entry);
                }
                Some((place, entry))
            }
        })
        .buffer_unordered(prepared.context.arguments.jobs.get())
        .filter_map(std::future::ready)
        .for_each(|ended| {
            entries.push(ended);
            std::future::ready(())
        });
    tokio::select! { biased;
        () = signals::interrupted_twice(trigger) => End::InterruptedTwice,
        () = runs => End::Done,
    }
}
