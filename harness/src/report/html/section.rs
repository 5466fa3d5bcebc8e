//! A scenario's section: its head, which is always there, and the pieces for which there is room.

use std::ops::Bound;
use std::path::Path;

use minijinja::Error;
use minijinja::value::Value;
use serde::Serialize;

use super::charts::svg::cut;
use super::context::Context;
use super::links::Links;
use super::room::{Section, Slot};
use super::state::{self, Mark};
use super::templates::{html, values};
use crate::report::entry::{Entry, Evidence, NotPromised, On};
use crate::report::words::{number, time};
use crate::report::{sentence, terminal};

/// So many characters of the result are shown.
const ANSWER_MAX: usize = 1_000;

/// So many characters of a text in the head are shown.
const TEXT_MAX: usize = 400;

/// What a line of the contents says, and the head of a section.
#[derive(Serialize)]
pub(super) struct Title<'a> {
    id: &'a str,
    mark: Mark,
    name: String,
    /// `on redis`, `run 3`: what tells entries of one scenario apart.
    which: Vec<String>,
    answer: String,
}

/// A file or a folder.
#[derive(Serialize)]
struct Linked {
    word: &'static str,
    name: String,
    href: Option<String>,
}

#[derive(Serialize)]
struct Head<'a> {
    #[serde(flatten)]
    title: Title<'a>,
    description: Option<String>,
    facts: Vec<(&'static str, String)>,
    files: Vec<Linked>,
    commands: Vec<(&'static str, String)>,
    not_promised: Option<Promise>,
}

#[derive(Serialize)]
struct Promise {
    said: String,
    reference: String,
    is_link: bool,
}

impl Section<'_> {
    pub(super) fn title(&self) -> Title<'_> {
        let entry = self.context.entry;
        let turn = (entry.turn > 0).then(|| format!("run {}", number(entry.turn.into())));
        Title {
            id: &self.context.id,
            mark: state::of(entry),
            name: cut(&entry.name, TEXT_MAX),
            which: sentence::place(entry).into_iter().chain(turn).collect(),
            answer: cut(&sentence::cause(entry), ANSWER_MAX),
        }
    }

    pub(super) fn render(&self) -> Result<String, Error> {
        let pieces = |range| -> Vec<Value> {
            self.pieces.range::<Slot, _>(range).map(|(_, piece)| html(piece.clone())).collect()
        };
        let values = values! {
            head => Head::new(self),
            early => pieces((Bound::Unbounded, Bound::Included(Slot::Notes))),
            pieces => pieces((Bound::Excluded(Slot::Notes), Bound::Unbounded)),
            left_out => self.left_out,
        };
        self.context.templates.render("section.html", values)
    }
}

impl<'a> Head<'a> {
    fn new(section: &'a Section<'_>) -> Self {
        let Context { entry, links, .. } = section.context;
        let told = |text: &String| cut(text, TEXT_MAX);
        let is_file = |word: &str| matches!(word, "logs" | "history");
        let ways = terminal::ways_on(entry).into_iter();
        Self {
            title: section.title(),
            description: entry.description.as_ref().map(told),
            facts: facts(entry),
            files: files(entry, links),
            commands: ways.filter(|(word, _)| !is_file(word)).collect(),
            not_promised: entry.not_promised.as_ref().map(promise),
        }
    }
}

/// What is known of the run beside its result.
fn facts(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut say = |what, text: String| facts.push((what, cut(&text, TEXT_MAX)));
    if let Some(On { word, version, config, driver, addresses }) = &entry.on {
        let version = version.iter().map(|version| format!(" {version}"));
        say("broker", format!("{word}{}", version.collect::<String>()));
        if let Some(driver) = driver {
            say("driver", driver.clone());
        }
        if !addresses.is_empty() {
            say("addresses", addresses.join(", "));
        }
        if !config.is_empty() {
            let config: Vec<_> =
                config.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            say("configuration", config.join(", "));
        }
    }
    if let Some(brokers) = entry.brokers.filter(|brokers| *brokers > 1) {
        say("brokers", number(brokers.into()));
    }
    if let Some(seed) = entry.seed {
        say("seed", seed.to_string());
    }
    match entry.evidence {
        Some(Evidence::History) => say("judged", "a history".to_owned()),
        Some(Evidence::Logs) => say("judged", "the consumers' logs".to_owned()),
        None => {}
    }
    if let Some(simulated) = entry.simulated {
        say("simulated", time(simulated));
    }
    if entry.evidence.is_none() && !entry.duration.is_zero() {
        say("took", time(entry.duration));
    }
    facts
}

fn files(entry: &Entry, links: &Links) -> Vec<Linked> {
    let linked = |word, path: &Path| {
        let name = cut(&path.display().to_string(), TEXT_MAX);
        Linked { word, name, href: links.to(path) }
    };
    let file = (!entry.file.as_os_str().is_empty()).then(|| linked("scenario", &entry.file));
    let logs = entry.logs.as_deref().map(|logs| linked("consumer logs", logs));
    let history = entry.history.as_deref().map(|history| linked("history", history));
    file.into_iter().chain(logs).chain(history).collect()
}

fn promise(less: &NotPromised) -> Promise {
    let reference = cut(&less.reference, TEXT_MAX);
    let is_link = reference.starts_with("https://") || reference.starts_with("http://");
    Promise { said: cut(&less.said, TEXT_MAX), reference, is_link }
}
