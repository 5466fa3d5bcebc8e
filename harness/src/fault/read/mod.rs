//! The `faults:` of a file: each has one trigger, one action, and the keys that belong to them.

mod target;
mod trigger;

use std::ops::Range;

use super::definition::{Definition, Lasts};
use super::entry::{Action, Fault};
use super::kinds;
use super::settings::Settings;
use super::written::{Asked, Written};
use crate::input::diagnostic::Diagnostic;
use crate::input::known::Known;
use crate::input::problems::Problems;
use crate::input::values;
use crate::input::yaml::{At, Field};

/// Reads all faults; what is wrong with one of them does not hide what is wrong with the next.
pub(crate) fn read(
    problems: &mut Problems<'_>,
    field: &Field<Vec<At<Written>>>,
    known: Known<'_>,
) -> Vec<Fault> {
    let entries = field.value().map_or(&[][..], Vec::as_slice);
    entries.iter().filter_map(|entry| fault(problems, entry, known)).collect()
}

fn fault(problems: &mut Problems<'_>, entry: &At<Written>, known: Known<'_>) -> Option<Fault> {
    let written = &entry.value;
    let before = problems.count();
    let trigger = trigger::trigger(problems, entry, known);
    let action = action(problems, entry, known);
    let lasts = problems.read(&written.times.lasts, values::positive_time);
    if let Some(action) = &action {
        belonging(problems, written, action.definition);
        duration(problems, entry, action.definition);
    }
    let line = problems.source.line_and_column(entry.span.start).0;
    let times = [&written.times.at, &written.times.after, &written.times.every];
    let spot = times.into_iter().find(|field| field.0.is_some()).map(|field| problems.spot(field));
    let trigger_spot = spot.unwrap_or_default();
    let fault = Fault { line, trigger_spot, trigger: trigger?, action: action?, lasts };
    (problems.count() == before).then_some(fault)
}

fn action(problems: &mut Problems<'_>, entry: &At<Written>, known: Known<'_>) -> Option<Action> {
    let written = &entry.value;
    let [asked, rest @ ..] = written.actions.as_slice() else {
        let label = format!("expected one of {}", kinds::keys(|_| true));
        let title = "the fault does not say what is done";
        problems.add(entry.span.clone(), Diagnostic::new(title).label(label));
        return None;
    };
    if let Some(second) = rest.first() {
        let (first, other) = (asked.definition.key, second.definition.key);
        let title = format!("`{first}` and `{other}` in one fault");
        let label = "each fault does one thing: write two";
        problems.add(second.span(), Diagnostic::new(title).label(label));
        return None;
    }
    let Asked { definition, .. } = asked;
    let target = target::target(problems, asked, known)?;
    let effect = (definition.read)(&mut Settings::new(&written.settings, asked.span(), problems))?;
    Some(Action { definition, target, effect })
}

/// Notes keys that have no meaning for the action.
fn belonging(problems: &mut Problems<'_>, written: &Written, definition: &Definition) {
    let has = |kind: &Definition, key: &str| kind.settings.iter().any(|own| own.key == key);
    for (key, at) in &written.settings {
        if !has(definition, key) {
            let title = format!("`{key}` has no meaning for `{}`", definition.key);
            let label = format!("it belongs to {}", kinds::keys(|kind| has(kind, key)));
            problems.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
    }
}

/// Notes a duration that is missing, or that has no meaning.
fn duration(problems: &mut Problems<'_>, entry: &At<Written>, definition: &Definition) {
    let times = &entry.value.times;
    let mut note = |span: &Range<usize>, title: String, label: &str| {
        problems.add(span.clone(), Diagnostic::new(title).label(label));
    };
    match (definition.lasts, &times.lasts.0) {
        (Lasts::UntilSpent(why), Some(at)) => {
            note(&at.span, format!("`for` has no meaning for `{}`", definition.key), why);
        }
        // One that is repeated and never ends would only pile up.
        (Lasts::OrToTheEnd, None) if times.every.0.is_none() => {}
        (Lasts::UntilSpent(_), None) | (_, Some(_)) => {}
        (Lasts::Given | Lasts::OrToTheEnd, None) => {
            let title = format!("`{}` does not say for how long", definition.key);
            note(&entry.span, title, "add `for:` and a time, such as `for: 200ms`");
        }
    }
}
