//! Which brokers the command line runs scenarios on.
//!
//! - `wanted`: what is named, and what of it can be had here and now. `possible`: which scenarios
//!   cannot run there. `simulated`: the same for a simulation.

mod possible;
mod simulated;
mod wanted;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use self::possible::{Lone, keep_possible, keep_spoken, take, without_cluster};
pub(super) use self::possible::{drivable, sabotage_objection};
pub(super) use self::simulated::choose_simulated;
pub(super) use self::wanted::brokers_in;
use self::wanted::{Missing, absence, brokers_file, here, wanted};
use super::refused::Refused;
use crate::catalogue::{self, Named, Way};
use crate::driver::{self, Address, Keys, TOKEN_VARIABLE, Takes};
use crate::input::diagnostic;
use crate::input::values;
use crate::io_error::reason;
use crate::recipes;
use crate::report::Skipped;
use crate::sabotage;
use crate::scenario::Scenario;
use crate::scenario::objection::{Brokers, DatabaseServer, Disk, Setting};
use crate::server::{Version, Wanted};
use crate::storage;
use crate::testbed::database::Server;
use crate::testbed::shared::Shared;
use crate::testbed::{database, process};
use crate::trial::BrokerUnderTest;

/// What `harness run` and `harness sabotage` take for it.
#[derive(Clone, Debug, clap::Args)]
pub struct BrokerChoice {
    /// The broker to run on: a word of `harness brokers`, `all`, a URL of one that runs already
    /// (URL+URL for one system at several addresses), or `exec: COMMAND`; several with commas, or
    /// by repeating the flag
    #[arg(long, value_name = "BROKER")]
    pub on: Vec<String>,

    /// Take words from this file; by default from a brokers.yaml beside the scenario
    #[arg(long, value_name = "FILE")]
    pub brokers: Option<PathBuf>,

    /// End with 3 where a server of a broker that was named is not installed, instead of a line
    #[arg(long)]
    pub require_servers: bool,

    /// Keep the data of the private MySQL server in this folder, with the runs' databases in it
    #[arg(long, value_name = "DIR")]
    pub keep_data: Option<PathBuf>,

    /// Trust this CA, a file in PEM, to have signed the certificate of a broker at an https:// URL
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Wait so long for brokers at URLs that are still starting
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub wait: Option<Duration>,
}

impl BrokerChoice {
    /// Whether the flag names more than one broker.
    pub(super) fn names_several(&self) -> bool {
        catalogue::count(&self.on) > 1
    }
}

/// A broker, ready for scenarios to be run on.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) named: Named,
    /// Of the server that is started, where it says it.
    pub(super) version: Option<Version>,
    /// The broker itself, but for the store.
    pub(super) broker: BrokerUnderTest,
    /// Where the scenarios on MySQL have their databases.
    pub(super) database: Option<Arc<Server>>,
    /// In the order of the selection.
    pub(super) scenarios: Vec<Scenario>,
}

impl Chosen {
    /// Ends what serves all runs of the call, and says what is kept.
    pub(super) async fn stop(&self) -> Option<String> {
        if let BrokerUnderTest::Own(process::Settings { shared: Some(shared), .. }) = &self.broker
            && let Err(failure) = shared.stop().await
        {
            return Some(failure.0);
        }
        self.database.as_ref()?.stop().await
    }
}

/// Parses a time.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    values::time(text).map_err(|why| why.brief())
}

