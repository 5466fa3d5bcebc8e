//! Which scenarios cannot run on a broker: all objections are here.

use crate::catalogue::{self, Brokers as BrokersFile, Meant, Named};
use crate::command::refused::Refused;
use crate::command::streams;
use crate::driver;
use crate::input::diagnostic::{self, Diagnostic};
use crate::report::Skipped;
use crate::sabotage;
use crate::scenario::Scenario;
use crate::scenario::objection::{Brokers, Objection, Setting, bad_names, objections};

/// Has a scenario run on a broker. One whose driver does not speak to it is refused.
pub(super) fn take(named: &Named, scenario: &mut Scenario, is_named: bool) -> Result<(), Refused> {
    named.take(scenario, is_named).map_err(|why| {
        let text = format!("{}: {why}", scenario.file.display());
        Refused::here(scenario, text, [(None, why)])
    })?;
    // A driver that brings its own broker is spoken to by nobody else's word.
    if let Ok(row) = driver::find(&scenario.broker)
        && row.schemes.is_empty()
        && row.word != named.driver
        && !is_named
    {
        row.word.clone_into(&mut scenario.broker.on);
    }
    Ok(())
}

/// Moves the scenarios to `skipped` that name a driver which does not speak to the broker.
pub(super) fn keep_spoken(
    named: &Named,
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
) {
    for scenario in std::mem::take(scenarios) {
        match named.take(&mut scenario.clone(), true) {
            Ok(()) => scenarios.push(scenario),
            Err(reason) => skip(scenario, Some(&named.word), reason, skipped),
        }
    }
}

/// Says that a scenario is not run, and on which broker, where the command line names it.
fn skip(scenario: Scenario, on: Option<&str>, reason: String, skipped: &mut Vec<Skipped>) {
    let place = on.map(|on| format!(" on {on}")).unwrap_or_default();
    streams::tell(&format!("SKIP  {}{place}  {reason}", scenario.name));
    let on = Some(on.map_or(scenario.broker.on, str::to_owned));
    skipped.push(Skipped { name: scenario.name, file: scenario.file, on, reason });
}

/// What there is beside a scenario on a broker.
#[derive(Clone, Copy)]
pub(super) struct Lone {
    /// No other run at all.
    pub(super) is_alone: bool,
    /// No other broker.
    pub(super) is_only: bool,
}

/// Moves the scenarios that cannot run there to `skipped`, each with a line that says why. One that
/// is alone is refused; so are all with a value that is not possible there, unless there are other
/// brokers.
pub(super) fn keep_possible(
    setting: Setting<'_>,
    sabotage: Option<sabotage::Kind>,
    Lone { is_alone, is_only }: Lone,
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
    invalid: &mut Vec<Diagnostic>,
) -> Result<(), Refused> {
    for scenario in std::mem::take(scenarios) {
        let found = match objections_to(&scenario, setting, sabotage) {
            Ok(found) => found,
            Err(unknown) => vec![Objection::Value(Box::new(unknown))],
        };
        let values = found.iter().filter_map(|objection| match objection {
            Objection::Value(diagnostic) if is_only => Some((**diagnostic).clone()),
            Objection::Value(_) | Objection::Whole(_) | Objection::Fault(..) => None,
        });
        let before = invalid.len();
        invalid.extend(values);
        match found.first() {
            None => scenarios.push(scenario),
            Some(_) if invalid.len() > before => {}
            Some(_) if is_alone => return Err(refused(&scenario, &found)),
            Some(objection) => {
                let (reason, broker) = (objection.brief(&scenario), &scenario.broker);
                let on = broker.on_is_named.then(|| broker.on.clone());
                skip(scenario, on.as_deref(), reason, skipped);
            }
        }
    }
    Ok(())
}

/// Moves the scenarios to `skipped` that are on a cluster, which cannot be had here; or refuses the call,
/// where it must not go without.
pub(super) fn without_cluster(
    why: &str,
    is_required: bool,
    scenarios: &mut Vec<Scenario>,
    skipped: &mut Vec<Skipped>,
) -> Result<(), Refused> {
    for scenario in std::mem::take(scenarios) {
        if scenario.broker.cluster.is_none() {
            scenarios.push(scenario);
            continue;
        }
        let why = format!("it is on a cluster: {why}");
        if is_required {
            return Err(Refused::no_verdict(format_args!("{}: {why}", scenario.file.display())));
        }
        let on = scenario.broker.on_is_named.then(|| scenario.broker.on.clone());
        skip(scenario, on.as_deref(), why, skipped);
    }
    Ok(())
}

/// The scenario, if there are its broker and its driver, and that takes its names.
pub(in crate::command) fn drivable(mut scenario: Scenario) -> Result<Scenario, diagnostic::Error> {
    let file = BrokersFile::read(None, &[&scenario.file])?;
    if let Meant::Broker(named) = catalogue::of_scenario(&scenario.broker, &file)? {
        let taken = named.take(&mut scenario, false);
        taken.map_err(|why| Diagnostic::new(why).on(&scenario.broker.driver_spot))?;
    }
    let row = driver::find(&scenario.broker)?;
    let capabilities = (row.capabilities)(&scenario.broker);
    diagnostic::Error::unless_empty(bad_names(&scenario, &capabilities))?;
    Ok(scenario)
}

/// Everything that keeps a scenario from running there.
pub(super) fn objections_to(
    scenario: &Scenario,
    setting: Setting<'_>,
    sabotage: Option<sabotage::Kind>,
) -> Result<Vec<Objection>, Diagnostic> {
    let row = driver::find(&scenario.broker)?;
    if matches!(setting.brokers, Brokers::Simulated) && row.simulate.is_none() {
        let why = format!("its driver, {}, {}", row.word, driver::NOT_SIMULATED);
        return Ok(vec![Objection::Whole(format!("{why}; run it with `harness run`"))]);
    }
    let capabilities = (row.capabilities)(&scenario.broker);
    let setting = Setting { capabilities: Some(capabilities), ..setting };
    let sabotaged = sabotage.and_then(|kind| {
        let why = kind.objection(&capabilities)?;
        Some(Objection::Whole(format!("--sabotage {kind}: {why}")))
    });
    Ok(objections(scenario, &setting).into_iter().chain(sabotaged).collect())
}

fn refused(scenario: &Scenario, found: &[Objection]) -> Refused {
    let lines: Vec<_> = found.iter().map(|objection| objection.of(scenario)).collect();
    let problems =
        found.iter().map(|objection| (objection.line(scenario), objection.brief(scenario)));
    Refused::here(scenario, lines.join("\nerror: "), problems)
}

/// Why the scenario's broker cannot be made wrong in this way.
pub(in crate::command) fn sabotage_objection(
    kind: sabotage::Kind,
    scenario: &Scenario,
) -> Option<String> {
    let row = driver::find(&scenario.broker).ok()?;
    kind.objection(&(row.capabilities)(&scenario.broker))
}
