//! `harness run`: scenarios from their files to their verdicts, golden files and reports.

mod one;
pub(super) mod output;
pub(super) mod signals;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker_client::wire::masked;
use futures_util::stream::{self, StreamExt as _};
use tokio::time::Instant;

use super::streams;
use crate::exit::Exit;
use crate::fault::{Fault, Part, Target};
use crate::golden::{self, Mode};
use crate::input::diagnostic;
use crate::plan::Plan;
use crate::report::terminal::Terminal;
use crate::report::{Destinations, Entry, Report};
use crate::scenario::{self, Scenario};
use crate::testbed::database::Server;
use crate::testbed::external::External;
use crate::testbed::{database, process, sabotage};
use crate::trial::{BrokerUnderTest, Interrupt};

/// What `--help` says after the flags.
const AFTER_HELP: &str = "\
Kinds of sabotage: lose, duplicate, reorder, diverge, phantom, resurrect, corrupt, misroute, early,
stale-ack; each as KIND, KIND:1% or KIND:5

Exit codes:
    0  all passed
    1  a check or a golden file failed, or a golden file is new and waits for review
    2  the command line or a scenario is invalid
    3  no verdict: the broker cannot be reached, messages were not acked, the drain is undecided
    4  nothing selected
  130  interrupted; what was known is written
Of several scenarios the gravest counts: 130 before 2 before 1 before 3 before 4";

/// The folder of the consumers' logs where none is named.
pub(super) const DEFAULT_OUT: &str = "out";

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Scenarios: YAML files, or folders of them
    #[arg(default_value = "scenarios")]
    pub paths: Vec<PathBuf>,

    /// Run only scenarios whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,

    /// Scenarios run at the same time; their latencies then disturb each other
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = jobs)]
    pub jobs: NonZeroUsize,

    /// Store of the broker that is started, whatever the scenario says
    #[arg(long, value_name = "STORE", conflicts_with = "broker")]
    pub store: Option<String>,

    /// Keep the data of the private MySQL server in this folder, with the runs' databases in it
    #[arg(long, value_name = "DIR", conflicts_with = "broker")]
    pub keep_data: Option<PathBuf>,

    /// Run against brokers that are up already instead of starting one
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub broker: Vec<String>,

    /// Folder for the consumers' logs; each scenario has a folder of its own in it
    #[arg(long, value_name = "DIR", default_value = DEFAULT_OUT)]
    pub out: PathBuf,

    /// Folder of the golden files
    #[arg(long, value_name = "DIR", default_value = golden::DEFAULT_FOLDER)]
    pub golden: PathBuf,

    /// Write everything that the actors saw to this file, as JSON lines (one scenario only)
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,

    /// Break the broker that is started on purpose, as in lose:1%; see `harness sabotage`
    #[arg(long, value_name = "KIND[:RATE]", conflicts_with = "broker")]
    pub sabotage: Option<sabotage::Order>,

    /// Reports for programs.
    #[command(flatten)]
    pub reports: Destinations,
}

/// Carries it out; `harness` is the program to start as broker.
#[must_use]
pub fn main(arguments: &Arguments, harness: &Path) -> Exit {
    let terminal = Terminal::new(variable);
    match prepare(arguments, harness) {
        Ok(prepared) => prepared.run(&terminal),
        Err(Refused { exit, text }) => {
            streams::tell(&text);
            exit
        }
    }
}

pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number, at least 1".to_owned())
}

pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A command line or a scenario that cannot be run.
pub(super) struct Refused {
    pub(super) exit: Exit,
    pub(super) text: String,
}

impl Refused {
    pub(super) fn usage(text: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, text: format!("error: {text}") }
    }
}

/// Everything that could be found wrong before anything is started, found right.
struct Prepared {
    plans: Vec<Arc<Plan>>,
    /// Scenarios that do not hold here.
    skipped: usize,
    context: one::Context,
    output: crate::report::Output,
    jobs: usize,
}

