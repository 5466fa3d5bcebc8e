//! What a scenario runs against, unless the command line says otherwise: the broker, how it is spoken
//! to, and what it is told.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;

use broker_client::wire::masked;

use super::own_server::OwnServer;
use super::wire::Wire;
use crate::capability::{Capabilities, Offsets, Survival};
use crate::fault::Part;
use crate::input::diagnostic::Spot;

/// The broker of a scenario that names none, as the command line does not either.
pub const DEFAULT_ON: &str = "memory";

/// The words for what survives, from the least to the most.
pub(crate) const SURVIVES: [(&str, Survival); 4] = [
    ("nothing", Survival::Nothing),
    ("part", Survival::Part),
    ("kill", Survival::Kill),
    ("power-cut", Survival::PowerCut),
];

/// The word of a driver that is a program of the user's.
pub const EXEC_DRIVER: &str = "exec";

/// The driver of a scenario that names none.
pub const DEFAULT_DRIVER: &str = "detect";

/// The driver that speaks only the original routes, whatever the broker knows beside them, and the only
/// one with a [`Wire`].
pub const ORIGINAL_DRIVER: &str = "original";

/// What the scenario runs against, unless the command line says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// The broker's word in the catalogue, or what else the command line called it.
    pub on: String,
    /// Where the file names it; nowhere where it is the default.
    pub on_spot: Spot,
    /// Whether the command line names it, whatever the file says.
    pub on_is_named: bool,
    /// The store, where the broker is ours.
    pub store: Store,
    /// What is still there of acknowledged messages after it ended without warning, as its documents
    /// say; none is as its driver says.
    pub survives: Option<Survival>,
    /// The driver's word; which there are is the table of drivers' matter.
    pub driver: String,
    /// Where the file names the driver.
    pub driver_spot: Spot,
    /// What its original routes do differently.
    pub wire: Wire,
    /// What its driver and its server are told beside that.
    pub options: Options,
    /// Where the file has the server's configuration.
    pub config_spot: Spot,
    /// What a broker has to have for the scenario to hold.
    pub needs: Vec<Need>,
    /// So many brokers are started, which serve one store.
    pub count: NonZeroU32,
    /// Whether actors are spread over them on purpose, each to one for each topic. Otherwise they do as
    /// users do: a topic has one broker in good times, and where that fails they go on at the next one.
    pub spread: bool,
    /// So many nodes have the cluster that their store is in; none is one server alone.
    pub cluster: Option<NonZeroU32>,
    /// Where the file says so.
    pub cluster_spot: Spot,
}

impl Default for Broker {
    /// One of ours, in memory, as of a scenario that says nothing of it.
    fn default() -> Self {
        Self {
            on: DEFAULT_ON.to_owned(),
            on_spot: Spot::default(),
            on_is_named: false,
            store: Store::Memory,
            survives: None,
            driver: DEFAULT_DRIVER.to_owned(),
            driver_spot: Spot::default(),
            wire: Wire::default(),
            options: Options::default(),
            config_spot: Spot::default(),
            needs: Vec::new(),
            count: NonZeroU32::MIN,
            spread: false,
            cluster: None,
            cluster_spot: Spot::default(),
        }
    }
}

impl Broker {
    /// Whether what was acknowledged is to be there after its process was ended so.
    pub fn keeps(&self, end: Survival) -> bool {
        self.survives.map_or(self.store.has_database(), |survives| survives >= end)
    }

    /// What keeps the data.
    pub const fn storage(&self) -> Part {
        if self.store.has_database() { Part::Database } else { Part::Broker(0) }
    }

    /// The servers of its database, where that is a cluster.
    pub fn nodes(&self) -> impl Iterator<Item = Part> + use<> {
        (0..self.cluster.map_or(0, NonZeroU32::get)).map(Part::Node)
    }

    /// How many brokers the harness starts.
    pub const fn count(&self) -> u32 {
        self.count.get()
    }
}

/// What a driver and a server are told, each in its own words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The program that is the driver, and its arguments.
    pub command: Vec<String>,
    /// The folder that the program runs in; none is that of the harness.
    pub folder: Option<PathBuf>,
    /// Whether one process of it serves all actors of a run; none is as many need it.
    pub one_process: Option<bool>,
    /// A server of the user's own, which is started for that program.
    pub server: Option<OwnServer>,
    /// The configuration of a server that is started.
    pub config: BTreeMap<String, String>,
    /// The configuration of each topic.
    pub topic_config: BTreeMap<String, String>,
}

impl Options {
    /// The configurations of the server and of each topic, for people: without passwords of URLs.
    #[must_use]
    pub fn shown(&self) -> [BTreeMap<&str, String>; 2] {
        fn shown(config: &BTreeMap<String, String>) -> BTreeMap<&str, String> {
            config.iter().map(|(key, value)| (key.as_str(), masked(value))).collect()
        }
        [shown(&self.config), shown(&self.topic_config)]
    }
}

/// A store of our own broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// In memory: nothing survives a restart.
    Memory,
    /// In a MySQL or MariaDB database: what was acknowledged survives.
    Mysql,
}

impl Store {
    /// Whether it is in a database, which several brokers can serve and which faults can be about.
    pub const fn has_database(self) -> bool {
        match self {
            Self::Memory => false,
            Self::Mysql => true,
        }
    }
}

/// What a scenario needs of a broker: it does not hold for one that is not known to have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// What was acknowledged is still there after the broker's process was killed.
    SurvivesKill,
    /// The same after the machine lost power.
    SurvivesPowerCut,
    /// A broker that ended without warning begins anew, with nothing.
    InMemory,
    /// Several brokers serve one store.
    SharedStore,
    /// Acks and deliveries tell offsets.
    Offsets,
    /// One life of the store can be told from another.
    Epoch,
    /// A consumer can go on after it lost its memory.
    Resume,
    /// A topic's log can be read without moving a position.
    ReadableLog,
    /// Several requests of one producer may be under way at a time, and keep their order.
    InFlight,
}

impl Need {
    /// Whether a broker is known not to have it.
    pub(super) fn is_missing(self, broker: &Broker, capabilities: Option<&Capabilities>) -> bool {
        let of = |answer: fn(&Capabilities) -> Option<bool>| capabilities.and_then(answer);
        let survives = broker.survives.or(capabilities.and_then(|own| own.survives.known()));
        let has = match self {
            Self::SurvivesKill => survives.map(|survives| survives >= Survival::Kill),
            Self::SurvivesPowerCut => survives.map(|survives| survives >= Survival::PowerCut),
            Self::InMemory => survives.map(|survives| survives == Survival::Nothing),
            Self::SharedStore => Some(broker.store.has_database()),
            Self::Offsets => of(|own| own.offsets.known().map(|offsets| offsets == Offsets::Both)),
            Self::Epoch => of(|own| own.epoch.known()),
            Self::Resume => of(|own| own.resumes.known()),
            Self::ReadableLog => of(|own| own.reads_log.known()),
            Self::InFlight => of(|own| Some(own.in_flight)),
        };
        has == Some(false)
    }

    /// The store with which our own broker has it.
    pub(super) fn usual(self) -> Store {
        match self {
            Self::SurvivesKill | Self::SurvivesPowerCut | Self::SharedStore => Store::Mysql,
            Self::InMemory
            | Self::Offsets
            | Self::Epoch
            | Self::Resume
            | Self::ReadableLog
            | Self::InFlight => Store::Memory,
        }
    }
}
