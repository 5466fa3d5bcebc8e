//! What a scenario asks for that cannot be had where it would run. The file alone, the command line,
//! the broker that is named and the database's server are all compared with it here.

mod disk;

use std::num::NonZeroU32;

use super::broker::{Broker, DEFAULT_ON, Store};
use super::model::Scenario;
use crate::capability::{Capabilities, Known};
use crate::fault::{Effect, Fault, Hold, Part, StorageFault, Target};
use crate::input::diagnostic::Diagnostic;
use crate::input::names;
use crate::numbers;

pub use disk::Disk;

/// Where a scenario would run.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The brokers.
    pub brokers: Brokers,
    /// What is known of them; none while only the file is looked at.
    pub capabilities: Option<Capabilities>,
    /// What is known of the disk of what keeps the data; none while only the file is looked at, and where
    /// no fault is about it.
    pub disk: Option<Disk<'a>>,
}

/// Whose the brokers are.
#[derive(Clone, Copy, Debug)]
pub enum Brokers {
    /// Started for the run, with their database on this server; none is not known yet.
    Started(Option<DatabaseServer>),
    /// Somebody else's, which run already.
    Theirs,
    /// Ours, in a simulation, which needs no server.
    Simulated,
}

/// A server that databases can be on.
#[derive(Clone, Copy, Debug)]
pub struct DatabaseServer {
    /// Whether it is started for the run, and not somebody else's.
    pub is_ours: bool,
    /// Whether it has a host and a port, so that a relay can stand before it.
    pub has_port: bool,
    /// Whether several runs may be on it at a time, and another one cannot be had.
    pub is_shared: bool,
    /// Whether its data is kept.
    pub is_kept: bool,
}

/// One thing that cannot be had.
#[derive(Clone, Debug)]
pub enum Objection {
    /// The scenario as a whole does not hold there.
    Whole(String),
    /// A fault of it, by place, cannot be carried out.
    Fault(usize, String),
    /// A value in its file is not possible there.
    Value(Box<Diagnostic>),
}

/// Everything that cannot be had; nothing where the scenario can run.
#[must_use]
pub fn objections(scenario: &Scenario, setting: &Setting<'_>) -> Vec<Objection> {
    let broker = &scenario.broker;
    let whole = match setting.brokers {
        Brokers::Started(_) | Brokers::Simulated => not_held(broker, setting.capabilities.as_ref()),
        Brokers::Theirs => None,
    };
    let whole = whole.or_else(|| not_ours(broker, setting)).or_else(|| no_config(broker, setting));
    if let Some(whole) = whole.or_else(|| brings_its_own(broker, setting)) {
        return vec![Objection::Whole(whole)];
    }
    if let Some(why) = no_cluster(broker, setting.brokers) {
        return vec![why];
    }
    let faults = scenario.faults.iter().enumerate();
    let faults = faults.filter_map(|(place, fault)| {
        Some(Objection::Fault(place, refused(scenario, fault, setting)?))
    });
    let names = setting.capabilities.iter().flat_map(|own| match setting.brokers {
        Brokers::Theirs => bad_names(scenario, own),
        Brokers::Started(_) | Brokers::Simulated => names_not_started(scenario, own),
    });
    let flights = setting.capabilities.iter().flat_map(|own| too_many_in_flight(scenario, own));
    let values = names.chain(flights).map(|value| Objection::Value(Box::new(value)));
    values.chain(faults).collect()
}

/// The producers that have more requests under way at a time than the driver can have; where several
/// say it in one place, once.
fn too_many_in_flight(scenario: &Scenario, capabilities: &Capabilities) -> Vec<Diagnostic> {
    let several = scenario.producers.iter().filter(|own| own.in_flight.get() > 1);
    let several: Vec<u32> = several.map(|own| own.number).collect();
    let Some(first) = scenario.producers.iter().find(|own| own.in_flight.get() > 1) else {
        return Vec::new();
    };
    if capabilities.in_flight {
        return Vec::new();
    }
    let who = names::list(names::Kind::Producer, &several);
    let driver = &scenario.broker.driver;
    let title = format!("{who} cannot have `in_flight: {}`", first.in_flight);
    let label = format!("the driver {driver} has one request of a topic under way at a time");
    vec![Diagnostic::new(title).label(label).on(&first.in_flight_spot)]
}

/// Why the scenario does not hold for the broker that would be started.
fn not_held(broker: &Broker, capabilities: Option<&Capabilities>) -> Option<String> {
    let alone = broker.count.get() > 1 && !broker.store.has_database();
    if alone {
        let (count, on) = (broker.count, &broker.on);
        let cure = put_on(broker, Store::Mysql);
        return Some(format!("it has {count} brokers, which share nothing on {on}; {cure}"));
    }
    unmet(broker, capabilities)
}

