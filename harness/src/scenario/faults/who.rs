//! Whom a fault is about: a process, or actors by name, `any` of them, or `all`.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::diagnostic::{Diagnostic, hint};
use super::super::fault::{Target, Who};
use super::super::names::{self, Actor, Kind};
use super::super::raw;
use super::super::resolve::Report;
use super::super::settings;
use super::super::topics::Mapped;
use super::super::yaml::At;

/// `broker`, `broker 2`, `any` or `database`.
pub(super) fn target(text: &str) -> Result<Target, Diagnostic> {
    match text {
        "broker" => return Ok(Target::Broker(0)),
        "any" => return Ok(Target::AnyBroker),
        "database" => return Ok(Target::Database),
        _ => {}
    }
    let bad = || Diagnostic::new(format!("`{text}` cannot be killed, paused or stopped"));
    let Some(number) = text.strip_prefix("broker ") else {
        if Kind::of(text).is_some() && text.len() > 1 && text[1..].parse::<u32>().is_ok() {
            return Err(bad().label("actors are no processes of their own: `crash` a consumer"));
        }
        return Err(bad().label(hint(text, ["broker", "database", "any"])));
    };
    match number.trim().parse::<u32>() {
        Ok(number) if number > 0 => Ok(Target::Broker(number - 1)),
        _ => Err(bad().label("brokers are `broker 1`, `broker 2`, ...")),
    }
}

/// Names, `any`, `all` or `database`, as far as the action of this key takes them.
pub(super) fn who(
    report: &mut Report<'_>,
    key: &str,
    at: &At<raw::Names>,
    mapped: &Mapped,
) -> Option<Who> {
    let line;
    let words: Vec<(&str, Range<usize>)> = match &at.value {
        raw::Names::List(list) => {
            list.iter().map(|at| (at.value.as_str(), at.span.clone())).collect()
        }
        raw::Names::Line(text) => {
            line = At { value: text.clone(), span: at.span.clone() };
            let words = line.value.split_whitespace();
            words.map(|word| (word, report.word_span(&line, word))).collect()
        }
    };
    match words.as_slice() {
        [] => {
            let title = format!("`{key}` names nobody");
            report.add(at.span.clone(), Diagnostic::new(title).label("name at least one actor"));
            return None;
        }
        [("any", _)] => return Some(Who::Any),
        [("all", _)] => return Some(Who::All),
        [("database", span)] => {
            if matches!(key, "cut" | "black_hole" | "slow") {
                return Some(Who::Database);
            }
            let title = format!("`{key}` cannot be done to the database");
            let label = "there are `kill`, `pause`, `stop`, `cut`, `black_hole` and `slow`";
            report.add(span.clone(), Diagnostic::new(title).label(label));
            return None;
        }
        _ => {}
    }
    named(report, key, &words, mapped).map(Who::Actors)
}

fn named(
    report: &mut Report<'_>,
    key: &str,
    words: &[(&str, Range<usize>)],
    mapped: &Mapped,
) -> Option<Vec<Actor>> {
    let mut actors = BTreeSet::new();
    let before = report.diagnostics.len();
    for (word, span) in words {
        let kind = match key {
            "drop_ack" => Kind::Producer,
            "crash" => Kind::Consumer,
            _ => match Kind::of(word) {
                Some(kind) => kind,
                None => {
                    let title = format!("`{word}` is no actor");
                    let label = "expected names such as `P4` or `C1..C3`, or one of `any`, `all` \
                                 and `database` alone";
                    report.add(span.clone(), Diagnostic::new(title).label(label));
                    continue;
                }
            },
        };
        let Some(range) = report.keep(span.clone(), names::parse(kind, word)) else { continue };
        for number in range {
            if !known(report, kind, number, span, mapped) {
                break;
            }
            if !actors.insert(Actor { kind, number }) {
                let title = format!("{} is named twice", Actor { kind, number });
                let label = "named before in this fault";
                report.add(span.clone(), Diagnostic::new(title).label(label));
                break;
            }
        }
    }
    (report.diagnostics.len() == before).then(|| actors.into_iter().collect())
}

/// The number of one actor of this kind.
pub(super) fn one(
    report: &mut Report<'_>,
    kind: Kind,
    word: &str,
    span: Range<usize>,
    mapped: &Mapped,
) -> Option<u32> {
    let range = report.keep(span.clone(), names::parse(kind, word))?;
    if range.start() != range.end() {
        let title = format!("`{word}` is more than one {kind}");
        report.add(span, Diagnostic::new(title).label("one, or leave it out for all"));
        return None;
    }
    known(report, kind, *range.start(), &span, mapped).then_some(*range.start())
}

/// Whether a topic names the actor; one that none does is noted.
fn known(
    report: &mut Report<'_>,
    kind: Kind,
    number: u32,
    span: &Range<usize>,
    mapped: &Mapped,
) -> bool {
    let numbers = match kind {
        Kind::Producer => &mapped.producers,
        Kind::Consumer => &mapped.consumers,
    };
    // Nothing is known of the actors of a file whose topics could not be read.
    if numbers.is_empty() || numbers.binary_search(&number).is_ok() {
        return true;
    }
    report.add(span.clone(), settings::unknown(kind, number, numbers));
    false
}
