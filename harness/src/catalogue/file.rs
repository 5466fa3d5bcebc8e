//! `brokers.yaml`: brokers with words of their user's own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker_client::wire::masked;
use private_database::setting;
use serde::Deserialize;

use super::named::{Absent, Named, Way, not_built};
use super::server::Server;
use super::table::entries;
use super::urls::of_urls;
use crate::driver::{self, exec};
use crate::input::diagnostic::{Diagnostic, Error, Source, hint};
use crate::input::yaml::{self, At, Field, Ordered};
use crate::recipes::RECIPES;
use crate::scenario::own_server::{self, OwnServer};
use crate::scenario::{BROKERS_FILE, EXEC_DRIVER, Options, SURVIVES, Store, read_text};

/// The brokers of the files that were read.
#[derive(Clone, Debug, Default)]
pub struct Brokers {
    known: BTreeMap<String, (PathBuf, Result<Named, Absent>)>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    brokers: Field<Ordered<Broker>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Broker {
    /// The driver's word.
    driver: Field<String>,
    /// `auto`: the harness starts a server of it.
    start: Field<String>,
    /// Which server, where several speak to one driver: `valkey`; or how one of the user's own is started.
    server: Field<Server>,
    /// Where one runs already.
    url: Field<String>,
    /// The program that is the driver, with its arguments.
    command: Field<Vec<String>>,
    /// `actor` or `run`: how many processes of it there are.
    per: Field<String>,
    /// The server's configuration.
    config: Field<Ordered<String>>,
    /// The configuration of each topic.
    topic_config: Field<Ordered<String>>,
    /// What its documents say is still there after it ended without warning.
    survives: Field<String>,
}

impl Brokers {
    /// Those of the file that is named; else those of each `brokers.yaml` beside one of these files.
    ///
    /// # Errors
    /// All that is wrong with a file, each with its place; and one word for two brokers.
    pub fn read(named: Option<&Path>, scenarios: &[&Path]) -> Result<Self, Error> {
        let mut files: Vec<PathBuf> = match named {
            Some(file) => vec![file.to_owned()],
            None => {
                let folders = scenarios.iter().filter_map(|file| file.parent());
                folders
                    .map(|folder| folder.join(BROKERS_FILE))
                    .filter(|file| file.is_file())
                    .collect()
            }
        };
        files.sort();
        files.dedup();
        let mut all = Self::default();
        for file in files {
            all.add(&file).map_err(|error| error.of_file(&file))?;
        }
        Ok(all)
    }

    fn add(&mut self, file: &Path) -> Result<(), Error> {
        let source = read_text(file)?;
        let read: File = yaml::parse(&source)?;
        // Like every path in a file, a program's is relative to the file.
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut wrong = Vec::new();
        for (word, broker) in read.brokers.value().map_or(&[][..], |brokers| &brokers.0) {
            if let Some((other, _)) = self.known.get(&word.value) {
                let title = format!("`{}` is in {}, too", word.value, other.display());
                wrong.push(Diagnostic::new(title).at(&source, word.span.clone()));
                continue;
            }
            match named(&word.value, broker, &source) {
                Ok(mut named) => {
                    if let Ok(Named { options, .. }) = &mut named {
                        options.folder = folder.map(Path::to_owned);
                        if let Some(server) = &mut options.server {
                            server.folder.clone_from(&options.folder);
                        }
                    }
                    self.known.insert(word.value.clone(), (file.to_owned(), named));
                }
                Err(diagnostics) => wrong.extend(diagnostics),
            }
        }
        Error::unless_empty(wrong)
    }

    /// What a word stands for; none where no file has it.
    pub fn find(&self, word: &str) -> Option<Result<Named, Absent>> {
        self.known.get(word).map(|(_, named)| named.clone())
    }