/// What the scenario needs and the broker is known not to have; of some that is known after
/// connecting.
pub fn unmet(broker: &Broker, capabilities: Option<&Capabilities>) -> Option<String> {
    let need = broker.needs.iter().find(|need| need.is_missing(broker, capabilities))?;
    let (on, cure) = (&broker.on, put_on(broker, need.usual()));
    Some(format!("it needs `{need}`, which {on} does not have; {cure}"))
}

/// What puts a scenario on our own broker with this store.
fn put_on(broker: &Broker, store: Store) -> String {
    let verb = if broker.on_is_named { "use" } else { "add" };
    format!("{verb} --on {store}")
}

/// Why our own broker cannot be spoken to in that way.
fn not_ours(broker: &Broker, setting: &Setting<'_>) -> Option<String> {
    if matches!(setting.brokers, Brokers::Theirs) || setting.capabilities.is_none() {
        return None;
    }
    let unknown = broker.wire.unknown_to_ours()?;
    Some(format!("our own broker does not speak `wire: {{ {unknown} }}`: name another by --on URL"))
}

/// Why the database's server cannot be told its configuration.
fn no_config(broker: &Broker, setting: &Setting<'_>) -> Option<String> {
    if broker.options.config.is_empty() || !broker.store.has_database() {
        return None;
    }
    let why = match setting.brokers {
        Brokers::Started(Some(DatabaseServer { is_ours: false, .. })) => {
            "HARNESS_MYSQL_URL names a server that stays as it is; without it the harness starts one"
        }
        Brokers::Simulated => "a simulation has no database server; run it with `harness run`",
        Brokers::Started(_) | Brokers::Theirs => return None,
    };
    Some(format!("its `config` is for a private database server: {why}"))
}

/// Why there can be no cluster; with its place, where no command line has chosen the broker.
fn no_cluster(broker: &Broker, brokers: Brokers) -> Option<Objection> {
    let nodes = broker.cluster?;
    let why = match brokers {
        Brokers::Theirs => return None,
        _ if !broker.store.has_database() => {
            let why = format!("{} has no database to be a cluster", broker.on);
            if !broker.on_is_named {
                let cure = "write `on: mysql` beside it, or leave it out";
                let diagnostic = Diagnostic::new(why).label(cure).on(&broker.cluster_spot);
                return Some(Objection::Value(Box::new(diagnostic)));
            }
            format!("{why}; {}", put_on(broker, Store::Mysql))
        }
        Brokers::Simulated => {
            "a simulation has no cluster of databases; run it with `harness run`".to_owned()
        }
        Brokers::Started(Some(server)) if !server.is_ours => {
            "HARNESS_MYSQL_URL names one server, of which no cluster can be made; without it the \
             harness starts its own"
                .to_owned()
        }
        Brokers::Started(Some(server)) if server.is_kept => {
            "--keep-data keeps the data of one server, and not of a cluster; leave it out"
                .to_owned()
        }
        Brokers::Started(_) => return None,
    };
    Some(Objection::Whole(format!("it is on a cluster of {nodes} databases: {why}")))
}

/// What a fault is about that a cluster has and one server has not, or the other way round.
fn not_of_cluster(broker: &Broker, fault: &Fault) -> Option<String> {
    let nodes = broker.cluster.map(NonZeroU32::get);
    let is_isolate = matches!(fault.action.effect, Effect::Process(Hold::Isolated));
    match (&fault.action.target, nodes) {
        (Target::Process(Part::Node(place)), Some(nodes)) if *place >= nodes => {
            Some(format!("the cluster has {nodes} nodes"))
        }
        (Target::Process(Part::Node(_)), None) => {
            Some("there is one database; `cluster: 3` in `broker` makes it a cluster".to_owned())
        }
        (_, None) if is_isolate => {
            Some("one database has nothing to be cut from; add `cluster: 3` to `broker`".to_owned())
        }
        (Target::Storage, Some(_)) => Some(
            "faults of a disk are about one server's; leave `cluster` out of `broker`".to_owned(),
        ),
        _ => None,
    }
}

/// Why nothing is said about the broker where its driver brings it.
fn brings_its_own(broker: &Broker, setting: &Setting<'_>) -> Option<String> {
    let is_brought = setting.capabilities.is_some_and(|capabilities| !capabilities.has_address);
    let what = match setting.brokers {
        _ if !is_brought => return None,
        Brokers::Theirs => "cannot be given one by --on",
        _ if broker.store.has_database() => "cannot be given a store",
        _ if broker.count.get() > 1 => "cannot be given a `count`",
        _ => return None,
    };
    Some(format!("its driver, {}, brings its own broker and {what}", broker.driver))
}

