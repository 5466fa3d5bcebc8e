//! A broker that scenarios are to run on, whatever named it: a word of the catalogue, one of a
//! `brokers.yaml`, a URL or a command.

use std::collections::BTreeMap;

use broker_client::wire::masked;
use private_database::{Installed, Missing, URL_VARIABLE, setting};

use super::entry::{Documented, Entry};
use super::table::entries;
use crate::capability::Survival;
use crate::driver::{self, Address};
use crate::input::diagnostic::nearest;
use crate::recipes::{self, RECIPES};
use crate::scenario::{DEFAULT_DRIVER, EXEC_DRIVER, Options, Scenario, Store, store_of};
use crate::server::Version;

/// A broker that takes seconds to start is run once for so many times of another.
const SLOW_SHARE: u32 = 7;

/// A broker that was named.
#[derive(Clone, Debug)]
pub struct Named {
    /// What flags, reports and folders call it.
    pub word: String,
    /// The word of its driver; that of our own broker is the scenario's matter.
    pub driver: String,
    /// How it is had.
    pub way: Way,
    /// What its driver and its server are told.
    pub options: Options,
    /// What its documents promise, where that is known.
    pub documented: Option<Documented>,
    /// What is still there of acknowledged messages after it ended without warning; none is as its
    /// driver says.
    pub survives: Option<Survival>,
    /// The least version of its server, where the recipe's own is not enough.
    pub lowest: Option<Version>,
    /// Whether it takes seconds to start.
    pub is_slow: bool,
}

/// How a broker is had.
#[derive(Clone, Debug)]
pub enum Way {
    /// It is ours, and started for each run.
    Ours(Store),
    /// It is started by this recipe.
    Started(&'static recipes::Row),
    /// It runs already at these addresses; the URLs that named them, without passwords.
    Running(Vec<Address>, Vec<String>),
    /// Its driver brings it.
    Brought,
    /// Its driver is a program, and its server is the user's own: started by a command.
    Own,
}

/// Why a broker cannot be had here and now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Its driver is not in this program; what builds it.
    NotBuilt(String),
    /// Its server is not installed, or too old; what to do.
    NoServer(String),
    /// The harness starts no server for it.
    OnlyByUrl(String),
}

impl Absent {
    /// For people.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::NotBuilt(why) | Self::NoServer(why) | Self::OnlyByUrl(why) => why,
        }
    }
}

