//! `harness brokers`: what this program can drive, which servers it found, how to get the others, and
//! what each can do.

use std::fmt::Write as _;
use std::path::PathBuf;

use broker_client::wire::masked;
use serde_json::{Value, json};

use super::broker_choice;
use super::refused::{self, Refused};
use super::streams;
use crate::capability::Capabilities;
use crate::catalogue::{self, Absent, Brokers, Entry, Named, Way};
use crate::driver;
use crate::exit::Exit;
use crate::scenario::{Broker, Store, store_of};
use crate::server::Version;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Only this one, with its configuration, its capabilities and what its documents promise
    pub word: Option<String>,

    /// Take words from this file, too; by default from a brokers.yaml in this folder
    #[arg(long, value_name = "FILE")]
    pub brokers: Option<PathBuf>,

    /// Print JSON for programs
    #[arg(long)]
    pub json: bool,
}

/// A broker that has a word.
#[derive(Clone)]
struct Known {
    word: String,
    what: String,
    /// As it can be had here; else why not.
    found: Result<(Named, Option<Version>), Absent>,
    entry: Option<&'static Entry>,
}

/// Prints them; 2 for a word that is none, or a file that is wrong.
#[must_use]
pub fn main(arguments: &Arguments) -> Exit {
    refused::exit(carry_out(arguments))
}

fn carry_out(arguments: &Arguments) -> Result<Exit, Refused> {
    let Arguments { word, brokers, json } = arguments;
    let file = broker_choice::brokers_in(brokers.as_deref())?;
    let all = all(&file);
    let text = match word {
        Some(word) => {
            catalogue::one(word, &file).map_err(Refused::usage)?;
            let known = all.iter().find(|known| known.word == *word);
            let known = known.ok_or_else(|| {
                Refused::usage(format_args!("{}: only words are listed here", masked(word)))
            })?;
            if *json { format!("{:#}\n", known.json()) } else { known.whole() }
        }
        None if *json => format!("{:#}\n", Value::from_iter(all.iter().map(Known::json))),
        None => table(&all),
    };
    Ok(streams::print(&text).err().unwrap_or(Exit::Passed))
}

fn all(file: &Brokers) -> Vec<Known> {
    let here = |named: Result<Named, Absent>| {
        let named = named?;
        let version = named.version()?;
        Ok((named, version))
    };
    let built_in = catalogue::entries().map(|entry| Known {
        word: entry.word.to_owned(),
        what: entry.what.to_owned(),
        found: here(Named::of(entry)),
        entry: Some(entry),
    });
    let own = file.words().filter_map(|word| {
        let found = here(file.find(word)?);
        let what = "from a brokers.yaml".to_owned();
        Some(Known { word: word.to_owned(), what, found, entry: None })
    });
    let own: Vec<_> = own.collect();
    let is_other = |known: &Known| own.iter().all(|other| other.word != known.word);
    built_in.filter(is_other).chain(own.iter().cloned()).collect()
}

fn table(all: &[Known]) -> String {
    let widest = |of: fn(&Known) -> &str| all.iter().map(|known| of(known).len()).max();
    let word = widest(|known| &known.word).unwrap_or(0);
    let what = widest(|known| &known.what).unwrap_or(0);
    let lines = all.iter().map(|known| {
        let here = known.here();
        format!("{:word$}  {:what$}  {here}\n", known.word, known.what)
    });
    lines.collect()
}

impl Known {
    /// Whether it can be had here, in a few words.
    fn here(&self) -> String {
        match &self.found {
            Ok((Named { way, .. }, version)) => match (way, version) {
                (Way::Ours(_), _) => "yes, in this program".to_owned(),
                (Way::Started(row), Some(version)) => format!("yes, {} {version}", row.word),
                (Way::Started(row), None) => format!("yes, {}", row.word),
                (Way::Running(_, urls), _) => format!("at {}", urls.join("+")),
                (Way::Brought, _) => "yes, its driver brings it".to_owned(),
                (Way::Own, _) => "yes, started by its command".to_owned(),
            },
            Err(absent) => format!("no: {}", absent.why()),
        }
    }

    /// What it can do, where its driver is in this program.
    fn capabilities(&self) -> Option<Capabilities> {
        let mut broker = Broker::default();
        let word = match (&self.found, self.entry) {
            (Ok((named, _)), _) => {
                broker.options = named.options.clone();
                named.driver.as_str()
            }
            (Err(_), Some(entry)) => entry.driver,
            (Err(_), None) => return None,
        };
        broker.on.clone_from(&self.word);
        broker.store = match &self.found {
            Ok((Named { way: Way::Ours(store), .. }, _)) => *store,
            Ok(_) => Store::Memory,
            Err(_) => store_of(&self.word),
        };
        driver::by_word(word).map(|row| (row.capabilities)(&broker))
    }

    /// All that is known of it.
    fn whole(&self) -> String {
        let mut text = format!("{}: {}\n", self.word, self.what);
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "  {name:26}  {value}");
        };
        line("here", &self.here());
        if let Ok((named, _)) = &self.found {
            line("driver", &named.driver);
            let names = ["server configuration", "topic configuration"];
            for (name, config) in names.into_iter().zip(named.options.shown()) {
                for (key, value) in config {
                    line(name, &format!("{key} = {value}"));
                }
            }
        }
        if let Some(entry) = self.entry {
            let own = entry.documented;
            line("documented delivery", &own.delivery.to_string());
            line("documented order", &own.order.to_string());
            line("documented survival", &own.survives.to_string());
            line("documents", own.reference);
        }
        for (name, value) in self.capabilities().iter().flat_map(Capabilities::named) {
            line(name, &value);
        }
        text
    }

    fn json(&self) -> Value {
        let (named, version) = match &self.found {
            Ok((named, version)) => (Some(named), version.map(|version| version.to_string())),
            Err(_) => (None, None),
        };
        let [config, topic_config] =
            named.map_or([None, None], |named| named.options.shown().map(Some));
        let documented = self.entry.map(|entry| {
            json!({
                "delivery": entry.documented.delivery.to_string(),
                "order": entry.documented.order.to_string(),
                "survives": entry.documented.survives.to_string(),
                "reference": entry.documented.reference,
            })
        });
        let capabilities = self.capabilities().map(|own| {
            let pairs = own.named().map(|(name, value)| (name.to_owned(), Value::from(value)));
            Value::Object(pairs.into_iter().collect())
        });
        json!({
            "word": self.word,
            "what": self.what,
            "here": self.found.is_ok(),
            "why_not": self.found.as_ref().err().map(Absent::why),
            "version": version,
            "driver": named.map(|named| &named.driver),
            "config": config,
            "topic_config": topic_config,
            "documented": documented,
            "capabilities": capabilities,
        })
    }
}