/// The topic names that no broker of this kind takes.
pub fn bad_names(scenario: &Scenario, capabilities: &Capabilities) -> Vec<Diagnostic> {
    let bad = scenario.topics.iter().filter_map(|topic| {
        let why = (capabilities.name)(topic.name.as_str()).err()?;
        let title = format!("`{}` cannot name a topic", topic.name);
        Some(Diagnostic::new(title).label(why).on(&topic.spot))
    });
    bad.collect()
}

/// The topic names that the broker which the harness starts does not take, though another one may.
pub fn names_not_started(scenario: &Scenario, capabilities: &Capabilities) -> Vec<Diagnostic> {
    let bad = scenario.topics.iter().filter_map(|topic| {
        let name = topic.name.as_str();
        let why = (capabilities.started_name)(name).err()?;
        if (capabilities.name)(name).is_err() {
            let title = format!("`{name}` cannot name a topic");
            return Some(Diagnostic::new(title).label(why).on(&topic.spot));
        }
        let title = format!("the broker that the harness starts takes no topic `{name}`");
        let help = "name the topic otherwise, or run against a broker that takes it: --on URL";
        Some(Diagnostic::new(title).label(why).help(help).on(&topic.spot))
    });
    bad.collect()
}

/// Why a fault cannot be carried out.
fn refused(scenario: &Scenario, fault: &Fault, setting: &Setting<'_>) -> Option<String> {
    let (broker, target) = (&scenario.broker, &fault.action.target);
    let is_storage = *target == Target::Storage;
    if let Some(why) = disk::unknown(broker).filter(|_| is_storage) {
        return Some(why);
    }
    match setting.brokers {
        Brokers::Theirs if target.is_process() || target.is_database() => {
            let why = "a broker at a URL is somebody else's, and stays as it is";
            return Some(format!("{why}; name one that the harness starts: --on {DEFAULT_ON}"));
        }
        Brokers::Started(_) | Brokers::Simulated
            if target.is_database() && !broker.store.has_database() =>
        {
            // Where the command line does not name it, the file does, and says where.
            let cure = broker.on_is_named.then(|| format!("; {}", put_on(broker, Store::Mysql)));
            let cure = cure.unwrap_or_default();
            return Some(format!("{} has no database{cure}", broker.on));
        }
        Brokers::Started(_) | Brokers::Simulated if not_of_cluster(broker, fault).is_some() => {
            return not_of_cluster(broker, fault);
        }
        Brokers::Started(Some(server))
            if target.is_database() || is_storage && broker.store.has_database() =>
        {
            if let Some(why) = server.refuses(target) {
                return Some(why.to_owned());
            }
        }
        Brokers::Simulated if *target == Target::Storage => {
            if let Some(why) = not_simulated(broker, fault) {
                return Some(why);
            }
        }
        Brokers::Started(_) | Brokers::Simulated => {
            if let Target::Process(Part::Broker(place)) = target
                && *place >= broker.count()
            {
                let started = numbers::count(broker.count().into(), "broker");
                return Some(format!("the scenario starts {started}"));
            }
        }
        Brokers::Theirs => {}
    }
    if let Some(why) = disk::disagrees(scenario, fault) {
        return Some(why);
    }
    let cannot = setting.capabilities.as_ref().and_then(|capabilities| cannot(capabilities, fault));
    let disk = setting.disk.as_ref().filter(|_| is_storage);
    let cure = || put_on(broker, Store::Mysql);
    cannot.or_else(|| disk.and_then(|disk| disk::refused(disk, broker, &cure())))
}

/// What cannot be done to the disk of a simulated store.
fn not_simulated(broker: &Broker, fault: &Fault) -> Option<String> {
    if !broker.store.has_database() {
        let cure = put_on(broker, Store::Mysql);
        return Some(format!("{} keeps nothing on a disk; {cure}", broker.on));
    }
    let Effect::Storage(StorageFault::Rot { .. }) = fault.action.effect else { return None };
    Some("a simulated store has no bytes on a disk; try it on a real one: harness run".to_owned())
}

