//! Which brokers the command line runs scenarios on, and which scenarios cannot run there: all
//! objections are here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use broker_client::wire::masked;

use super::refused::Refused;
use super::streams;
use crate::catalogue::{self, Absent, Brokers as BrokersFile, Meant, Named, Way};
use crate::driver;
use crate::input::diagnostic::{self, Diagnostic};
use crate::input::values;
use crate::recipes;
use crate::report::Skipped;
use crate::sabotage;
use crate::scenario::Scenario;
use crate::scenario::objection::{
    Brokers, DatabaseServer, Objection, Setting, bad_names, objections,
};
use crate::server::Version;
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
                absence(choice, is_only, (&word, &absent), &scenarios, skipped)?;
                continue;
            }
        };
        if is_named && !is_alone {
            keep_spoken(&named, &mut scenarios, skipped);
        }
        for scenario in &mut scenarios {
            take(&named, scenario, is_named)?;
        }
        let database = find_database(choice, &scenarios, harness)?;
        let brokers = match named.way {
            Way::Running(..) => Brokers::Theirs,
            _ => Brokers::Started(database.as_ref().map(|server| DatabaseServer {
                is_ours: server.is_ours(),
                has_port: server.has_port(),
                is_shared: choice.keep_data.is_some() && at_once,
            })),
        };
        let setting = Setting { brokers, capabilities: None };
        let lone = Lone { is_alone, is_only };
        keep_possible(setting, sabotage, lone, &mut scenarios, skipped, &mut invalid)?;
        if scenarios.is_empty() {
            continue;
        }
        if let Some(server) = &database {
            check(server).map_err(Refused::no_verdict)?;
        }
        let broker = under_test(&named, harness);
        all.push(Chosen { named, version, broker, database, scenarios });
    }
    diagnostic::Error::unless_empty(invalid).map_err(|error| Refused::scenario(&error))?;
    if all.is_empty() {
        return Err(Refused::nothing_selected("every scenario was skipped"));
    }
    if choice.keep_data.is_some() && all.iter().all(|chosen| chosen.database.is_none()) {
        return Err(Refused::usage("--keep-data: no selected scenario is on MySQL"));
    }
    let is_theirs = |chosen: &Chosen| matches!(chosen.named.way, Way::Running(..));
    if choice.wait.is_some() && !all.iter().any(is_theirs) {
        return Err(Refused::usage("--wait is for a broker at a URL: name one by --on"));
    }
    Ok(all)
}

/// The same for simulations, of our own broker alone, which need no server. A scenario that does not
/// hold for a broker in memory is tried on MySQL, unless the command line says otherwise.
pub(super) fn choose_simulated(
    on: &[String],
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
) -> Result<(), Refused> {
    let [memory, mysql] = ["memory", "mysql"].map(ours);
    let given = match on {
        [] => None,
        [word] if word == "memory" => Some(&memory),
        [word] if word == "mysql" => Some(&mysql),
        other => {
            let given = masked(&other.join(","));
            let why = "a simulation is of our own broker: memory or mysql";
            return Err(Refused::usage(format_args!("--on: {given}: {why}")));
        }
    };
    let setting = Setting { brokers: Brokers::Simulated, capabilities: None };
    for scenario in scenarios.iter_mut() {
        if let Some(named) = given {
            take(named, scenario, true)?;
            continue;
        }
        let named = if scenario.broker.store.has_database() { &mysql } else { &memory };
        let own = scenario.broker.on.clone();
        take(named, scenario, false)?;
        // A broker that is not ours is named as it is in what is said of it.
        if own != named.word {
            scenario.broker.on = own;
            continue;
        }
        let is_held = |scenario: &Scenario| {
            let found = objections_to(scenario, setting, None);
            !found.is_ok_and(|found| found.iter().any(|one| matches!(one, Objection::Whole(_))))
        };
        let mut other = scenario.clone();
        take(&mysql, &mut other, false)?;
        if !is_held(scenario) && is_held(&other) {
            *scenario = other;
        }
    }
    let mut invalid = Vec::new();
    let lone = Lone { is_alone: scenarios.len() == 1, is_only: true };
    keep_possible(setting, None, lone, scenarios, skipped, &mut invalid)?;
    diagnostic::Error::unless_empty(invalid).map_err(|error| Refused::scenario(&error))?;
    if scenarios.is_empty() {
        return Err(Refused::nothing_selected("every scenario was skipped"));
    }
    Ok(())
}

