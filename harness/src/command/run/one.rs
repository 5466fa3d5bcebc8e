//! One scenario of a `harness run`: trial, golden file, and the entry that the reports read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::task::block_in_place;
use tokio::time::Instant;

use super::super::broker_choice::Chosen;
use super::super::conclude::conclude;
use super::super::folder::Claim;
use super::super::outputs::{Folders, HistoryFile};
use super::super::plan::json::value as resolved;
use super::super::reproduce::reproduce;
use super::super::verbosity::Watched;
use super::super::{evidence, run_file, streams};
use super::arguments::Arguments;
use crate::catalogue::Way;
use crate::exit::Exit;
use crate::golden::Mode;
use crate::numbers;
use crate::plan::Plan;
use crate::report::progress::Counts;
use crate::report::terminal::Terminal;
use crate::report::words::number;
use crate::report::{Entry, NotPromised, On, Progress, Trouble};
use crate::run::{Counters, Watch};
use crate::sabotage;
use crate::testbed::database::Server;
use crate::testbed::process;
use crate::trial::{self, BrokerUnderTest, Interrupt, Patience, Settings};

/// One run of the call.
pub struct Run {
    /// What is run.
    pub plan: Arc<Plan>,
    /// On which of the chosen brokers.
    pub chosen: usize,
    /// Whose run it is, by its place in the schedule.
    pub cell: usize,
    /// For people: which run it is.
    pub label: String,
    /// The folder of its logs, below that of all.
    pub place: String,
    /// From 1.
    pub turn: u32,
    /// Whether there may be others.
    pub is_repeated: bool,
}

/// What every run of the call shares.
pub struct Context {
    /// The command line.
    pub arguments: Arguments,
    /// What is run on.
    pub(in super::super) chosen: Vec<Chosen>,
    /// How long brokers that are not ours are waited for; none at all where it is not asked for.
    pub patience: Option<Patience>,
    /// What may be done to golden files.
    pub mode: Mode,
    /// Where the runs write.
    pub(in super::super) folders: Folders,
}

/// Runs a plan and says what became of it. `keeps_evidence`: of a run that does not pass, its logs and
/// its history stay.
pub async fn run(
    run: &Run,
    context: &Context,
    interrupt: Interrupt,
    terminal: &Terminal,
    keeps_evidence: bool,
) -> Entry {
    let Run { plan, place, .. } = run;
    let chosen = &context.chosen[run.chosen];
    let mut entry = Entry::new(&plan.scenario);
    let Arguments { broker: choice, sabotage, outputs, seed, .. } = &context.arguments;
    entry.on = Some(on(chosen, &plan.scenario.broker.driver));
    entry.resolved = (run.turn <= 1).then(|| resolved(plan));
    entry.turn = if run.is_repeated { run.turn } else { 0 };
    if let Way::Running(addresses, _) = &chosen.named.way {
        entry.brokers = u32::try_from(addresses.len()).ok();
    }
    entry.not_promised = not_promised(chosen, plan);
    entry.notes.extend(entry.not_promised.as_ref().map(|less| less.said.clone()));
    let logs = outputs.logs(place);
    let brokers = choice.brokers.as_ref().map(|file| file.to_string_lossy().into_owned());
    let ca = choice.ca.as_ref().map(|file| file.to_string_lossy().into_owned());
    entry.reproduce = Some(reproduce(
        "run",
        plan,
        &[
            ("--on", (!choice.on.is_empty()).then(|| chosen.named.given(&choice.on))),
            ("--brokers", brokers),
            ("--ca", ca),
            ("--seed", seed.map(|seed| seed.to_string())),
            ("--sabotage", sabotage.as_ref().map(ToString::to_string)),
        ],
        outputs,
    ));
    let (watch, watched) = Watched::new(&run.label, context.arguments.verbosity);
    let settings = Settings { watch, ..settings(plan, chosen, context, &logs) };
    let mut line = terminal.progress(&run.label);
    let wait = wait_for_others(plan, &settings, context.patience, &line);
    if let Err(failure) = unless_interrupted(interrupt.clone(), wait).await {
        entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: failure.0 });
        return entry;
    }
    let claim = match own_folder(run, context) {
        Ok(claim) => claim,
        Err(text) => {
            entry.trouble = Some(Trouble { exit: Exit::Usage, text });
            return entry;
        }
    };
    let began = Instant::now();
    let trial = {
        let line = &mut line;
        let (planned, due) = (plan.sent_total(), plan.delivered_total());
        let mut progress = move |counters: &Counters| {
            watched.show(terminal);
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
                && let Err(doubt) =
                    injected.and_then(|count| sabotaged(run, &logs, order.kind, count))
            {
                trial.judgement.mark_inconclusive(doubt);
            }
            if trial.passed_over > 0 {
                let count = numbers::count(trial.passed_over, "message");
                let name = &plan.scenario.name;
                streams::tell(&format!("{name}: passed over {count} from before this run"));
            }
            entry.logs = Some(logs);
            let golden = outputs.golden(&plan.scenario.file);
            let golden = Some((golden.as_path(), context.mode));
            let (history, unwritable) = match history(run, context) {
                Ok(history) => (history, None),
                Err(text) => (None, Some(Trouble { exit: Exit::Usage, text })),
            };
            block_in_place(|| conclude(&mut entry, plan, &trial, history.as_ref(), golden));
            entry.trouble = entry.trouble.take().or(unwritable);
            if let (Some(text), None) = (trial.left.take(), &entry.trouble) {
                entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text });
            }
            if keeps_evidence {
                block_in_place(|| evidence::keep(&mut entry, plan, &trial));
            }
        }
        Err(failure) => {
            entry.interrupted = interrupt.is_triggered();
            entry.trouble = Some(Trouble { exit: Exit::NoVerdict, text: failure.0 });
        }
    }
    entry.duration = began.elapsed();
    // Of many that pass, the first shows what the others were like.
    let is_wanted = keeps_evidence && entry.logs.is_some() && entry.exit() != Exit::Passed;
    if let Some(claim) = claim.filter(|_| !is_wanted) {
        block_in_place(|| claim.remove());
        entry.logs = None;
    }
    block_in_place(|| run_file::keep(&entry));
    entry
}

