//! `harness run`: scenarios from their files to their verdicts, golden files and reports.

mod arguments;
mod one;

use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::broker_choice::{broker_under_test, choose};
use super::refused::{self, Refused};
use super::{outputs, signals, streams};
use crate::exit::Exit;
use crate::plan::Plan;
use crate::report::terminal::Terminal;
use crate::report::{self, Entry, Report};
use crate::trial::Interrupt;

pub use arguments::Arguments;

/// Carries it out; `harness` is the program to start as broker.
#[must_use]
pub fn main(arguments: &Arguments, harness: &Path) -> Exit {
    let terminal = refused::terminal();
    refused::exit(prepare(arguments, harness).map(|prepared| prepared.run(&terminal)))
}

/// Everything that could be found wrong before anything is started, found right.
struct Prepared {
    plans: Vec<Arc<Plan>>,
    /// Scenarios that do not hold here.
    skipped: usize,
    context: one::Context,
    reports: report::Output,
}

fn prepare(arguments: &Arguments, harness: &Path) -> Result<Prepared, Refused> {
    let Arguments { selection, jobs, broker: choice, sabotage, outputs } = arguments;
    let mode = outputs::mode()?;
    let broker = broker_under_test(choice, harness)?;
    let mut scenarios = selection.load()?;
    outputs.check(scenarios.len())?;
    let kind = sabotage.map(|order| order.kind);
    let (skipped, server) = choose(choice, kind, jobs.get() > 1, harness, &mut scenarios)?;
    for scenario in scenarios.iter().filter(|scenario| scenario.network.is_some()) {
        let file = scenario.file.display();
        streams::tell(&format!("note: {file}: `network` is for `harness sim`; this run is real"));
    }
    let plans: Vec<_> = scenarios
        .into_iter()
        .map(|scenario| Plan::new(scenario).map(Arc::new))
        .collect::<Result<_, _>>()
        .map_err(|error| Refused::scenario(&error))?;
    for plan in &plans {
        crate::descriptors::reserve(plan).map_err(Refused::usage)?;
        if let (_, Some(note)) = outputs.log_format(plan) {
            streams::tell(&note);
        }
    }
    // Only now that all of it can be run: this takes the logs of the run before away.
    let names = plans.iter().map(|plan| plan.scenario.name.as_str());
    let (history, reports) = outputs.open(names)?;
    let context = one::Context { arguments: arguments.clone(), broker, server, mode, history };
    Ok(Prepared { plans, skipped, context, reports })
}

impl Prepared {
    fn run(self, terminal: &Terminal) -> Exit {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                streams::tell(&format!("error: cannot start the worker threads: {error}"));
                return Exit::NoVerdict;
            }
        };
        let began = Instant::now();
        let Some(mut entries) = runtime.block_on(run_all(&self, terminal)) else {
            return Exit::Interrupted;
        };
        if let Some(server) = &self.context.server
            && let Some(kept) = runtime.block_on(server.stop())
        {
            streams::tell(&kept);
        }
        entries.sort_by_key(|(place, _)| *place);
        let report = Report {
            entries: entries.into_iter().map(|(_, entry)| entry).collect(),
            skipped: self.skipped,
            duration: began.elapsed(),
        };
        terminal.end(&report);
        outputs::end(self.reports, &report, report.exit())
    }
}

/// Runs every plan; none after a second interrupt.
async fn run_all(prepared: &Prepared, terminal: &Terminal) -> Option<Vec<(usize, Entry)>> {
    let (trigger, interrupt) = Interrupt::new();
    let runs = stream::iter(prepared.plans.iter().enumerate())
        .map(|(place, plan)| {
            let interrupt = interrupt.clone();
            async move {
                if interrupt.is_triggered() {
                    return None;
                }
                let entry = one::run(plan, &prepared.context, interrupt, terminal).await;
                terminal.entry(&entry);
                Some((place, entry))
            }
        })
        .buffer_unordered(prepared.context.arguments.jobs.get())
        .filter_map(std::future::ready)
        .collect::<Vec<_>>();
    tokio::select! { biased;
        () = signals::interrupted_twice(trigger) => None,
        entries = runs => Some(entries),
    }
}
