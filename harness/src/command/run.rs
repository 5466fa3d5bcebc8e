//! `harness run`: scenarios from their files to their verdicts, golden files and reports.

mod arguments;
mod one;

use std::path::Path;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _};

use super::broker_choice::{broker_under_test, choose};
use super::refused::{self, Refused};
use super::reporting::{self, reporting};
use super::selection::plans;
use super::sim::workers::End;
use super::{outputs, signals, streams};
use crate::exit::Exit;
use crate::plan::Plan;
use crate::report::terminal::Terminal;
use crate::report::{Entry, Report};
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
    plans: Vec<Arc<Plan>>,
    context: one::Context,
}

fn prepare(
    arguments: &Arguments,
    harness: &Path,
    report: &mut Report,
) -> Result<Prepared, Refused> {
    let Arguments { selection, jobs, broker: choice, sabotage, outputs } = arguments;
    let mode = outputs::mode()?;
    let broker = broker_under_test(choice, harness)?;
    let mut scenarios = selection.load()?;
    let (kind, at_once) = (sabotage.map(|order| order.kind), jobs.get() > 1);
    let server = choose(choice, kind, at_once, harness, &mut scenarios, &mut report.skipped)?;
    for scenario in scenarios.iter().filter(|scenario| scenario.network.is_some()) {
        let file = scenario.file.display();
        streams::tell(&format!("note: {file}: `network` is for `harness sim`; this run is real"));
    }
    let plans: Vec<_> = plans(scenarios)?.into_iter().map(Arc::new).collect();
    for plan in &plans {
        crate::descriptors::reserve(plan)
            .map_err(|why| Refused::here(&plan.scenario, &why, [(None, why.clone())]))?;
        if let (_, Some(note)) = outputs.log_format(plan) {
            streams::tell(&note);
        }
    }
    // Only now that all of it can be run: this takes the logs of the run before away.
    let names: Vec<_> = plans.iter().map(|plan| plan.scenario.name.as_str()).collect();
    let folders = outputs.open(&names, names.len() + report.skipped.len())?;
    let patience = choice.wait.map(Patience::new);
    let arguments = arguments.clone();
    let context = one::Context { arguments, broker, patience, server, mode, folders };
    Ok(Prepared { plans, context })
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
        if end == End::InterruptedTwice {
            return Err(Refused::told(Exit::Interrupted));
        }
        if let Some(server) = &self.context.server
            && let Some(kept) = runtime.block_on(server.stop())
        {
            streams::tell(&kept);
        }
        report.trouble = reporting::not_begun(self.plans.len(), report, Exit::Interrupted);
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
        .for_each(|ended| {
            entries.push(ended);
            std::future::ready(())
        });
    tokio::select! { biased;
        () = signals::interrupted_twice(trigger) => End::InterruptedTwice,
        () = runs => End::Done,
    }
}
