//! `harness sabotage`: breaks the broker on purpose in every known way and shows that the checks
//! find it, all of it, and nothing else.

mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::table::{Row, Table};
use super::broker_choice::check;
use super::signals;
use super::streams::{self, Reader};
use crate::exit::Exit;
use crate::plan::Plan;
use crate::scenario;
use crate::testbed::database::{self, NotFound, Server};
use crate::testbed::process;
use crate::testbed::sabotage::{self, Kind, Order};
use crate::trial::{self, BrokerUnderTest, Interrupt};

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The scenario to run, once as it is and once with each kind of sabotage
    #[arg(default_value = "scenarios/5p3c.yaml")]
    file: PathBuf,
}

/// Carries it out; `harness` is the program to start as broker. 0 if every row holds, 3 if one has
/// no verdict, because its run could not be held or nothing could be injected, else 1.
#[must_use]
pub fn main(arguments: &Arguments, harness: &Path) -> Exit {
    let plan = match scenario::load(&arguments.file).and_then(Plan::new) {
        Ok(plan) => Arc::new(plan),
        Err(error) => {
            streams::tell(&error.render(false));
            return Exit::Usage;
        }
    };
    if let Err(text) = crate::descriptors::reserve(&plan) {
        streams::tell(&format!("error: {text}"));
        return Exit::Usage;
    }
    let server = match database_server(&plan, harness) {
        Ok(server) => server,
        Err((exit, text)) => {
            streams::tell(&format!("error: {text}"));
            return exit;
        }
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(&plan, harness, server)),
        Err(error) => {
            streams::tell(&format!("error: cannot start the worker threads: {error}"));
            Exit::NoVerdict
        }
    }
}

/// The server of the scenario's store, if that is on one.
fn database_server(plan: &Plan, harness: &Path) -> Result<Option<Arc<Server>>, (Exit, String)> {
    let broker = &plan.scenario.broker;
    if broker.count.get() > 1 {
        let (file, count) = (plan.scenario.file.display(), broker.count);
        let text = format!("sabotage is of one broker, and {file} has `count: {count}`");
        return Err((Exit::Usage, text));
    }
    if !broker.store.has_database() {
        return Ok(None);
    }
    let server = database::find(harness, None).map_err(|failure| match failure {
        NotFound::Wrong(text) => (Exit::Usage, text),
        NotFound::Missing(text) => (Exit::NoVerdict, text),
    })?;
    check(&server).map_err(|text| (Exit::NoVerdict, text))?;
    Ok(Some(server))
}

async fn run(plan: &Arc<Plan>, harness: &Path, server: Option<Arc<Server>>) -> Exit {
    let (trigger, interrupt) = Interrupt::new();
    let rows = async {
        let mut exit = Exit::Passed;
        if let Some(exit) = show(&Table::HEAD) {
            return exit;
        }
        for kind in [None].into_iter().chain(Kind::ALL.map(Some)) {
            let row = row(plan, harness, server.clone(), kind, interrupt.clone()).await;
            if interrupt.is_triggered() {
                return Exit::Interrupted;
            }
            exit = exit.and(row.exit());
            if let Some(ended) = show(&row) {
                return exit.and(ended);
            }
        }
        exit
    };
    tokio::select! { biased;
        () = signals::interrupted_twice(trigger) => Exit::Interrupted,
        exit = rows => exit,
    }
}

/// Shows a line of the table; an exit where nobody reads on, for the rows that are left then have
/// no verdict.
fn show(line: &dyn std::fmt::Display) -> Option<Exit> {
    match streams::print(&format!("{line}\n")) {
        Ok(Reader::Listens) => None,
        Ok(Reader::Gone) => Some(Exit::NoVerdict),
        Err(exit) => Some(exit),
    }
}

async fn row(
    plan: &Arc<Plan>,
    harness: &Path,
    server: Option<Arc<Server>>,
    kind: Option<Kind>,
    interrupt: Interrupt,
) -> Row {
    match hold(plan, harness, server, kind, interrupt).await {
        Ok((injected, trial)) => Row::new(kind, injected, &trial.judgement),
        Err(why) => Row::without_verdict(kind, why),
    }
}

/// One run, and how many anomalies were injected into it.
async fn hold(
    plan: &Arc<Plan>,
    harness: &Path,
    server: Option<Arc<Server>>,
    kind: Option<Kind>,
    interrupt: Interrupt,
) -> Result<(u64, trial::Trial), String> {
    let folder = tempfile::Builder::new()
        .prefix("harness-")
        .tempdir()
        .map_err(|error| format!("cannot make a temporary folder: {error}"))?;
    let record = folder.path().join("sabotage.jsonl");
    let mut broker = process::Settings::new(harness);
    broker.server = server;
    if let Some(kind) = kind {
        broker.arguments = sabotage::arguments(&Order::usual(kind), plan, &record);
    }
    let settings = trial::Settings { broker: BrokerUnderTest::Own(broker), out: None };
    let trial = trial::hold(plan, &settings, interrupt, &mut |_| {}).await;
    let trial = trial.map_err(|failure| failure.0)?;
    let injected = match kind {
        Some(_) => sabotage::read(&record)?.len() as u64,
        None => 0,
    };
    Ok((injected, trial))
}
