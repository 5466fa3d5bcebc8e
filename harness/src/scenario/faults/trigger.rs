//! When a fault fires: `at: 1s`, `after: 500 acked`, or `every: 200ms`.

use super::super::diagnostic::{Diagnostic, hint};
use super::super::fault::{Counted, Trigger};
use super::super::names::Kind;
use super::super::resolve::Report;
use super::super::topics::Mapped;
use super::super::yaml::{At, Field};
use super::super::{raw, values};
use super::who;

/// What an `after` may say, for errors.
const FORMS: &str =
    "expected `500 acked`, `100 acked by P1`, `900 delivered` or `300 delivered to C1`";

pub(super) fn trigger(
    report: &mut Report<'_>,
    entry: &At<raw::Fault>,
    mapped: &Mapped,
) -> Option<Trigger> {
    let raw = &entry.value;
    let keys = [("at", &raw.at), ("after", &raw.after), ("every", &raw.every)];
    let mut given: Vec<_> = keys
        .into_iter()
        .filter_map(|(key, field)| Some((key, field.0.as_ref()?.span.clone())))
        .collect();
    given.sort_by_key(|(_, span)| span.start);
    match given.as_slice() {
        [] => {
            let title = "the fault does not say when";
            let label = "expected `at: 1s`, `after: 500 acked` or `every: 200ms`";
            report.add(entry.span.clone(), Diagnostic::new(title).label(label));
            None
        }
        [_] => one(report, raw, mapped),
        [(first, _), (second, span), ..] => {
            let title = format!("`{first}` and `{second}` in one fault");
            let label = "each fault has one trigger: write two";
            report.add(span.clone(), Diagnostic::new(title).label(label));
            None
        }
    }
}

/// The only trigger that is given.
fn one(report: &mut Report<'_>, raw: &raw::Fault, mapped: &Mapped) -> Option<Trigger> {
    if raw.every.0.is_some() {
        return every(report, raw);
    }
    for (key, field) in [("from", &raw.from), ("until", &raw.until)] {
        if let Some(at) = &field.0 {
            let title = format!("`{key}` has no meaning here");
            let label = "it belongs to `every`";
            report.add(at.span.clone(), Diagnostic::new(title).label(label));
        }
    }
    match &raw.after.0 {
        Some(at) => after(report, at, mapped),
        None => report.read(&raw.at, values::time).map(Trigger::At),
    }
}

fn every(report: &mut Report<'_>, raw: &raw::Fault) -> Option<Trigger> {
    let every = report.read(&raw.every, values::positive_time);
    let from = match &raw.from {
        Field(None) => Some(std::time::Duration::ZERO),
        given => report.read(given, values::time),
    };
    let until = report.read(&raw.until, values::time);
    let (every, from) = (every?, from?);
    if let (Some(end), Some(at)) = (until, &raw.until.0)
        && end < from
    {
        let title = format!("`{}` is before the beginning", at.value);
        let label = format!("it begins at {}", humantime::format_duration(from));
        report.add(at.span.clone(), Diagnostic::new(title).label(label));
        return None;
    }
    Some(Trigger::Every { every, from, until })
}

/// `500 acked`, `100 acked by P1`, `300 delivered to C1`.
fn after(report: &mut Report<'_>, at: &At<String>, mapped: &Mapped) -> Option<Trigger> {
    let words: Vec<&str> = at.value.split_whitespace().collect();
    let bad = || Diagnostic::new(format!("`{}` is no count", at.value)).label(FORMS);
    let (count, what, whose) = match words.as_slice() {
        [count, what] => (*count, *what, None),
        [count, what, link, whose] => (*count, *what, Some((*link, *whose))),
        _ => {
            report.add(at.span.clone(), bad());
            return None;
        }
    };
    let span = report.word_span(at, count);
    let count = report.keep(span, values::count(count, 1..=u64::MAX));
    let (kind, joined) = match what {
        "acked" => (Kind::Producer, "by"),
        "delivered" => (Kind::Consumer, "to"),
        _ => {
            let title = format!("`{what}` cannot be counted");
            let label = hint(what, ["acked", "delivered"]);
            report.add(report.word_span(at, what), Diagnostic::new(title).label(label));
            return None;
        }
    };
    let number = match whose {
        None => None,
        Some((link, _)) if link != joined => {
            let title = format!("`{link}` stands where `{joined}` belongs");
            report.add(report.word_span(at, link), Diagnostic::new(title).label(FORMS));
            return None;
        }
        Some((_, actor)) => {
            let span = report.word_span(at, actor);
            Some(who::one(report, kind, actor, span, mapped)?)
        }
    };
    let counted = match kind {
        Kind::Producer => Counted::Acked(number),
        Kind::Consumer => Counted::Delivered(number),
    };
    Some(Trigger::After { count: count?, counted })
}
