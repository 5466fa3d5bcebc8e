//! Which broker the command line runs scenarios against, and which scenarios cannot run there: all
//! objections are here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker_client::wire::masked;

use super::refused::Refused;
use super::streams;
use crate::exit::Exit;
use crate::fault::{Fault, Part, Target};
use crate::plan::Plan;
use crate::scenario::{self, Scenario};
use crate::testbed::database::Server;
use crate::testbed::{database, external, process, sabotage};
use crate::trial::BrokerUnderTest;

/// What `harness run` takes for it.
#[derive(Clone, Debug, clap::Args)]
pub struct BrokerChoice {
    /// Store of the broker that is started, whatever the scenario says
    #[arg(long, value_name = "STORE", conflicts_with = "broker")]
    pub store: Option<String>,

    /// Keep the data of the private MySQL server in this folder, with the runs' databases in it
    #[arg(long, value_name = "DIR", conflicts_with = "broker")]
    pub keep_data: Option<PathBuf>,

    /// Run against brokers that are up already instead of starting one
    #[arg(long, value_name = "URL", value_delimiter = ',')]
    pub broker: Vec<String>,

    /// Break the broker that is started on purpose, as in lose:1%; see `harness sabotage`
    #[arg(long, value_name = "KIND[:RATE]", conflicts_with = "broker")]
    pub sabotage: Option<sabotage::Order>,
}

/// Takes out the scenarios that do not hold for the store that they would run on, and says how
/// many. Which store a given broker has is not known.
pub(super) fn choose(
    choice: &BrokerChoice,
    scenarios: &mut Vec<Scenario>,
) -> Result<usize, Refused> {
    set_store(choice.store.as_deref(), scenarios)?;
    refuse_sabotage(choice, scenarios)?;
    if choice.broker.is_empty() {
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

/// The same for simulations. They need no server, so a scenario that does not hold for its own
/// store is tried on the first one that it holds for, unless the command line says otherwise.
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

/// Sabotage needs to know who sent a message, which only our wire tells, and what it did before,
/// which another broker does not know.
fn refuse_sabotage(choice: &BrokerChoice, scenarios: &[Scenario]) -> Result<(), Refused> {
    if choice.sabotage.is_none() {
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

/// The broker itself, but for the store.
pub(super) fn broker_under_test(
    choice: &BrokerChoice,
    harness: &Path,
) -> Result<BrokerUnderTest, Refused> {
    if !choice.broker.is_empty() {
        let addresses = external::addresses(&choice.broker).map_err(Refused::usage)?;
        return Ok(BrokerUnderTest::External(addresses));
    }
    Ok(BrokerUnderTest::Own(process::Settings::new(harness)))
}

/// Where the scenarios on MySQL have their databases. Nothing is started yet, and what cannot be
/// done is refused. `at_once`: scenarios may run at the same time.
pub(super) fn database_server(
    choice: &BrokerChoice,
    plans: &[Arc<Plan>],
    at_once: bool,
    harness: &Path,
) -> Result<Option<Arc<Server>>, Refused> {
    let mut brokers = plans.iter().map(|plan| &plan.scenario.broker);
    if !choice.broker.is_empty() || !brokers.any(|broker| broker.store.has_database()) {
        return match &choice.keep_data {
            Some(_) => Err(Refused::usage("--keep-data: no selected scenario is on MySQL")),
            None => Ok(None),
        };
    }
    let found = database::find(harness, choice.keep_data.clone());
    let server = found.map_err(|failure| match failure {
        database::NotFound::Wrong(text) => Refused::usage(text),
        database::NotFound::Missing(text) => Refused::no_verdict(text),
    })?;
    for plan in plans {
        refuse_database_faults(choice, at_once, plan, &server)?;
    }
    check(&server).map_err(Refused::no_verdict)?;
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
    choice: &BrokerChoice,
    at_once: bool,
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
        } else if is_process && choice.keep_data.is_some() && at_once {
            Some("it needs a server of its own with --jobs, and --keep-data keeps one".to_owned())
        } else {
            None
        }
    })
}
