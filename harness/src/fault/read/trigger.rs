//! When a fault fires: `at: 1s`, `after: 500 acked`, or `every: 200ms`.

use crate::fault::trigger::{Counted, Trigger};
use crate::fault::written::{Times, Written};
use crate::input::diagnostic::{Diagnostic, hint};
use crate::input::known::Known;
use crate::input::names::Kind;
use crate::input::problems::Problems;
use crate::input::values;
use crate::input::yaml::{At, Field};

/// What an `after` may say, for errors.
const FORMS: &str =
    "expected `500 acked`, `100 acked by P1`, `900 delivered` or `300 delivered to C1`";

pub(super) fn trigger(
    problems: &mut Problems<'_>,
    entry: &At<Written>,
    known: Known<'_>,
) -> Option<Trigger> {
    let times = &entry.value.times;
    let keys = [("at", &times.at), ("after", &times.after), ("every", &times.every)];
    let mut given: Vec<_> = keys
        .into_iter()
        .filter_map(|(key, field)| Some((key, field.0.as_ref()?.span.clone())))
        .collect();
    given.sort_by_key(|(_, span)| span.start);
    match given.as_slice() {
        [] => {
            let title = "the fault does not say when";
            let label = "expected `at: 1s`, `after: 500 acked` or `every: 200ms`";
            problems.add(entry.span.clone(), Diagnostic::new(title).label(label));
            None
        }
        [_] => one(problems, times, known),
        [(first, _), (second, span), ..] => {
            let title = format!("`{first}` and `{second}` in one fault");
            let label = "each fault has one trigger: write two";
            problems.add(span.clone(), Diagnostic::new(title).label(label));
            None
        }
    }
}

/// The only trigger that is given.
fn one(problems: &mut Problems<'_>, times: &Times, known: Known<'_>) -> Option<Trigger> {
    if times.every.0.is_some() {
        return every(problems, times);
    }
    for (key, field) in [("from", &times.from), ("until", &times.until)] {
        if let Some(at) = &field.0 {
            let title = format!("`{key}` has no meaning here");
            let label = "it belongs to `every`";
            problems.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
    }
    match &times.after.0 {
        Some(at) => after(problems, at, known),
        None => problems.read(&times.at, values::time).map(Trigger::At),
    }
}

fn every(problems: &mut Problems<'_>, times: &Times) -> Option<Trigger> {
    let every = problems.read(&times.every, values::positive_time);
    let from = match &times.from {
        Field(None) => Some(std::time::Duration::ZERO),
        given => problems.read(given, values::time),
    };
    let until = problems.read(&times.until, values::time);
    let (every, from) = (every?, from?);
    if let (Some(end), Some(at)) = (until, &times.until.0)
        && end < from
    {
        let title = format!("`{}` is before the beginning", at.value);
        let label = format!("it begins at {}", humantime::format_duration(from));
        problems.add(at.span.clone(), Diagnostic::new(title).label(label));
        return None;
    }
    Some(Trigger::Every { every, from, until })
}

/// `500 acked`, `100 acked by P1`, `300 delivered to C1`.
fn after(problems: &mut Problems<'_>, at: &At<String>, known: Known<'_>) -> Option<Trigger> {
    let words: Vec<&str> = at.value.split_whitespace().collect();
    let bad = || Diagnostic::new(format!("`{}` is no count", at.value)).label(FORMS);
    let (count, what, whose) = match words.as_slice() {
        [count, what] => (*count, *what, None),
        [count, what, link, whose] => (*count, *what, Some((*link, *whose))),
        _ => {
            problems.add(at.span.clone(), bad());
            return None;
        }
    };
    let span = problems.word_span(&at.span, &at.value, count);
    let count = problems.keep(span, values::count(count, 1..=u64::MAX));
    let (kind, joined) = match what {
        "acked" => (Kind::Producer, "by"),
        "delivered" => (Kind::Consumer, "to"),
        _ => {
            let title = format!("`{what}` cannot be counted");
            let label = hint(what, ["acked", "delivered"]);
            problems.add(
                problems.word_span(&at.span, &at.value, what),
                Diagnostic::new(title).label(label),
            );
            return None;
        }
    };
    let number = match whose {
        None => None,
        Some((link, _)) if link != joined => {
            let title = format!("`{link}` stands where `{joined}` belongs");
            problems.add(
                problems.word_span(&at.span, &at.value, link),
                Diagnostic::new(title).label(FORMS),
            );
            return None;
        }
        Some((_, actor)) => {
            let span = problems.word_span(&at.span, &at.value, actor);
            Some(known.one(problems, kind, actor, span)?)
        }
    };
    let counted = match kind {
        Kind::Producer => Counted::Acked(number),
        Kind::Consumer => Counted::Delivered(number),
    };
    Some(Trigger::After { count: count?, counted })
}