/// Makes the folder of a repetition. It is there only while that runs, or where it did not pass, so
/// that a table of thousands does not hold thousands of files open.
fn own_folder(run: &Run, context: &Context) -> Result<Option<Claim>, String> {
    if run.turn == 1 {
        return Ok(None);
    }
    block_in_place(|| context.arguments.outputs.open_turn(&run.place)).map(Some)
}

/// The file of its history, if one is to be written.
fn history(run: &Run, context: &Context) -> Result<Option<HistoryFile>, String> {
    if run.turn == 1 {
        return Ok(context.folders.histories.get(&run.place).cloned());
    }
    block_in_place(|| context.arguments.outputs.open_history(&run.place))
}

/// Waits for what the run needs and what is not up yet: a private server that serves the whole call,
/// or brokers that somebody else starts. So the time is not this scenario's.
async fn wait_for_others(
    plan: &Arc<Plan>,
    settings: &Settings,
    patience: Option<Patience>,
    line: &Progress,
) -> Result<(), trial::Failure> {
    match (&settings.broker, patience) {
        (BrokerUnderTest::Own(process::Settings { server: Some(server), .. }), _) => {
            let started = server.start(|| line.say(&format!("starting {}", server.what()))).await;
            started.map_err(|failure| trial::Failure(failure.0))
        }
        (BrokerUnderTest::External(addresses), Some(patience)) => {
            trial::wait_for_brokers(plan, addresses, patience, |what| line.say(what)).await
        }
        _ => Ok(()),
    }
}

/// What was interrupted is found to be so by what follows.
async fn unless_interrupted(
    mut interrupt: Interrupt,
    wait: impl Future<Output = Result<(), trial::Failure>>,
) -> Result<(), trial::Failure> {
    tokio::select! { biased;
        () = interrupt.triggered() => Ok(()),
        waited = wait => waited,
    }
}

fn settings(plan: &Plan, chosen: &Chosen, context: &Context, logs: &Path) -> Settings {
    let mut broker = chosen.broker.clone();
    if let BrokerUnderTest::Own(process) = &mut broker {
        process.count = plan.scenario.broker.count;
        process.server = database(plan, chosen, context);
    }
    let Arguments { outputs, sabotage, .. } = &context.arguments;
    let (log_format, _) = outputs.log_format(plan);
    let (out, watch) = (Some(logs.to_owned()), Watch::default());
    Settings { broker, out, log_format, sabotage: *sabotage, watch }
}

/// What the scenario asks for and the broker's documents do not promise.
fn not_promised(chosen: &Chosen, plan: &Plan) -> Option<NotPromised> {
    let documented = chosen.named.documented.as_ref()?;
    let less = documented.is_less(&plan.scenario)?;
    let (said, reference) = (less.to_string(), documented.reference.to_owned());
    Some(NotPromised { kinds: less.kinds, said, reference })
}

/// What reports say of the broker.
fn on(chosen: &Chosen, driver: &str) -> On {
    let Chosen { named, version, .. } = chosen;
    let config = named.options.shown().into_iter().flatten();
    let addresses = match &named.way {
        Way::Running(_, urls) => urls.clone(),
        Way::Ours(_) | Way::Started(_) | Way::Brought | Way::Own => Vec::new(),
    };
    On {
        word: named.word.clone(),
        version: version.map(|version| match named.server() {
            Some(server) => format!("{server} {version}"),
            None => version.to_string(),
        }),
        config: config.map(|(key, value)| (key.to_owned(), value)).collect(),
        driver: Some(driver.to_owned()),
        addresses,
    }
}

/// Where the scenario's database is. A scenario with faults of its server has the server alone where
/// other scenarios run at the same time; and always where they are of its disk, or of a node of a cluster.
fn database(plan: &Plan, chosen: &Chosen, context: &Context) -> Option<Arc<Server>> {
    let server = chosen.database.as_ref().filter(|_| plan.scenario.broker.store.has_database())?;
    let cluster = plan.scenario.broker.cluster;
    let server = server.as_cluster(cluster);
    let is_busy = context.arguments.jobs.get() > 1 || cluster.is_some();
    let alone = plan.has_storage_fault() || is_busy && plan.has_database_fault();
    Some(if alone { Arc::new(server.another(plan.medium())) } else { server })
}

/// Says once for all runs how many anomalies were injected, which may be fewer than asked: they are kept apart. A run
/// without any proves nothing about the checks.
fn sabotaged(run: &Run, logs: &Path, kind: sabotage::Kind, injected: u64) -> Result<(), String> {
    if injected == 0 {
        return Err("there was no occasion for the sabotage".to_owned());
    }
    if run.turn > 1 {
        return Ok(());
    }
    let (count, record) = (number(injected), logs.join(sabotage::RECORD));
    let record = record.display();
    streams::tell(&format!("sabotaged: {kind}, {count} injected, each a line of {record}"));
    Ok(())
}
