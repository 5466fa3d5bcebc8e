//! One scenario of a `harness run`: trial, golden file, and the entry that the reports read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::block_in_place;
use tokio::time::Instant;

use super::super::conclude::conclude;
use super::super::outputs::HistoryFile;
use super::super::reproduce::reproduce;
use super::super::streams;
use super::arguments::Arguments;
use crate::exit::Exit;
use crate::golden::Mode;
use crate::plan::Plan;
use crate::report::progress::Counts;
use crate::report::terminal::Terminal;
use crate::report::words::number;
use crate::report::{Entry, Progress, Trouble};
use crate::run::Counters;
use crate::sabotage;
use crate::testbed::database::Server;
use crate::testbed::{self, process};
use crate::trial::{self, BrokerUnderTest, Interrupt, Settings};

/// What every scenario of the call shares.
pub struct Context {
    /// The command line.
    pub arguments: Arguments,
    /// What the scenarios run against, but for the store.
    pub broker: BrokerUnderTest,
    /// Where scenarios on MySQL have their databases; none where no scenario is.
    pub server: Option<Arc<Server>>,
    /// What may be done to golden files.
    pub mode: Mode,
    /// Where the history goes, if it was asked for; there is one scenario then.
    pub history: Option<HistoryFile>,
}

/// Runs a plan and says what became of it.
pub async fn run(
    plan: &Arc<Plan>,
    context: &Context,
    interrupt: Interrupt,
    terminal: &Terminal,
) -> Entry {
    let mut entry = Entry::new(&plan.scenario);
    let Arguments { broker: choice, sabotage, outputs, .. } = &context.arguments;
    entry.served_by(&choice.broker);
    let logs = outputs.logs(&plan.scenario.name);
    entry.reproduce = Some(reproduce(
        "run",
        plan,
        &[
            ("--store", choice.store.clone()),
            ("--broker", (!choice.broker.is_empty()).then(|| choice.broker.join(","))),
            ("--sabotage", sabotage.as_ref().map(ToString::to_string)),
        ],
        outputs,
    ));
    let settings = settings(plan, context, &logs);
    let mut line = terminal.progress(&plan.scenario.name);
    if let Err(failure) = start_server(&settings, interrupt.clone(), &line).await {
        entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: failure.0 });
        return entry;
    }
    let began = Instant::now();
    let trial = {
        let (planned, due) = (plan.sent_total(), plan.delivered_total());
        let mut progress = |counters: &Counters| {
            let sent = counters.sent.load(Ordering::Relaxed);
            let delivered = counters.delivered.load(Ordering::Relaxed);
            line.update(began.elapsed(), &Counts { sent, planned, delivered, due });
        };
        trial::hold(plan, &settings, interrupt.clone(), &mut progress).await
    };
    // Off the screen before the result is on it.
    drop(line);
    match trial {
        Ok(mut trial) => {
            if let (Some(order), Some(injected)) = (sabotage, trial.injected.take())
                && let Err(doubt) = injected.and_then(|count| sabotaged(&logs, order.kind, count))
            {
                trial.judgement.mark_inconclusive(doubt);
            }
            entry.logs = Some(logs);
            let golden = Some((outputs.golden.as_path(), context.mode));
            block_in_place(|| conclude(&mut entry, plan, &trial, context.history.as_ref(), golden));
            if let (Some(text), None) = (trial.left, &entry.trouble) {
                entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text });
            }
        }
        Err(failure) => {
            entry.interrupted = interrupt.is_triggered();
            entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: failure.0 });
        }
    }
    entry.duration = began.elapsed();
    entry
}

/// Starts a private server that the scenario needs and that does not run yet. It serves the whole
/// call, so that the time is not this scenario's.
async fn start_server(
    settings: &Settings,
    mut interrupt: Interrupt,
    line: &Progress,
) -> Result<(), testbed::Failure> {
    let BrokerUnderTest::Own(process::Settings { server: Some(server), .. }) = &settings.broker
    else {
        return Ok(());
    };
    tokio::select! { biased;
        () = interrupt.triggered() => Ok(()),
        started = server.start(|| line.say("starting a private MySQL server")) => started,
    }
}

fn settings(plan: &Plan, context: &Context, logs: &Path) -> Settings {
    let mut broker = context.broker.clone();
    if let BrokerUnderTest::Own(process) = &mut broker {
        process.count = plan.scenario.broker.count;
        process.server = server(plan, context);
    }
    let Arguments { outputs, sabotage, .. } = &context.arguments;
    let (log_format, _) = outputs.log_format(plan);
    Settings { broker, out: Some(logs.to_owned()), log_format, sabotage: *sabotage }
}

/// Where the scenario's database is. A scenario with faults of its server has the server alone,
/// where other scenarios run at the same time.
fn server(plan: &Plan, context: &Context) -> Option<Arc<Server>> {
    let server = context.server.as_ref().filter(|_| plan.scenario.broker.store.has_database())?;
    let alone = context.arguments.jobs.get() > 1 && plan.has_database_fault();
    Some(if alone { Arc::new(server.another()) } else { Arc::clone(server) })
}

/// Says how many anomalies were injected, which may be fewer than asked: they are kept apart. A run
/// without any proves nothing about the checks.
fn sabotaged(logs: &Path, kind: sabotage::Kind, injected: u64) -> Result<(), String> {
    if injected == 0 {
        return Err("there was no occasion for the sabotage".to_owned());
    }
    let (count, record) = (number(injected), logs.join(sabotage::RECORD));
    let record = record.display();
    streams::tell(&format!("sabotaged: {kind}, {count} injected, each a line of {record}"));
    Ok(())
}
