//! Reads the section `broker`.

use std::num::NonZeroU32;
use std::path::Path;

use super::broker::{
    Broker, DEFAULT_DRIVER, DEFAULT_ON, EXEC_DRIVER, Need, Options, SURVIVES, Store,
};
use super::file::is_stdin;
use super::own_server::{self, OwnServer};
use super::read_wire::read_wire;
use super::{raw, words};
use crate::input::diagnostic::Diagnostic;
use crate::input::problems::Problems;
use crate::input::values;

/// The most brokers that are started; each has threads and connections of its own.
const BROKERS_MAX: u32 = 64;

/// How many nodes a cluster may have: of an even number no more may be lost than of one less.
const CLUSTERS: [u32; 3] = [3, 5, 7];

/// What the section says; what is left out is as everywhere.
pub(super) fn read_broker(
    problems: &mut Problems<'_>,
    file: &Path,
    raw: Option<&raw::Broker>,
) -> Broker {
    let default = raw::Broker::default();
    let raw = raw.unwrap_or(&default);
    let mut needs = Vec::new();
    for at in raw.needs.values(problems) {
        needs.extend(problems.keep(at.span.clone(), words::word::<Need>(&at.value)));
    }
    let is_program = raw.driver.value().is_some_and(|driver| driver == EXEC_DRIVER);
    note_useless(problems, raw, is_program);
    let usual = if is_program && raw.command.value().is_some() { EXEC_DRIVER } else { DEFAULT_ON };
    let on = problems.read(&raw.on, broker_word).unwrap_or_else(|| usual.to_owned());
    let count = problems.read(&raw.count, |text| values::count(text, 1..=BROKERS_MAX));
    // A count that is wrong has been told of already.
    let is_alone = count == Some(1) || raw.count.value().is_none();
    if let Some(at) = raw.spread.0.as_ref().filter(|_| is_alone) {
        let diagnostic = Diagnostic::new("`spread` does nothing here");
        problems
            .add(at.span.clone(), diagnostic.label("it is for several brokers: add `count: 2`"));
    }
    Broker {
        store: store_of(&on),
        on,
        on_spot: problems.spot(&raw.on),
        on_is_named: false,
        driver: raw.driver.value().cloned().unwrap_or_else(|| DEFAULT_DRIVER.to_owned()),
        driver_spot: problems.spot(&raw.driver),
        wire: read_wire(problems, raw),
        options: options(problems, file, raw),
        config_spot: problems.spot(&raw.config),
        survives: problems.read(&raw.survives, |text| values::word(text, &SURVIVES)),
        needs,
        count: count.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN),
        spread: problems.read(&raw.spread, values::truth).unwrap_or(false),
        cluster: problems.read(&raw.cluster, cluster),
        cluster_spot: problems.spot(&raw.cluster),
    }
}

/// What a driver that is a program, and a server, are told.
fn options(problems: &mut Problems<'_>, file: &Path, raw: &raw::Broker) -> Options {
    // Like every path in a file, a program's is relative to the file.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.filter(|_| !is_stdin(file)).map(Path::to_owned);
    let server = raw.server.0.as_ref().and_then(|at| {
        let read = own_server::read(at, problems.source);
        read.map_err(|wrong| problems.diagnostics.extend(wrong)).ok()
    });
    let config = raw.config.value().map_or(&[][..], |pairs| &pairs.0);
    let config = config.iter().map(|(key, value)| (key.value.clone(), value.value.clone()));
    Options {
        command: raw.command.value().cloned().unwrap_or_default(),
        server: server.map(|server| OwnServer { folder: folder.clone(), ..server }),
        folder: folder.filter(|_| raw.command.value().is_some()),
        config: config.collect(),
        ..Options::default()
    }
}

/// Notes the first key that would do nothing: its user believes that it does something.
fn note_useless(problems: &mut Problems<'_>, raw: &raw::Broker, is_program: bool) {
    let span = |key: &str| match key {
        "command" => raw.command.0.as_ref().map(|at| &at.span),
        "server" => raw.server.0.as_ref().map(|at| &at.span),
        "on" => raw.on.0.as_ref().map(|at| &at.span),
        _ => raw.config.0.as_ref().map(|at| &at.span),
    };
    let mut note = |key: &str, label: &str| {
        let Some(span) = span(key) else { return false };
        let diagnostic = Diagnostic::new(format!("`{key}` does nothing here")).label(label);
        problems.add(span.clone(), diagnostic);
        true
    };
    let has_command = raw.command.value().is_some();
    let _ = match (is_program, has_command) {
        (false, _) => ["command", "server"].iter().any(|key| note(key, "it is for `driver: exec`")),
        (true, false) => note("server", "the driver is to be named, too: `command: [./driver]`"),
        (true, true) => {
            note(
                "on",
                "the `command` is the driver of a broker of its own; leave one of the two out",
            ) || note("config", "a server of one's own is told everything by its command")
        }
    };
    if let Some(at) = raw.command.0.as_ref().filter(|at| at.value.is_empty()) {
        let label = "a program and its arguments, such as `[python3, mine.py]`";
        let diagnostic = Diagnostic::new("this driver is a program").label(label);
        problems.add(at.span.clone(), diagnostic);
    }
}

/// How many nodes a cluster has.
fn cluster(text: &str) -> Result<NonZeroU32, Diagnostic> {
    let count = text.parse().ok().filter(|count| CLUSTERS.contains(count));
    count.and_then(NonZeroU32::new).ok_or_else(|| {
        let title = format!("`{text}` is no number of nodes for a cluster");
        let label = "expected 3, 5 or 7: more than half of them go on without the others; for one \
                     server leave `cluster` out";
        Diagnostic::new(title).label(label)
    })
}

/// The store of our own broker that a word asks for.
pub fn store_of(on: &str) -> Store {
    if on == Store::Mysql.to_string() { Store::Mysql } else { Store::Memory }
}

/// The word of a broker, which only the catalogue knows.
fn broker_word(text: &str) -> Result<String, Diagnostic> {
    if text.starts_with("mysql://") {
        let title = "a broker is named by a word, not by its database";
        let label = "write `mysql`, and name the server by HARNESS_MYSQL_URL in the environment";
        return Err(Diagnostic::new(title).label(label));
    }
    if text.contains("://") || text.starts_with("exec:") {
        let title = "a scenario names a broker by a word";
        let label =
            "name this one by --on, or give it a word in a brokers.yaml beside the scenario";
        return Err(Diagnostic::new(title).label(label));
    }
    Ok(text.to_owned())
}
