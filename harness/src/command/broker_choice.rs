//! Which broker the command line runs scenarios against, and which scenarios cannot run there: all
//! objections are here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::masked;

use super::refused::Refused;
use super::streams;
use crate::driver;
use crate::input::diagnostic::{self, Diagnostic};
use crate::input::values;
use crate::report::Skipped;
use crate::sabotage;
use crate::scenario::objection::{
    Brokers, DatabaseServer, Objection, Setting, bad_names, objections,
};
use crate::scenario::{self, Scenario};
use crate::testbed::database::Server;
use crate::testbed::external;
use crate::testbed::{database, process};
use crate::trial::BrokerUnderTest;

/// What `harness run` and `harness sabotage` take for it.
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

    /// Wait so long for brokers that are still starting
    #[arg(long, value_name = "TIME", requires = "broker", value_parser = time)]
    pub wait: Option<Duration>,
}

/// Parses a time.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    values::time(text).map_err(|why| why.brief())
}

/// Puts the store of the command line in place, finds the server of the databases, and moves the
/// scenarios that cannot run there to `skipped`. Nothing is started yet. `at_once`: scenarios may run
/// at the same time.
pub(super) fn choose(
    choice: &BrokerChoice,
    sabotage: Option<sabotage::Kind>,
    at_once: bool,
    harness: &Path,
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
) -> Result<Option<Arc<Server>>, Refused> {
    set_store(choice.store.as_deref(), scenarios)?;
    set_driver(&choice.broker, scenarios)?;
    let server = find_server(choice, scenarios, harness)?;
    let brokers = if choice.broker.is_empty() {
        Brokers::Ours(server.as_ref().map(|server| DatabaseServer {
            is_ours: server.is_ours(),
            has_port: server.has_port(),
            is_shared: choice.keep_data.is_some() && at_once,
        }))
    } else {
        Brokers::Theirs
    };
    let setting = Setting { brokers, capabilities: None };
    keep_possible(setting, sabotage, scenarios, skipped)?;
    if let Some(server) = &server {
        check(server).map_err(Refused::no_verdict)?;
    }
    Ok(server)
}

/// The same for simulations, which need no server. A scenario that does not hold for its own store is
/// tried on the first one that it holds for, unless the command line says otherwise.
pub(super) fn choose_simulated(
    store: Option<&str>,
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
) -> Result<(), Refused> {
    if store.is_none() {
        for broker in scenarios.iter_mut().map(|scenario| &mut scenario.broker) {
            if !broker.stores.contains(&broker.store) {
                broker.store = broker.stores.first().copied().unwrap_or(broker.store);
            }
        }
    }
    set_store(store, scenarios)?;
    let brokers = Brokers::Simulated;
    let setting = Setting { brokers, capabilities: None };
    keep_possible(setting, None, scenarios, skipped)
}

/// Has brokers that run already spoken to by a driver of their scheme: the first one where a scenario
/// names none. One that names a driver of other schemes is refused. A driver of none brings its own
/// broker, which is an objection like others.
fn set_driver(urls: &[String], scenarios: &mut [Scenario]) -> Result<(), Refused> {
    // What is wrong with a URL is said where its address is wanted.
    let Some(Ok((spoken, _))) = urls.first().map(|url| driver::parse_url(url)) else {
        return Ok(());
    };
    for scenario in scenarios {
        if scenario.broker.driver == scenario::DEFAULT_DRIVER {
            spoken.word.clone_into(&mut scenario.broker.driver);
        }
        // A word that names no driver is found with whatever else cannot be had.
        let Ok(own) = driver::find(&scenario.broker) else { continue };
        let speaks = own.schemes.iter().any(|scheme| spoken.schemes.contains(scheme));
        if !speaks && !own.schemes.is_empty() {
            let (file, word, url) = (scenario.file.display(), own.word, masked(&urls[0]));
            let why = format!("its driver, {word}, does not speak to a broker at {url}");
            let text = format!("{file}: {why}");
            return Err(Refused::here(scenario, text, [(None, why)]));
        }
    }
    Ok(())
}

/// Puts the store of the command line in place of the scenarios'.
fn set_store(store: Option<&str>, scenarios: &mut [Scenario]) -> Result<(), Refused> {
    if let Some(store) = store {
        let store = scenario::store(store).map_err(|why| {
            Refused::usage(format_args!("--store {}: {}", masked(store), why.brief()))
        })?;
        for scenario in scenarios {
            scenario.broker.store = store;
            scenario.broker.store_is_named = true;
        }
    }
    Ok(())
}