fn owned(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

impl Named {
    /// One of which nothing more is known.
    pub(super) fn new(word: &str, driver: &str, way: Way) -> Self {
        Self {
            word: word.to_owned(),
            driver: driver.to_owned(),
            way,
            options: Options::default(),
            documented: None,
            survives: None,
            lowest: None,
            is_slow: false,
        }
    }

    /// One of the catalogue.
    ///
    /// # Errors
    /// Where its driver is not in this program, or no server is started for it.
    pub fn of(entry: &Entry) -> Result<Self, Absent> {
        if driver::by_word(entry.driver).is_none() {
            return Err(Absent::NotBuilt(not_built(entry.driver, entry.feature)));
        }
        let way = match entry.server {
            Some("broker") => Way::Ours(store_of(entry.word)),
            Some(server) => Way::Started(recipe(server)),
            None => {
                let scheme = driver::by_word(entry.driver).and_then(|row| row.schemes.first());
                return Err(Absent::OnlyByUrl(format!(
                    "the harness starts no server of it: name one that runs, --on {}://HOST:PORT",
                    scheme.unwrap_or(&entry.driver)
                )));
            }
        };
        let (config, topic_config) = (owned(entry.config), owned(entry.topic_config));
        Ok(Self {
            options: Options { config, topic_config, ..Options::default() },
            documented: Some(entry.documented),
            survives: Some(entry.documented.survives),
            lowest: entry.lowest,
            is_slow: entry.is_slow,
            ..Self::new(entry.word, entry.driver, way)
        })
    }

    /// One that a program speaks to, which brings it or has it started by a command.
    pub(super) fn of_program(word: &str, options: Options) -> Self {
        let way = if options.server.is_some() { Way::Own } else { Way::Brought };
        Self { options, ..Self::new(word, EXEC_DRIVER, way) }
    }

    /// The same with this configuration on top of its own.
    ///
    /// # Errors
    /// Where it cannot have one, or not this one: why, and what to do.
    pub(super) fn with_config(
        mut self,
        config: &BTreeMap<String, String>,
    ) -> Result<Self, (String, &'static str)> {
        let none = |why: &str, cure| Err((format!("`config` does nothing here: {why}"), cure));
        match self.way {
            Way::Ours(Store::Memory) => {
                return none("our own broker in memory has no server", "`on: mysql` has one");
            }
            Way::Running(..) => {
                return none("a broker at a URL runs already, as it is", "leave it out");
            }
            Way::Brought | Way::Own => {
                let cure = "say it in its command";
                return none("a program's own server is started by a command", cure);
            }
            Way::Ours(Store::Mysql) => {
                let mut settings = config.iter().map(|(key, value)| setting(key, value));
                if let Some(why) = settings.find_map(Result::err) {
                    return Err((why, "leave it out"));
                }
            }
            Way::Started(_) => {}
        }
        self.options.config.extend(config.clone());
        // What its documents promise depends on the configuration.
        Ok(Self { documented: None, survives: None, ..self })
    }

    /// Has a scenario run on it.
    ///
    /// # Errors
    /// Where the scenario names a driver that does not speak to it.
    pub fn take(&self, scenario: &mut Scenario, is_named: bool) -> Result<(), String> {
        let broker = &mut scenario.broker;
        broker.on.clone_from(&self.word);
        broker.on_is_named = is_named;
        // A word of the user's own may be that of a store, and mean another broker.
        broker.store = match self.way {
            Way::Ours(store) => store,
            Way::Started(_) | Way::Running(..) | Way::Brought | Way::Own => Store::Memory,
        };
        broker.survives = self.survives;
        broker.options = self.options.clone();
        if broker.driver == DEFAULT_DRIVER {
            broker.driver.clone_from(&self.driver);
        }
        // A word that names no driver is found with whatever else cannot be had.
        let Some(own) = driver::by_word(&broker.driver) else { return Ok(()) };
        let speaks = own.word == self.driver
            || driver::by_word(&self.driver)
                .is_some_and(|row| own.schemes.iter().any(|scheme| row.schemes.contains(scheme)));
        if speaks {
            return Ok(());
        }
        Err(format!("its driver, {}, does not speak to a broker at {}", own.word, self.word))
    }

    /// The version of its server, where one is to be started and says it.
    ///
    /// # Errors
    /// Where the server is not installed, or too old.
    pub fn version(&self) -> Result<Option<Version>, Absent> {
        if let Way::Ours(store) = self.way
            && store.has_database()
            && std::env::var_os(URL_VARIABLE).is_none()
        {
            Installed::find().map_err(|why| Absent::NoServer(why.to_string()))?;
        }
        let Way::Started(row) = self.way else { return Ok(None) };
        let Some(installed) = &row.program else { return Ok(None) };
        let missing = |missing: Missing| Absent::NoServer(missing.to_string());
        let program = installed.program.find().map_err(missing)?;
        let version = (installed.version)(&program);
        let lowest = self.lowest.unwrap_or(installed.lowest).max(installed.lowest);
        match version {
            Some(version) if version < lowest => Err(Absent::NoServer(format!(
                "{} is version {version}, and {} needs {lowest} or newer; name another by {}",
                program.display(),
                self.word,
                installed.program.variable
            ))),
            version => Ok(version),
        }
    }

    /// What the server that is started for it is called, where the catalogue has no such word.
    #[must_use]
    pub fn server(&self) -> Option<&'static str> {
        let Way::Started(row) = self.way else { return None };
        entries().all(|entry| entry.word != self.word).then_some(row.word)
    }

    /// How often a scenario is run on it where so many times are wanted.
    #[must_use]
    pub fn times(&self, wanted: u32) -> u32 {
        if self.is_slow { wanted.div_ceil(SLOW_SHARE) } else { wanted }
    }

    /// What `--on` says for it alone, where it said this: a command is named by itself, without
    /// passwords of URLs.
    #[must_use]
    pub fn given(&self, on: &[String]) -> String {
        let is_command = matches!(self.way, Way::Brought) && self.word == EXEC_DRIVER;
        let command = on.iter().filter(|_| is_command).find(|value| value.starts_with(EXEC_DRIVER));
        masked(command.unwrap_or(&self.word))
    }

    /// A name for its folder of outputs.
    #[must_use]
    pub fn folder(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let text: String = self.word.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
        let parts: Vec<_> = text.split('-').filter(|part| !part.is_empty()).collect();
        let text = parts.join("-");
        // `..` would lead out of the folder.
        let text = text.trim_start_matches('.');
        text.chars().take(60).collect()
    }
}

/// The recipe with this word.
fn recipe(word: &str) -> &'static recipes::Row {
    RECIPES.iter().find(|row| row.word == word).expect("the catalogue names recipes that there are")
}

/// What is said where a driver is known and not in this program.
pub(super) fn not_built(driver: &str, feature: Option<&str>) -> String {
    let feature = feature.unwrap_or(driver);
    format!(
        "this harness was built without the driver {driver}: build it with \
         `cargo build --release --features {feature}`"
    )
}

/// A word that is none, with what may have been meant.
pub(super) fn unknown(word: &str, known: &[&str]) -> String {
    let is_address = word.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if is_address {
        return format!("{word}: the scheme is missing; did you mean \"http://{word}\"?");
    }
    let near = nearest(word, known.iter().copied());
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!(
        "no broker is called `{word}`: {near}there are {}, and those of a brokers.yaml; \
         `harness brokers` says more",
        known.join(", ")
    )
}
