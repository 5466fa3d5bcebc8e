//! What the command line and the scenarios name, and what of it can be had here and now.

use std::path::Path;

use crate::catalogue::{self, Absent, Brokers, Meant, Named};
use crate::command::refused::Refused;
use crate::command::streams;
use crate::input::diagnostic;
use crate::report::Skipped;
use crate::scenario::{Broker, Scenario};
use crate::server::Version;

/// The words of the user's own.
pub(super) fn brokers_file(
    named: Option<&Path>,
    scenarios: &[Scenario],
) -> Result<Brokers, Refused> {
    let files: Vec<_> = scenarios.iter().map(|scenario| scenario.file.as_path()).collect();
    Brokers::read(named, &files).map_err(|error| Refused::scenario(&error))
}

/// The same for a call without scenarios: those of the file that is named, or of this folder's.
pub(in crate::command) fn brokers_in(named: Option<&Path>) -> Result<Brokers, Refused> {
    let here = Path::new("./scenario.yaml");
    Brokers::read(named, &[here]).map_err(|error| Refused::scenario(&error))
}

/// What is wanted, each with its scenarios: all of them on each broker that the command line names,
/// else each on its own.
pub(super) fn wanted(
    on: &[String],
    file: &Brokers,
    scenarios: Vec<Scenario>,
) -> Result<Vec<(Meant, Vec<Scenario>)>, Refused> {
    if !on.is_empty() {
        let meant = catalogue::resolve(on, file);
        let meant = meant.map_err(|why| Refused::usage(format_args!("--on: {why}")))?;
        return Ok(meant.into_iter().map(|meant| (meant, scenarios.clone())).collect());
    }
    let mut groups: Vec<(Broker, Meant, Vec<Scenario>)> = Vec::new();
    let mut wrong = Vec::new();
    for scenario in scenarios {
        let broker = &scenario.broker;
        if let Some((_, _, group)) = groups.iter_mut().find(|(known, ..)| is_same(known, broker)) {
            group.push(scenario);
            continue;
        }
        match catalogue::of_scenario(broker, file) {
            Ok(meant) => groups.push((broker.clone(), meant, vec![scenario])),
            Err(why) => wrong.push(why),
        }
    }
    diagnostic::Error::unless_empty(wrong).map_err(|error| Refused::scenario(&error))?;
    Ok(groups.into_iter().map(|(_, meant, group)| (meant, group)).collect())
}

/// Whether two scenarios name the same broker, with the same beside it.
fn is_same(one: &Broker, other: &Broker) -> bool {
    (&one.on, &one.options, one.survives) == (&other.on, &other.options, other.survives)
}

/// A broker that can be had here and now, and the version of its server.
pub(super) fn here(meant: Meant) -> Result<(Named, Option<Version>), (String, Absent)> {
    match meant {
        Meant::Absent(word, absent) => Err((word, absent)),
        Meant::Broker(named) => match named.version() {
            Ok(version) => Ok((*named, version)),
            Err(absent) => Err((named.word, absent)),
        },
    }
}

/// What a broker that cannot be had means for the call.
#[derive(Clone, Copy)]
pub(super) struct Missing {
    /// It is the only one.
    pub(super) is_only: bool,
    /// The call must not go without.
    pub(super) is_required: bool,
}

/// Skips the scenarios of a broker that cannot be had, with one line; or refuses the call, where it
/// is about that one alone, or must not go without.
pub(super) fn absence(
    Missing { is_only, is_required }: Missing,
    (word, absent): (&str, &Absent),
    scenarios: &[Scenario],
    skipped: &mut Vec<Skipped>,
) -> Result<(), Refused> {
    let why = absent.why();
    match absent {
        Absent::NotBuilt(_) | Absent::OnlyByUrl(_) if is_only => {
            return Err(Refused::usage(format_args!("{word}: {why}")));
        }
        Absent::NoServer(_) if is_only || is_required => {
            return Err(Refused::no_verdict(format_args!("{word}: {why}")));
        }
        Absent::NotBuilt(_) if is_required => {
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
