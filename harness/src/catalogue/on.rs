//! What `--on` says: words of the catalogue or of a `brokers.yaml`, URLs, a command.

use super::entry::Entry;
use super::file::Brokers;
use super::named::{Absent, Named, unknown};
use super::table::entries;
use super::urls::of_urls;
use crate::input::diagnostic::Diagnostic;
use crate::scenario::{Broker, EXEC_DRIVER, Options};

/// What stands before a command that is a driver.
const COMMAND: &str = "exec:";

/// Every broker of the catalogue that can be had here.
const ALL: &str = "all";

/// What one name stands for.
#[derive(Debug)]
pub enum Meant {
    /// A broker.
    Broker(Box<Named>),
    /// One that cannot be had here and now: its word, and why.
    Absent(String, Absent),
}

/// The brokers that these values of the flag name, in their order.
///
/// # Errors
/// What is wrong with a value: an unknown word, a URL that is none, a broker named twice.
pub fn resolve(given: &[String], brokers: &Brokers) -> Result<Vec<Meant>, String> {
    let mut meant = Vec::new();
    for name in given.iter().flat_map(|value| names(value)) {
        if name == ALL {
            meant.extend(entries().map(of_entry));
        } else {
            meant.push(one(name, brokers)?);
        }
    }
    let mut words = Vec::with_capacity(meant.len());
    for one in &meant {
        let word = match one {
            Meant::Broker(named) => &named.word,
            Meant::Absent(word, _) => word,
        };
        if words.contains(&word) {
            return Err(format!("{word} is named twice"));
        }
        words.push(word);
    }
    Ok(meant)
}

/// How many brokers these values of the flag name.
#[must_use]
pub fn count(given: &[String]) -> usize {
    let each = given.iter().flat_map(|value| names(value));
    each.map(|name| if name == ALL { entries().count() } else { 1 }).sum()
}

/// The names in one value: a command has commas of its own.
fn names(value: &str) -> Vec<&str> {
    if value.trim_start().starts_with(COMMAND) {
        return vec![value.trim()];
    }
    let mut names: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, _) in value.match_indices(',').chain([(value.len(), "")]) {
        let name = &value[start..at];
        // A password may have commas: its URL goes on to the `@`.
        let rest = &value[at..];
        let is_cut = name.contains("://")
            && !name.contains('@')
            && rest.split("://").next().is_some_and(|rest| rest.contains('@'));
        if !is_cut {
            names.push(name.trim());
            start = (at + 1).min(value.len());
        }
    }
    names
}

/// What a word, a URL or a command stands for.
///
/// # Errors
/// What is wrong with it.
pub fn one(name: &str, brokers: &Brokers) -> Result<Meant, String> {
    if let Some(command) = name.strip_prefix(COMMAND) {
        return of_command(command.trim()).map(|named| Meant::Broker(Box::new(named)));
    }
    if name.contains("://") {
        return of_urls(name).map(|named| Meant::Broker(Box::new(named)));
    }
    if let Some(own) = brokers.find(name) {
        return Ok(match own {
            Ok(named) => Meant::Broker(Box::new(named)),
            Err(absent) => Meant::Absent(name.to_owned(), absent),
        });
    }
    match entries().find(|entry| entry.word == name) {
        Some(entry) => Ok(of_entry(entry)),
        None => {
            let known: Vec<_> = entries().map(|entry| entry.word).chain(brokers.words()).collect();
            Err(unknown(name, &known))
        }
    }
}

/// The broker that a scenario itself names: by a word, with what it says beside that, or by its driver's
/// command.
///
/// # Errors
/// What is wrong with it, with its place.
pub fn of_scenario(broker: &Broker, brokers: &Brokers) -> Result<Meant, Diagnostic> {
    let own = &broker.options;
    let meant = if own.command.is_empty() {
        let meant = one(&broker.on, brokers);
        meant.map_err(|why| Diagnostic::new(why).on(&broker.on_spot))?
    } else {
        Meant::Broker(Box::new(Named::of_program(EXEC_DRIVER, own.clone())))
    };
    let Meant::Broker(mut named) = meant else { return Ok(meant) };
    if !own.config.is_empty() {
        let with = named.with_config(&own.config);
        *named =
            with.map_err(|(why, cure)| Diagnostic::new(why).label(cure).on(&broker.config_spot))?;
    }
    named.survives = broker.survives.or(named.survives);
    Ok(Meant::Broker(named))
}