/// Moves the scenarios that cannot run there to `skipped`, each with a line that says why. One that
/// is alone is refused; so are all with a value that is not possible there.
fn keep_possible(
    setting: Setting,
    sabotage: Option<sabotage::Kind>,
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
) -> Result<(), Refused> {
    let is_alone = scenarios.len() == 1;
    let mut invalid = Vec::new();
    for scenario in std::mem::take(scenarios) {
        let found = match objections_to(&scenario, setting, sabotage) {
            Ok(found) => found,
            Err(unknown) => vec![Objection::Value(Box::new(unknown))],
        };
        let values = found.iter().filter_map(|objection| match objection {
            Objection::Value(diagnostic) => Some((**diagnostic).clone()),
            Objection::Whole(_) | Objection::Fault(..) => None,
        });
        let before = invalid.len();
        invalid.extend(values);
        match found.first() {
            None => scenarios.push(scenario),
            Some(_) if invalid.len() > before => {}
            Some(_) if is_alone => return Err(refused(&scenario, &found)),
            Some(objection) => {
                let reason = objection.brief(&scenario);
                streams::tell(&format!("SKIP  {}  {reason}", scenario.name));
                skipped.push(Skipped { name: scenario.name, file: scenario.file, reason });
            }
        }
    }
    diagnostic::Error::unless_empty(invalid).map_err(|error| Refused::scenario(&error))?;
    if scenarios.is_empty() {
        return Err(Refused::nothing_selected("every scenario was skipped"));
    }
    Ok(())
}

/// The scenario, if there is its driver and that takes its names.
pub(super) fn drivable(scenario: Scenario) -> Result<Scenario, diagnostic::Error> {
    let row = driver::find(&scenario.broker)?;
    let capabilities = (row.capabilities)(&scenario.broker);
    diagnostic::Error::unless_empty(bad_names(&scenario, &capabilities))?;
    Ok(scenario)
}

/// Everything that keeps a scenario from running there.
fn objections_to(
    scenario: &Scenario,
    setting: Setting,
    sabotage: Option<sabotage::Kind>,
) -> Result<Vec<Objection>, Diagnostic> {
    let row = driver::find(&scenario.broker)?;
    if matches!(setting.brokers, Brokers::Simulated) && row.simulate.is_none() {
        let why = format!("its driver, {}, {}", row.word, driver::NOT_SIMULATED);
        return Ok(vec![Objection::Whole(format!("{why}; run it with `harness run`"))]);
    }
    let capabilities = (row.capabilities)(&scenario.broker);
    let is_started = matches!(setting.brokers, Brokers::Ours(_));
    if is_started && capabilities.has_address && row.recipe.is_none() {
        return Ok(vec![Objection::Whole(row.not_started())]);
    }
    let setting = Setting { capabilities: Some(capabilities), ..setting };
    let sabotaged = sabotage.and_then(|kind| {
        let why = kind.objection(&capabilities)?;
        Some(Objection::Whole(format!("--sabotage {kind}: {why}")))
    });
    Ok(objections(scenario, &setting).into_iter().chain(sabotaged).collect())
}

fn refused(scenario: &Scenario, found: &[Objection]) -> Refused {
    let lines: Vec<_> = found.iter().map(|objection| objection.of(scenario)).collect();
    let problems =
        found.iter().map(|objection| (objection.line(scenario), objection.brief(scenario)));
    Refused::here(scenario, lines.join("\nerror: "), problems)
}

/// Why the scenario's broker cannot be made wrong in this way.
pub(super) fn sabotage_objection(kind: sabotage::Kind, scenario: &Scenario) -> Option<String> {
    let row = driver::find(&scenario.broker).ok()?;
    kind.objection(&(row.capabilities)(&scenario.broker))
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

/// Where the scenarios on MySQL have their databases.
fn find_server(
    choice: &BrokerChoice,
    scenarios: &[Scenario],
    harness: &Path,
) -> Result<Option<Arc<Server>>, Refused> {
    let mut brokers = scenarios.iter().map(|scenario| &scenario.broker);
    if !choice.broker.is_empty() || !brokers.any(|broker| broker.store.has_database()) {
        return match &choice.keep_data {
            Some(_) => Err(Refused::usage("--keep-data: no selected scenario is on MySQL")),
            None => Ok(None),
        };
    }
    let found = database::find(harness, choice.keep_data.clone());
    found.map(Some).map_err(|failure| match failure {
        database::NotFound::Wrong(text) => Refused::usage(text),
        database::NotFound::Missing(text) => Refused::no_verdict(text),
    })
}

/// Whether a server that was named can be used, found out once and not by each scenario.
fn check(server: &Server) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(server.check()).map_err(|failure| failure.0)
}