fn prepare(arguments: &Arguments, harness: &Path) -> Result<Prepared, Refused> {
    let mode = Mode::from_environment(variable).map_err(Refused::usage)?;
    let broker = broker_under_test(arguments, harness)?;
    let mut scenarios = select(&arguments.paths, arguments.filter.as_deref())?;
    if arguments.history.is_some() && scenarios.len() > 1 {
        let text = format!("--history takes one scenario, and {} are selected", scenarios.len());
        return Err(Refused::usage(text));
    }
    let skipped = choose(arguments, &mut scenarios)?;
    for scenario in scenarios.iter().filter(|scenario| scenario.network.is_some()) {
        let file = scenario.file.display();
        streams::tell(&format!("note: {file}: `network` is for `harness sim`; this run is real"));
    }
    let plans: Vec<_> = scenarios
        .into_iter()
        .map(|scenario| Plan::new(scenario).map(Arc::new).map_err(|error| rendered(&error)))
        .collect::<Result<_, _>>()?;
    for plan in &plans {
        crate::descriptors::reserve(plan).map_err(Refused::usage)?;
    }
    let server = database_server(arguments, &plans, harness)?;
    // Only now that all of it can be run: this takes the logs of the run before away.
    for plan in &plans {
        let folder = arguments.out.join(&plan.scenario.name);
        output::prepare_folder(&folder).map_err(Refused::usage)?;
    }
    let history = arguments.history.as_deref().map(output::create_file).transpose();
    let history = history.map_err(Refused::usage)?;
    let output = arguments.reports.open(variable).map_err(Refused::usage)?;
    let context = one::Context { arguments: arguments.clone(), broker, server, mode, history };
    Ok(Prepared { plans, skipped, context, output, jobs: arguments.jobs.get() })
}

/// The scenarios of these files and folders whose name contains the filter; at least one.
pub(super) fn select(paths: &[PathBuf], filter: Option<&str>) -> Result<Vec<Scenario>, Refused> {
    let mut scenarios = scenario::load_all(paths).map_err(|error| rendered(&error))?;
    let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.clone()).collect();
    if let Some(filter) = filter {
        scenarios.retain(|scenario| scenario.name.contains(filter));
    }
    if scenarios.is_empty() {
        return Err(nothing_selected(paths, filter, &names));
    }
    Ok(scenarios)
}

pub(super) fn rendered(error: &diagnostic::Error) -> Refused {
    let style = Terminal::new(variable).style();
    Refused { exit: Exit::Usage, text: error.render(style.colour) }
}

fn nothing_selected(paths: &[PathBuf], filter: Option<&str>, names: &[String]) -> Refused {
    let searched: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    let filter = filter.map(|filter| format!(" whose name contains {filter:?}"));
    let filter = filter.unwrap_or_default();
    let there = match names {
        [] => String::from("a scenario is a file *.yaml or *.yml"),
        names => format!("there are: {}", names.join(", ")),
    };
    let searched = searched.join(", ");
    let text = format!("nothing selected: no scenario in {searched}{filter}; {there}");
    Refused { exit: Exit::NothingSelected, text }
}

/// Takes out the scenarios that do not hold for the store that they would run on, and says how
/// many. Which store somebody else's broker has is not known.
fn choose(arguments: &Arguments, scenarios: &mut Vec<Scenario>) -> Result<usize, Refused> {
    set_store(arguments.store.as_deref(), scenarios)?;
    refuse_sabotage(arguments, scenarios)?;
    if arguments.broker.is_empty() {
        return skip(scenarios);
    }
    refuse_faults(scenarios, |fault| {
        let target = &fault.action.target;
        let is_theirs = target.is_process() || target.is_database();
        is_theirs.then(|| "a broker at --broker is somebody else's, and stays as it is".to_owned())
    })?;
    Ok(0)
}

/// Puts the store of the command line in place of the scenarios'.
pub(super) fn set_store(store: Option<&str>, scenarios: &mut [Scenario]) -> Result<(), Refused> {
    if let Some(store) = store {
        let store = scenario::store(store).map_err(|why| {
            Refused::usage(format_args!("--store {}: {}", masked(store), why.brief()))
        })?;
        for scenario in scenarios {
            scenario.broker.store = store;
        }
    }
    Ok(())
}

/// The same for simulations. They need no server, so a scenario that does not hold for its own store
/// is tried on the first one that it holds for, unless the command line says otherwise.
pub(super) fn set_simulated_store(
    store: Option<&str>,
    scenarios: &mut [Scenario],
) -> Result<(), Refused> {
    if store.is_none() {
        for broker in scenarios.iter_mut().map(|scenario| &mut scenario.broker) {
            if !broker.stores.contains(&broker.store) {
                broker.store = broker.stores.first().copied().unwrap_or(broker.store);
            }
        }
    }
    set_store(store, scenarios)
}

/// Takes out the scenarios that do not hold for their store, and says how many.
pub(super) fn skip(scenarios: &mut Vec<Scenario>) -> Result<usize, Refused> {
    let before = scenarios.len();
    scenarios.retain(|scenario| match scenario.broker.skipped() {
        Some(why) => {
            streams::tell(&format!("SKIP  {}  {why}", scenario.name));
            false
        }
        None => true,
    });
    for scenario in &*scenarios {
        let broker = &scenario.broker;
        refuse_faults(std::slice::from_ref(scenario), |fault| broker.objection(fault))?;
    }
    if scenarios.is_empty() {
        let text = "nothing selected: every scenario was skipped".to_owned();
        return Err(Refused { exit: Exit::NothingSelected, text });
    }
    Ok(before - scenarios.len())
}

