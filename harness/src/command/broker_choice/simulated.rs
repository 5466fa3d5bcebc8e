//! Which scenarios a simulation can hold.

use broker_client::wire::masked;

use super::possible::{Lone, keep_possible, objections_to, take};
use crate::catalogue::{self, Named};
use crate::command::refused::Refused;
use crate::input::diagnostic;
use crate::report::Skipped;
use crate::scenario::objection::{Brokers, Disk, Objection, Setting};
use crate::scenario::{Options, Scenario};

/// Puts scenarios on our own broker, which is the only one that is simulated, and moves those that
/// cannot run there to `skipped`. A scenario that does not
/// hold for a broker in memory is tried on MySQL, unless the command line says otherwise. A store that
/// is wrong on purpose has a disk in any case.
pub(in crate::command) fn choose_simulated(
    on: &[String],
    has_bug: bool,
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
    let disk = Disk { unavailable: None, has_files: has_bug, is_kept: false };
    let setting = Setting { brokers: Brokers::Simulated, capabilities: None, disk: Some(disk) };
    for scenario in scenarios.iter_mut() {
        if let Some(named) = given {
            take(named, scenario, true)?;
            continue;
        }
        // What it says of a real broker stays for the objections.
        if scenario.broker.options != Options::default() {
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