/// The brokers that the scenarios are to run on, each with those that can; the others are moved to
/// `skipped`. Nothing is started yet. `at_once`: scenarios may run at the same time.
pub(super) fn choose(
    choice: &BrokerChoice,
    sabotage: Option<sabotage::Kind>,
    at_once: bool,
    harness: &Path,
    scenarios: Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
) -> Result<Vec<Chosen>, Refused> {
    let file = brokers_file(choice.brokers.as_deref(), &scenarios)?;
    let wanted = wanted(&choice.on, &file, scenarios)?;
    let is_alone = wanted.iter().map(|(_, scenarios)| scenarios.len()).sum::<usize>() == 1;
    let (is_named, is_only) = (!choice.on.is_empty(), wanted.len() == 1);
    let (mut all, mut invalid) = (Vec::new(), Vec::new());
    for (meant, mut scenarios) in wanted {
        let (named, version) = match here(meant) {
            Ok(here) => here,
            Err((word, absent)) => {
                let missing = Missing { is_only, is_required: choice.require_servers };
                absence(missing, (&word, &absent), &scenarios, skipped)?;
                continue;
            }
        };
        if is_named && !is_alone {
            keep_spoken(&named, &mut scenarios, skipped);
        }
        for scenario in &mut scenarios {
            take(&named, scenario, is_named)?;
        }
        let database = find_database(choice, &named, &scenarios, harness)?;
        let brokers = match named.way {
            Way::Running(..) => Brokers::Theirs,
            _ => Brokers::Started(database.as_ref().map(|server| DatabaseServer {
                is_ours: server.is_ours(),
                has_port: server.has_port(),
                is_shared: choice.keep_data.is_some() && at_once,
                is_kept: choice.keep_data.is_some(),
            })),
        };
        let asks_for_disk = scenarios.iter().any(Scenario::has_storage_fault);
        let unavailable = asks_for_disk.then(storage::unavailable).flatten();
        let disk = asks_for_disk.then(|| Disk {
            unavailable: unavailable.as_deref(),
            has_files: has_files(&named, harness),
            is_kept: choice.keep_data.is_some(),
        });
        let setting = Setting { brokers, capabilities: None, disk };
        let lone = Lone { is_alone, is_only };
        keep_possible(setting, sabotage, lone, &mut scenarios, skipped, &mut invalid)?;
        if let Some(why) = database.as_ref().and_then(|server| server.no_cluster()) {
            let is_required = is_alone || choice.require_servers;
            without_cluster(&why, is_required, &mut scenarios, skipped)?;
        }
        if scenarios.is_empty() {
            continue;
        }
        if let Some(server) = &database {
            check(server).map_err(Refused::no_verdict)?;
        }
        let broker = under_test(&named, choice, harness)?;
        all.push(Chosen { named, version, broker, database, scenarios });
    }
    diagnostic::Error::unless_empty(invalid).map_err(|error| Refused::scenario(&error))?;
    if all.is_empty() {
        return Err(Refused::nothing_selected("every scenario was skipped"));
    }
    if choice.keep_data.is_some() && all.iter().all(|chosen| chosen.database.is_none()) {
        return Err(Refused::usage("--keep-data: no selected scenario is on MySQL"));
    }
    let is_encrypted = |address: &Address| address.access().is_some_and(|access| access.tls);
    let asks_for_ca = |chosen: &Chosen| match &chosen.broker {
        BrokerUnderTest::External(addresses) => addresses.iter().any(is_encrypted),
        BrokerUnderTest::Own(_) => false,
    };
    if choice.ca.is_some() && !all.iter().any(asks_for_ca) {
        return Err(Refused::usage("--ca is for a broker at an https:// URL: name one by --on"));
    }
    let is_theirs = |chosen: &Chosen| matches!(chosen.named.way, Way::Running(..));
    if choice.wait.is_some() && !all.iter().any(is_theirs) {
        return Err(Refused::usage("--wait is for a broker at a URL: name one by --on"));
    }
    Ok(all)
}

/// The broker itself, but for the store.
fn under_test(
    named: &Named,
    choice: &BrokerChoice,
    harness: &Path,
) -> Result<BrokerUnderTest, Refused> {
    let own = process::Settings::new(harness);
    Ok(match &named.way {
        Way::Running(addresses, _) => {
            let row = driver::by_word(&named.driver);
            let addresses = addresses.iter().cloned();
            BrokerUnderTest::External(match row.filter(|row| row.takes == Takes::Keys) {
                Some(_) => {
                    let keys = keys(choice).map_err(Refused::usage)?;
                    addresses.map(|address| address.with_keys(&keys)).collect()
                }
                None => addresses.collect(),
            })
        }
        Way::Started(recipes::Row { new, .. }) => BrokerUnderTest::Own(process::Settings {
            recipe: *new,
            is_ours: false,
            config: named.options.config.clone(),
            shared: Some(Arc::new(Shared::default())),
            ..own
        }),
        Way::Own => BrokerUnderTest::Own(process::Settings {
            is_ours: false,
            own: named.options.server.clone().map(Arc::new),
            shared: Some(Arc::new(Shared::default())),
            ..own
        }),
        Way::Ours(_) | Way::Brought => BrokerUnderTest::Own(own),
    })
}

/// What our broker is shown at a URL, and what it has to show.
fn keys(choice: &BrokerChoice) -> Result<Keys, String> {
    let token = std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty());
    let read = |file: &PathBuf| {
        fs::read(file).map_err(|error| format!("--ca: {}: {}", file.display(), reason(&error)))
    };
    Keys::new(token.as_deref(), choice.ca.as_ref().map(read).transpose()?)
}

/// Whether what is started keeps its data in files, as far as its recipe knows.
fn has_files(named: &Named, harness: &Path) -> bool {
    let new = match &named.way {
        Way::Started(recipes::Row { new, .. }) => new,
        Way::Own => return named.options.server.as_ref().is_some_and(|own| own.data.is_some()),
        Way::Ours(_) | Way::Running(..) | Way::Brought => return false,
    };
    let (name, config) = (named.word.clone(), &named.options.config);
    let recipe =
        new(&Wanted { harness, name, arguments: &[], store: None, is_cluster: false, config });
    // Its start says what is wrong with it.
    recipe.map_or(true, |recipe| recipe.data().is_some())
}

/// Where the scenarios on MySQL have their databases.
fn find_database(
    choice: &BrokerChoice,
    named: &Named,
    scenarios: &[Scenario],
    harness: &Path,
) -> Result<Option<Arc<Server>>, Refused> {
    if !scenarios.iter().any(|scenario| scenario.broker.store.has_database()) {
        return Ok(None);
    }
    let found = database::find(harness, &named.options.config, choice.keep_data.clone());
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