/// One of our own brokers, which are always there.
fn ours(word: &str) -> Named {
    let entry = catalogue::entries().find(|entry| entry.word == word);
    Named::of(entry.expect("our own broker is in the catalogue")).expect("it is always built")
}

/// The words of the user's own.
pub(super) fn brokers_file(
    named: Option<&Path>,
    scenarios: &[Scenario],
) -> Result<BrokersFile, Refused> {
    let files: Vec<_> = scenarios.iter().map(|scenario| scenario.file.as_path()).collect();
    BrokersFile::read(named, &files).map_err(|error| Refused::scenario(&error))
}

/// The same for a call without scenarios: those of the file that is named, or of this folder's.
pub(super) fn brokers_in(named: Option<&Path>) -> Result<BrokersFile, Refused> {
    let here = Path::new("./scenario.yaml");
    BrokersFile::read(named, &[here]).map_err(|error| Refused::scenario(&error))
}

/// What is wanted, each with its scenarios: all of them on each broker that the command line names,
/// else each on its own.
fn wanted(
    on: &[String],
    file: &BrokersFile,
    scenarios: Vec<Scenario>,
) -> Result<Vec<(Meant, Vec<Scenario>)>, Refused> {
    if !on.is_empty() {
        let meant = catalogue::resolve(on, file);
        let meant = meant.map_err(|why| Refused::usage(format_args!("--on: {why}")))?;
        return Ok(meant.into_iter().map(|meant| (meant, scenarios.clone())).collect());
    }
    let mut groups: Vec<(String, Meant, Vec<Scenario>)> = Vec::new();
    let mut wrong = Vec::new();
    for scenario in scenarios {
        let word = scenario.broker.on.clone();
        if let Some((_, _, group)) = groups.iter_mut().find(|(known, ..)| *known == word) {
            group.push(scenario);
            continue;
        }
        match catalogue::one(&word, file) {
            Ok(meant) => groups.push((word, meant, vec![scenario])),
            Err(why) => wrong.push(Diagnostic::new(why).on(&scenario.broker.on_spot)),
        }
    }
    diagnostic::Error::unless_empty(wrong).map_err(|error| Refused::scenario(&error))?;
    Ok(groups.into_iter().map(|(_, meant, group)| (meant, group)).collect())
}

/// A broker that can be had here and now, and the version of its server.
fn here(meant: Meant) -> Result<(Named, Option<Version>), (String, Absent)> {
    match meant {
        Meant::Absent(word, absent) => Err((word, absent)),
        Meant::Broker(named) => match named.version() {
            Ok(version) => Ok((*named, version)),
            Err(absent) => Err((named.word, absent)),
        },
    }
}

/// Skips the scenarios of a broker that cannot be had, with one line; or refuses the call, where it
/// is about that one alone, or must not go without.
fn absence(
    choice: &BrokerChoice,
    is_only: bool,
    (word, absent): (&str, &Absent),
    scenarios: &[Scenario],
    skipped: &mut Vec<Skipped>,
) -> Result<(), Refused> {
    let why = absent.why();
    match absent {
        Absent::NotBuilt(_) | Absent::OnlyByUrl(_) if is_only => {
            return Err(Refused::usage(format_args!("{word}: {why}")));
        }
        Absent::NoServer(_) if is_only || choice.require_servers => {
            return Err(Refused::no_verdict(format_args!("{word}: {why}")));
        }
        Absent::NotBuilt(_) if choice.require_servers => {
            return Err(Refused::no_verdict(format_args!("{word}: {why}")));
        }
        Absent::NotBuilt(_) | Absent::OnlyByUrl(_) | Absent::NoServer(_) => {}
    }
    streams::tell(&format!("SKIP  {word}: {why}"));
    skipped.extend(scenarios.iter().map(|scenario| Skipped {
        name: scenario.name.clone(),
        file: scenario.file.clone(),
        on: Some(word.to_owned()),
        reason: why.to_owned(),
    }));
    Ok(())
}

/// Has a scenario run on a broker. One whose driver does not speak to it is refused.
fn take(named: &Named, scenario: &mut Scenario, is_named: bool) -> Result<(), Refused> {
    named.take(scenario, is_named).map_err(|why| {
        let text = format!("{}: {why}", scenario.file.display());
        Refused::here(scenario, text, [(None, why)])
    })?;
    // A driver that brings its own broker is spoken to by nobody else's word.
    if let Ok(row) = driver::find(&scenario.broker)
        && row.schemes.is_empty()
        && row.word != named.driver
        && !is_named
    {
        row.word.clone_into(&mut scenario.broker.on);
    }
    Ok(())
}

