//! What a fault is about: a process, or actors by name, `any` of them, or `all`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::fault::definition::{Definition, Takes};
use crate::fault::kinds::{KINDS, keys, listed};
use crate::fault::target::{Part, Target, Who};
use crate::fault::written::{Asked, WrittenTarget};
use crate::input::diagnostic::{Diagnostic, hint};
use crate::input::known::Known;
use crate::input::name_list::NameList;
use crate::input::names::{self, Actor, Kind};
use crate::input::problems::Problems;
use crate::input::yaml::At;

/// The target of a fault, as far as its kind takes it.
pub(super) fn target(
    problems: &mut Problems<'_>,
    asked: &Asked,
    known: Known<'_>,
) -> Option<Target> {
    match &asked.target {
        WrittenTarget::Process(at) => {
            let is_node = asked.definition.takes == Takes::Node;
            let target =
                if is_node { node(asked.definition.key, &at.value) } else { process(&at.value) };
            problems.keep(at.span.clone(), target)
        }
        WrittenTarget::Storage(at) => {
            let target = storage(asked.definition.key, &at.value);
            problems.keep(at.span.clone(), target)
        }
        WrittenTarget::Names(at) => names(problems, asked.definition, at, known),
    }
}

/// `database` or `database 2`: all nodes of a cluster, or one.
fn node(key: &str, text: &str) -> Result<Target, Diagnostic> {
    match process(text) {
        Ok(target) if target.is_database() => Ok(target),
        _ => {
            let label = "expected a node of a cluster, such as `database 2`, or `database` for all";
            Err(Diagnostic::new(format!("`{key}` cannot be about `{text}`")).label(label))
        }
    }
}

/// `broker`, `broker 2`, `any`, `database` or `database 2`.
fn process(text: &str) -> Result<Target, Diagnostic> {
    match text {
        "broker" => return Ok(Target::Process(Part::Broker(0))),
        "any" => return Ok(Target::AnyBroker),
        "database" => return Ok(Target::Process(Part::Database)),
        _ => {}
    }
    let bad = || {
        let done = KINDS.iter().filter_map(|kind| match kind.takes {
            Takes::Process { done } => Some(done.to_owned()),
            Takes::Node | Takes::Links { .. } | Takes::Consumers | Takes::Storage => None,
        });
        Diagnostic::new(format!("`{text}` cannot be {}", listed(done, "or")))
    };
    if let Some(number) = text.strip_prefix("database ") {
        return match number.trim().parse::<u32>() {
            Ok(number) if number > 0 => Ok(Target::Process(Part::Node(number - 1))),
            _ => Err(bad().label("the nodes of a cluster are `database 1`, `database 2`, ...")),
        };
    }
    let Some(number) = text.strip_prefix("broker ") else {
        if Kind::of(text).is_some() && text.len() > 1 && text[1..].parse::<u32>().is_ok() {
            return Err(bad().label("actors are no processes of their own: `crash` a consumer"));
        }
        return Err(bad().label(hint(text, ["broker", "database", "any"])));
    };
    match number.trim().parse::<u32>() {
        Ok(number) if number > 0 => Ok(Target::Process(Part::Broker(number - 1))),
        _ => Err(bad().label("brokers are `broker 1`, `broker 2`, ...")),
    }
}

/// `storage`.
fn storage(key: &str, text: &str) -> Result<Target, Diagnostic> {
    if text == "storage" {
        return Ok(Target::Storage);
    }
    let label = "expected `storage`: the disk of what keeps the data, which is the database of our own \
                 broker and the server of any other";
    Err(Diagnostic::new(format!("`{key}` cannot be about `{text}`")).label(label))
}

/// Names, `any`, `all` or `database`.
fn names(
    problems: &mut Problems<'_>,
    definition: &Definition,
    at: &At<NameList>,
    known: Known<'_>,
) -> Option<Target> {
    let key = definition.key;
    let words = at.words(problems);
    let who = match words.as_slice() {
        [] => {
            let title = format!("`{key}` names nobody");
            problems.add(at.span.clone(), Diagnostic::new(title).label("name at least one actor"));
            return None;
        }
        [("any", _)] => Who::Any,
        [("all", _)] => Who::All,
        [("database", _)] if definition.takes.database() => return Some(Target::DatabaseLink),
        [("database", span)] => {
            let title = format!("`{key}` cannot be done to the database");
            let label = format!("there are {}", keys(|kind| kind.takes.database()));
            problems.add(span.clone(), Diagnostic::new(title).label(label));
            return None;
        }
        words => Who::Actors(actors(problems, definition.takes.actors(), words, known)?),
    };
    Some(match definition.takes {
        Takes::Consumers => Target::Consumers(who),
        Takes::Process { .. } | Takes::Node | Takes::Links { .. } | Takes::Storage => {
            Target::Links(who)
        }
    })
}

/// Actors of some kinds, by name.
fn actors(
    problems: &mut Problems<'_>,
    kinds: &[Kind],
    words: &[(&str, Range<usize>)],
    known: Known<'_>,
) -> Option<Vec<Actor>> {
    let mut actors = BTreeSet::new();
    let before = problems.count();
    for (word, span) in words {
        let kind = match kinds {
            [only] => *only,
            _ => match Kind::of(word) {
                Some(kind) => kind,
                None => {
                    let title = format!("`{word}` is no actor");
                    let label = "expected names such as `P4` or `C1..C3`, or one of `any`, `all` \
                                 and `database` alone";
                    problems.add(span.clone(), Diagnostic::new(title).label(label));
                    continue;
                }
            },
        };
        let Some(range) = problems.keep(span.clone(), names::parse(kind, word)) else { continue };
        for number in range {
            let actor = Actor { kind, number };
            if !known.check(problems, actor, span) {
                break;
            }
            if !actors.insert(actor) {
                let title = format!("{actor} is named twice");
                let label = "named before in this fault";
                problems.add(span.clone(), Diagnostic::new(title).label(label));
                break;
            }
        }
    }
    (problems.count() == before).then(|| actors.into_iter().collect())
}