fn of_entry(entry: &Entry) -> Meant {
    match Named::of(entry) {
        Ok(named) => Meant::Broker(Box::new(named)),
        Err(absent) => Meant::Absent(entry.word.to_owned(), absent),
    }
}

fn of_command(command: &str) -> Result<Named, String> {
    if command.is_empty() {
        return Err("`exec:` names no command: such as `exec: python3 my_driver.py`".to_owned());
    }
    // The shell takes it apart, as the user's own shell would, and is gone then.
    let command = ["/bin/sh", "-c", &format!("exec {command}")].map(str::to_owned).to_vec();
    let options = Options { command, ..Options::default() };
    Ok(Named::of_program(EXEC_DRIVER, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(on: &[&str]) -> Result<Vec<String>, String> {
        let given: Vec<_> = on.iter().map(|&value| value.to_owned()).collect();
        let meant = resolve(&given, &Brokers::default())?;
        Ok(meant
            .into_iter()
            .map(|meant| match meant {
                Meant::Broker(named) => named.word,
                Meant::Absent(word, _) => word,
            })
            .collect())
    }

    #[test]
    fn words_urls_and_commands_are_told_apart() {
        assert_eq!(words(&["memory,mysql"]).unwrap(), ["memory", "mysql"]);
        assert_eq!(words(&["memory", "mysql"]).unwrap(), ["memory", "mysql"]);
        let one = words(&["http://127.0.0.1:5000/+http://broker"]).unwrap();
        assert_eq!(one, ["http://127.0.0.1:5000/+http://broker"]);
        let two = words(&["http://127.0.0.1:5000,http://broker"]).unwrap();
        assert_eq!(two, ["http://127.0.0.1:5000", "http://broker"]);
        assert_eq!(words(&["exec: sh -c 'a, b'"]).unwrap(), ["exec"]);
        let comma = words(&["redis://u:a,b@127.0.0.1:1,memory,redis://v:c@127.0.0.1:2"]);
        let masked = ["redis://u:***@127.0.0.1:1", "memory", "redis://v:***@127.0.0.1:2"];
        if crate::driver::by_word("redis").is_some() {
            assert_eq!(comma.unwrap(), masked);
        }
        assert_eq!(words(&["all"]).unwrap().len(), entries().count());
    }

    #[test]
    fn every_error_says_what_is_wrong() {
        let cases = [
            ("memry", "no broker is called `memry`: did you mean `memory`? there are memory"),
            ("memory,memory", "memory is named twice"),
            ("", "no broker is called ``"),
            ("exec:", "`exec:` names no command"),
            #[cfg(not(feature = "tls"))]
            ("https://127.0.0.1:5000", "broker address \"https://127.0.0.1:5000\": only http://"),
            (
                "http://127.0.0.1:5000+http://127.0.0.1:5000/",
                "broker address \"http://127.0.0.1:5000/\" is given twice",
            ),
            ("http://127.0.0.1:5000+broker", "two URLs are joined by +"),
        ];
        for (given, part) in cases {
            let error = words(&[given]).unwrap_err();
            assert!(error.contains(part), "{given}: {error}");
        }
    }

    #[test]
    fn a_name_makes_a_folder() {
        let folder = |given: &str| match one(given, &Brokers::default()).unwrap() {
            Meant::Broker(named) => named.folder(),
            Meant::Absent(word, _) => word,
        };
        assert_eq!(folder("memory"), "memory");
        assert_eq!(
            folder("http://127.0.0.1:5000+http://broker/"),
            "http-127.0.0.1-5000-http-broker"
        );
    }
}