/// Moves the scenarios to `skipped` that name a driver which does not speak to the broker.
fn keep_spoken(named: &Named, scenarios: &mut Vec<Scenario>, skipped: &mut Vec<Skipped>) {
    for scenario in std::mem::take(scenarios) {
        match named.take(&mut scenario.clone(), true) {
            Ok(()) => scenarios.push(scenario),
            Err(reason) => skip(scenario, Some(&named.word), reason, skipped),
        }
    }
}

/// Says that a scenario is not run, and on which broker, where the command line names it.
fn skip(scenario: Scenario, on: Option<&str>, reason: String, skipped: &mut Vec<Skipped>) {
    let place = on.map(|on| format!(" on {on}")).unwrap_or_default();
    streams::tell(&format!("SKIP  {}{place}  {reason}", scenario.name));
    let on = Some(on.map_or(scenario.broker.on, str::to_owned));
    skipped.push(Skipped { name: scenario.name, file: scenario.file, on, reason });
}

/// What there is beside a scenario on a broker.
#[derive(Clone, Copy)]
struct Lone {
    /// No other run at all.
    is_alone: bool,
    /// No other broker.
    is_only: bool,
}

/// Moves the scenarios that cannot run there to `skipped`, each with a line that says why. One that
/// is alone is refused; so are all with a value that is not possible there, unless there are other
/// brokers.
fn keep_possible(
    setting: Setting,
    sabotage: Option<sabotage::Kind>,
    Lone { is_alone, is_only }: Lone,
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
    invalid: &mut Vec<Diagnostic>,
) -> Result<(), Refused> {
    for scenario in std::mem::take(scenarios) {
        let found = match objections_to(&scenario, setting, sabotage) {
            Ok(found) => found,
            Err(unknown) => vec![Objection::Value(Box::new(unknown))],
        };
        let values = found.iter().filter_map(|objection| match objection {
            Objection::Value(diagnostic) if is_only => Some((**diagnostic).clone()),
            Objection::Value(_) | Objection::Whole(_) | Objection::Fault(..) => None,
        });
        let before = invalid.len();
        invalid.extend(values);
        match found.first() {
            None => scenarios.push(scenario),
            Some(_) if invalid.len() > before => {}
            Some(_) if is_alone => return Err(refused(&scenario, &found)),
            Some(objection) => {
                let (reason, broker) = (objection.brief(&scenario), &scenario.broker);
                let on = broker.on_is_named.then(|| broker.on.clone());
                skip(scenario, on.as_deref(), reason, skipped);
            }
        }
    }
    Ok(())
}

/// The scenario, if there are its broker and its driver, and that takes its names.
pub(super) fn drivable(mut scenario: Scenario) -> Result<Scenario, diagnostic::Error> {
    let file = BrokersFile::read(None, &[&scenario.file])?;
    let meant = catalogue::one(&scenario.broker.on, &file);
    let meant = meant.map_err(|why| Diagnostic::new(why).on(&scenario.broker.on_spot))?;
    if let Meant::Broker(named) = meant {
        let taken = named.take(&mut scenario, false);
        taken.map_err(|why| Diagnostic::new(why).on(&scenario.broker.driver_spot))?;
    }
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
fn under_test(named: &Named, harness: &Path) -> BrokerUnderTest {
    let own = process::Settings::new(harness);
    match &named.way {
        Way::Running(addresses, _) => BrokerUnderTest::External(addresses.clone()),
        Way::Started(recipes::Row { new, .. }) => BrokerUnderTest::Own(process::Settings {
            recipe: *new,
            is_ours: false,
            config: named.options.config.clone(),
            shared: Some(Arc::new(Shared::default())),
            ..own
        }),
        Way::Ours(_) | Way::Brought => BrokerUnderTest::Own(own),
    }
}

/// Where the scenarios on MySQL have their databases.
fn find_database(
    choice: &BrokerChoice,
    scenarios: &[Scenario],
    harness: &Path,
) -> Result<Option<Arc<Server>>, Refused> {
    if !scenarios.iter().any(|scenario| scenario.broker.store.has_database()) {
        return Ok(None);
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