/// Refuses what the command line makes impossible of what loading found possible.
fn refuse_faults(
    scenarios: &[Scenario],
    objection: impl Fn(&Fault) -> Option<String>,
) -> Result<(), Refused> {
    for scenario in scenarios {
        for fault in &scenario.faults {
            if let Some(why) = objection(fault) {
                let (file, line) = (scenario.file.display(), fault.line);
                let text =
                    format!("{file}:{line}: `{}` cannot be carried out: {why}", fault.action);
                return Err(Refused::usage(text));
            }
        }
    }
    Ok(())
}

/// Sabotage needs to know whose a message is, which only our wire tells, and what it did before,
/// which another broker does not know.
fn refuse_sabotage(arguments: &Arguments, scenarios: &[Scenario]) -> Result<(), Refused> {
    if arguments.sabotage.is_none() {
        return Ok(());
    }
    for scenario in scenarios {
        let file = scenario.file.display();
        if scenario.broker.driver == "original" {
            return Err(Refused::usage(format_args!(
                "--sabotage works through what our wire adds, and {file} has `driver: original`"
            )));
        }
        if scenario.broker.count.get() > 1 {
            let count = scenario.broker.count;
            return Err(Refused::usage(format_args!(
                "--sabotage is of one broker, and {file} has `count: {count}`"
            )));
        }
    }
    Ok(())
}

fn broker_under_test(arguments: &Arguments, harness: &Path) -> Result<BrokerUnderTest, Refused> {
    if !arguments.broker.is_empty() {
        let external = External::new(&arguments.broker).map_err(Refused::usage)?;
        return Ok(BrokerUnderTest::External(external));
    }
    Ok(BrokerUnderTest::Own(process::Settings::new(harness)))
}

/// Where the scenarios on MySQL have their databases: nothing is started yet, and what cannot be is
/// refused.
fn database_server(
    arguments: &Arguments,
    plans: &[Arc<Plan>],
    harness: &Path,
) -> Result<Option<Arc<Server>>, Refused> {
    let mut brokers = plans.iter().map(|plan| &plan.scenario.broker);
    if !arguments.broker.is_empty() || !brokers.any(|broker| broker.store.has_database()) {
        return match &arguments.keep_data {
            Some(_) => Err(Refused::usage("--keep-data: no selected scenario is on MySQL")),
            None => Ok(None),
        };
    }
    let server = database::find(harness, arguments.keep_data.clone()).map_err(|failure| {
        match failure {
            database::NotFound::Wrong(text) => Refused::usage(text),
            // Nothing is wrong with what was asked: this machine cannot do it.
            database::NotFound::Missing(text) => {
                Refused { exit: Exit::NoVerdict, text: format!("error: {text}") }
            }
        }
    })?;
    for plan in plans {
        refuse_database_faults(arguments, plan, &server)?;
    }
    check(&server)
        .map_err(|why| Refused { exit: Exit::NoVerdict, text: format!("error: {why}") })?;
    Ok(Some(server))
}

/// Whether a server that was named can be used, found out once and not by each scenario.
pub(super) fn check(server: &Server) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(server.check()).map_err(|failure| failure.0)
}

/// Refuses what cannot be done to the server that the databases are on.
fn refuse_database_faults(
    arguments: &Arguments,
    plan: &Plan,
    server: &Server,
) -> Result<(), Refused> {
    refuse_faults(std::slice::from_ref(&plan.scenario), |fault| {
        let target = &fault.action.target;
        let is_process = *target == Target::Process(Part::Database);
        let is_link = *target == Target::DatabaseLink;
        if is_process && !server.is_ours() {
            Some(database::NOT_OURS.to_owned())
        } else if is_link && !server.has_port() {
            Some(database::NO_PORT.to_owned())
        } else if is_process && arguments.keep_data.is_some() && arguments.jobs.get() > 1 {
            Some("it needs a server of its own with --jobs, and --keep-data keeps one".to_owned())
        } else {
            None
        }
    })
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
        let exit = report.exit();
        match self.output.write(&report) {
            Ok(()) => exit,
            Err(text) => {
                streams::tell(&format!("error: {text}"));
                exit.and(Exit::Usage)
            }
        }
    }
}

/// Runs every plan; none if the user insisted on ending at once.
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
        .buffer_unordered(prepared.jobs)
        .filter_map(std::future::ready)
        .collect::<Vec<_>>();
    tokio::select! { biased;
        () = signals::insisted(trigger) => None,
        entries = runs => Some(entries),
    }
}