    /// Every word.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }
}

/// A key that would do nothing here.
struct Unused {
    key: &'static str,
    why: &'static str,
    span: Range<usize>,
}

impl Unused {
    fn at(self, source: &Arc<Source>) -> Diagnostic {
        let title = format!("`{}` does nothing here", self.key);
        Diagnostic::new(title).label(self.why).at(source, self.span)
    }
}

/// The first key that would do nothing: its user believes that it does something.
fn unused(broker: &Broker, row: &driver::Row) -> Option<Unused> {
    let Broker { start, server, url, command, per, config, .. } = broker;
    let spans = [
        ("command", command.0.as_ref().map(|at| &at.span)),
        ("per", per.0.as_ref().map(|at| &at.span)),
        ("start", start.0.as_ref().map(|at| &at.span)),
        ("server", server.0.as_ref().map(|at| &at.span)),
        ("config", config.0.as_ref().map(|at| &at.span)),
    ];
    let (is_program, is_running) = (row.word == EXEC_DRIVER, url.0.is_some());
    let is_own = matches!(server.value(), Some(Server::Own(_)));
    spans.into_iter().find_map(|(key, span)| {
        let why = match key {
            "command" | "per" if !is_program => "it is for `driver: exec`",
            "server" if is_own && !is_program => "a server of one's own is for `driver: exec`",
            "start" if is_program && !is_own => "a program starts no server",
            "server" if is_program && !is_own => {
                "a program starts no server by a word; say its `command`"
            }
            "config" if is_program => "a program's server is told everything by its command",
            "start" if is_running => {
                "a broker that has a `url` runs already; leave one of the two out"
            }
            "server" | "config" if is_running => "a broker that has a `url` runs already, as it is",
            _ => return None,
        };
        Some(Unused { key, why, span: span?.clone() })
    })
}

type Read = Result<Result<Named, Absent>, Vec<Diagnostic>>;

/// What the lines below a word mean.
fn named(word: &str, broker: &At<Broker>, source: &Arc<Source>) -> Read {
    let At { value: broker, span } = broker;
    let whole = |title: &str, label: &str| {
        vec![Diagnostic::new(title).label(label.to_owned()).at(source, span.clone())]
    };
    let at = |why: Diagnostic, span: &Range<usize>| vec![why.at(source, span.clone())];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if word.is_empty() || !word.chars().all(is_plain) {
        let title = format!("`{word}` cannot name a broker");
        return Err(whole(&title, "a word has letters, digits, `-`, `_` and `.`"));
    }
    let Some(driver) = &broker.driver.0 else {
        return Err(whole("a broker needs `driver:`", "such as `driver: nats`"));
    };
    let entry = entries().find(|entry| entry.driver == driver.value);
    let Some(row) = driver::by_word(&driver.value) else {
        let Some(entry) = entry else {
            let known = driver::DRIVERS.iter().map(|row| row.word);
            let title = format!("unknown value `{}`", driver.value);
            let diagnostic = Diagnostic::new(title).label(hint(&driver.value, known));
            return Err(at(diagnostic, &driver.span));
        };
        return Ok(Err(Absent::NotBuilt(not_built(&driver.value, entry.feature))));
    };
    if let Some(unused) = unused(broker, row) {
        return Err(vec![unused.at(source)]);
    }
    let mut options = options(broker, source)?;
    if row.word == EXEC_DRIVER && options.command.is_empty() {
        return Err(whole("this driver is a program", "name it by `command: [python3, mine.py]`"));
    }
    let mut found = match &broker.url.0 {
        // A program speaks to whatever is there.
        Some(url) if row.schemes.is_empty() => {
            let address =
                exec::address(&url.value).map_err(|why| at(Diagnostic::new(why), &url.span))?;
            options.config.insert(exec::URL.to_owned(), url.value.clone());
            Named::new(word, row.word, Way::Running(vec![address], vec![masked(&url.value)]))
        }
        Some(url) => {
            let named = of_urls(&url.value).map_err(|why| at(Diagnostic::new(why), &url.span))?;
            if named.driver != row.word {
                let title = format!("{} does not speak to such a URL", row.word);
                return Err(at(Diagnostic::new(title), &url.span));
            }
            named
        }
        None if row.schemes.is_empty() => Named::of_program(word, options.clone()),
        None => {
            one_of(&broker.start, &[("auto", ())], source)?;
            let server = word_of(&broker.server);
            let server = one_of(&server, &servers(row.word), source)?;
            let like = entries().find(|entry| {
                entry.driver == row.word
                    && server.is_none_or(|word| entry.word == word || entry.server == Some(word))
            });
            let Some(like) = like else {
                return Err(whole("no server of it can be started", "name one that runs by `url`"));
            };
            match Named::of(like) {
                Ok(Named { way: Way::Ours(Store::Memory), .. }) if !options.config.is_empty() => {
                    let title = "our own broker in memory takes no `config`";
                    return Err(whole(title, "leave it out, or say `server: mysql`"));
                }
                Ok(named) if options.config.is_empty() && options.topic_config.is_empty() => named,
                Ok(named) => {
                    if matches!(named.way, Way::Ours(_)) {
                        check_settings(broker, source)?;
                    }
                    // What its documents promise depends on the configuration.
                    Named { documented: None, survives: None, ..named }
                }
                Err(absent) => return Ok(Err(absent)),
            }
        }
    };
    word.clone_into(&mut found.word);
    found.options = options;
    found.survives = one_of(&broker.survives, &SURVIVES, source)?.or(found.survives);
    Ok(Ok(found))
}

/// What a key says, by the words that it may say.
fn one_of<T: Copy>(
    field: &Field<String>,
    words: &[(&str, T)],
    source: &Arc<Source>,
) -> Result<Option<T>, Vec<Diagnostic>> {
    let Some(given) = &field.0 else { return Ok(None) };
    let found = words.iter().find(|(word, _)| *word == given.value);
    found.map(|(_, value)| Some(*value)).ok_or_else(|| {
        let title = format!("unknown value `{}`", given.value);
        let label = hint(&given.value, words.iter().map(|(word, _)| *word));
        vec![Diagnostic::new(title).label(label).at(source, given.span.clone())]
    })
}

/// The word of a server, where it is named by one.
fn word_of(server: &Field<Server>) -> Field<String> {
    let Some(At { value: Server::Word(word), span }) = &server.0 else { return Field(None) };
    Field(Some(At { value: word.clone(), span: span.clone() }))
}

/// The servers of a driver, by their words; our own broker by its store, too.
fn servers(driver: &str) -> Vec<(&'static str, &'static str)> {
    let fits =
        |word: &str| entries().any(|entry| entry.driver == driver && entry.server == Some(word));
    let words = RECIPES.iter().map(|row| row.word).filter(|word| fits(word));
    let ours = entries().filter(|entry| entry.driver == driver && entry.server == Some("broker"));
    words.chain(ours.map(|entry| entry.word)).map(|word| (word, word)).collect()
}

/// Whether the private database server can have these settings.
fn check_settings(broker: &Broker, source: &Arc<Source>) -> Result<(), Vec<Diagnostic>> {
    let settings = broker.config.value().map_or(&[][..], |pairs| &pairs.0);
    let wrong = settings.iter().filter_map(|(key, value)| {
        let why = setting(&key.value, &value.value).err()?;
        Some(Diagnostic::new(why).label("leave it out").at(source, key.span.clone()))
    });
    let wrong: Vec<_> = wrong.collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// How a server of the user's own is started, where one is.
fn own_server(broker: &Broker, source: &Arc<Source>) -> Result<Option<OwnServer>, Vec<Diagnostic>> {
    let Some(At { value: Server::Own(raw), span }) = &broker.server.0 else { return Ok(None) };
    let at = At { value: raw.clone(), span: span.clone() };
    own_server::read(&at, source).map(Some)
}

fn options(broker: &Broker, source: &Arc<Source>) -> Result<Options, Vec<Diagnostic>> {
    let pairs = |field: &Field<Ordered<String>>| {
        let pairs = field.value().map_or(&[][..], |pairs| &pairs.0);
        pairs.iter().map(|(key, value)| (key.value.clone(), value.value.clone())).collect()
    };
    Ok(Options {
        command: broker.command.value().cloned().unwrap_or_default(),
        server: own_server(broker, source)?,
        folder: None,
        one_process: one_of(&broker.per, &[("actor", false), ("run", true)], source)?,
        config: pairs(&broker.config),
        topic_config: pairs(&broker.topic_config),
    })
}