impl DatabaseServer {
    fn refuses(self, target: &Target) -> Option<&'static str> {
        match target {
            Target::Process(Part::Database | Part::Node(_)) | Target::Storage if !self.is_ours => {
                Some(
                    "the server that HARNESS_MYSQL_URL names is somebody else's; without it the \
                     harness starts its own",
                )
            }
            Target::Process(Part::Database | Part::Node(_)) if self.is_shared => Some(
                "it needs a server of its own with --jobs, and --keep-data keeps one; leave \
                     one of the two out",
            ),
            Target::DatabaseLink if !self.has_port => Some(NO_PORT),
            _ => None,
        }
    }
}

/// Why a relay cannot stand before a database's server.
pub const NO_PORT: &str =
    "it needs a host and a port in HARNESS_MYSQL_URL, which names the server by its socket";

/// What a broker of this kind cannot have done to it.
fn cannot(capabilities: &Capabilities, fault: &Fault) -> Option<String> {
    let why = match (&fault.action.target, &fault.action.effect) {
        (target, _) if target.is_process() && !capabilities.has_address => {
            "the driver brings the broker, which is no process that the harness starts"
        }
        (Target::Links(_), _) if !capabilities.has_address => {
            "the broker has no address that a relay could stand before"
        }
        (Target::Links(_), _) if !capabilities.stays => {
            "the broker tells its clients its own address, so that no relay stays in the way"
        }
        (Target::Links(_), Effect::Link(link))
            if link.watches_requests() && capabilities.requests.is_none() =>
        {
            "what produces cannot be recognised among this broker's requests"
        }
        (Target::Consumers(_), _) if capabilities.resumes == Known::Now(false) => {
            "a consumer of this broker cannot go on after it lost its memory"
        }
        _ => return None,
    };
    Some(why.to_owned())
}

impl Objection {
    /// The same for a line about its scenario.
    #[must_use]
    pub fn brief(&self, scenario: &Scenario) -> String {
        match self {
            Self::Whole(why) => why.clone(),
            Self::Fault(place, why) => {
                format!("`{}` cannot be carried out: {why}", scenario.faults[*place].action)
            }
            Self::Value(diagnostic) => diagnostic.brief(),
        }
    }

    /// The line of the scenario's file that it is about, where it is about one.
    #[must_use]
    pub fn line(&self, scenario: &Scenario) -> Option<usize> {
        match self {
            Self::Whole(_) => None,
            Self::Fault(place, _) => Some(scenario.faults[*place].line),
            Self::Value(diagnostic) => diagnostic.location().map(|(_, line, _)| line),
        }
    }

    /// The same with its place, for a scenario that is refused.
    #[must_use]
    pub fn of(&self, scenario: &Scenario) -> String {
        let (file, why) = (scenario.file.display(), self.brief(scenario));
        match self {
            Self::Whole(_) => format!("{file} does not hold here: {why}"),
            Self::Fault(place, _) => format!("{file}:{}: {why}", scenario.faults[*place].line),
            Self::Value(diagnostic) => match diagnostic.location() {
                Some((file, line, column)) => format!("{file}:{line}:{column}: {why}"),
                None => format!("{file}: {why}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capability::Survival;
    use crate::scenario::broker::Need;
    use crate::scenario::store_of;
    use std::num::NonZeroU32;

    fn check(on: &str, needs: &[Need], count: u32, expected: Option<&str>) {
        let broker = Broker {
            on: on.to_owned(),
            store: store_of(on),
            survives: Some(if on == "mysql" { Survival::PowerCut } else { Survival::Nothing }),
            needs: needs.to_vec(),
            count: NonZeroU32::new(count).unwrap(),
            ..Broker::default()
        };
        let capabilities = Some(&Capabilities::LEAST);
        assert_eq!(not_held(&broker, capabilities).as_deref(), expected);
        let named = Broker { on_is_named: true, ..broker };
        let expected = expected.map(|expected| expected.replace("; add", "; use"));
        assert_eq!(not_held(&named, capabilities), expected);
    }

    #[test]
    fn a_scenario_holds_for_brokers_that_have_what_it_needs() {
        check("memory", &[Need::InMemory], 1, None);
        check("mysql", &[Need::SurvivesKill, Need::SurvivesPowerCut, Need::SharedStore], 1, None);
        let why = "it needs `survives-kill`, which memory does not have; add --on mysql";
        check("memory", &[Need::SurvivesKill], 1, Some(why));
        let why = "it needs `in-memory`, which mysql does not have; add --on memory";
        check("mysql", &[Need::SharedStore, Need::InMemory], 1, Some(why));
    }

    #[test]
    fn several_brokers_need_a_store_that_they_share() {
        check("mysql", &[], 3, None);
        let why = "it has 3 brokers, which share nothing on memory; add --on mysql";
        check("memory", &[], 3, Some(why));
    }
}
