//! The planned messages without an ack that no fault explains, each named with what is known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::explanations::Explanations;
use crate::check::facts::{Facts, Fate, Request};
use crate::fault::kinds::listed;
use crate::history::Outcome;
use crate::numbers;
use crate::plan::MessageId;

/// So many messages or ranges are named; the rest are counted.
const NAMED: usize = 10;

/// What became of a message, in the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Refused,
    NeverLeft,
    Unknown,
    NeverSent,
}

/// What is to be said of messages: how they ended, and the codes that no fault explains.
type Doubt = (Ending, BTreeSet<String>);

pub(super) fn check(facts: &Facts<'_>, reasons: &mut Vec<String>) {
    let explanations = Explanations::of(facts);
    let mut doubts: BTreeMap<Doubt, Vec<MessageId>> = BTreeMap::new();
    // The messages of a request stand together.
    let mut last: Option<(u32, Option<Doubt>)> = None;
    for message in (0..facts.plan.messages.len()).map(MessageId::new) {
        let doubt = match facts.requests.of(message) {
            // Nobody was there any more to send it to.
            None if facts.gone().is_some() => continue,
            None => Some((Ending::NeverSent, BTreeSet::new())),
            Some(request) if request.fate == Fate::Acked => continue,
            Some(request) if request.repeated => doubt(&explanations, facts, message, request),
            Some(request) => {
                let place = facts.requests.place_of(message);
                if last.as_ref().is_none_or(|(known, _)| *known != place) {
                    last = Some((place, doubt(&explanations, facts, message, request)));
                }
                last.as_ref().and_then(|(_, doubt)| doubt.clone())
            }
        };
        if let Some(doubt) = doubt {
            doubts.entry(doubt).or_default().push(message);
        }
    }
    for (doubt, messages) in doubts {
        reasons.push(sentence(facts, &doubt, &messages));
    }
}

/// What is to be said of a message that was not acked; nothing where faults explain all of it.
fn doubt(
    explanations: &Explanations<'_>,
    facts: &Facts<'_>,
    message: MessageId,
    best: &Request,
) -> Option<Doubt> {
    let mut unexplained = false;
    let mut codes = BTreeSet::new();
    for request in facts.requests.each_of(message) {
        let attempts = explanations.missing_for(request);
        unexplained |= !attempts.is_empty();
        codes.extend(attempts.into_iter().filter_map(|attempt| attempt.code));
    }
    let ending = match best.fate {
        Fate::Acked | Fate::Unknown => Ending::Unknown,
        Fate::Refused => {
            let never = |own: &Request| own.sent(facts.history).never_left();
            let never = facts.requests.each_of(message).all(never);
            if never { Ending::NeverLeft } else { Ending::Refused }
        }
    };
    unexplained.then_some((ending, codes))
}

fn sentence(facts: &Facts<'_>, (ending, codes): &Doubt, messages: &[MessageId]) -> String {
    let (count, names) = name(facts, messages.iter().copied());
    let verb = if count == 1 { "was" } else { "were" };
    let words = match ending {
        Ending::Refused => format!("{verb} refused"),
        Ending::NeverLeft => "never left".to_owned(),
        Ending::Unknown => format!("{verb} left with an unknown outcome"),
        Ending::NeverSent => format!("{verb} never sent"),
    };
    let with = match ending {
        Ending::Refused => "with",
        Ending::NeverLeft => "registering was refused with",
        Ending::Unknown | Ending::NeverSent => "an attempt was refused with",
    };
    let codes = listed(codes.iter().map(|code| format!("`{code}`")), "and");
    let with = if codes.is_empty() { codes } else { format!(", {with} {codes}") };
    let has_faults = !facts.plan.scenario.faults.is_empty() && *ending != Ending::NeverSent;
    let unexplained = if has_faults { ", which no fault explains" } else { "" };
    let messages_words = numbers::count(count, "planned message");
    let first = messages.first().and_then(|message| why(facts, *message));
    let first = first.map(|why| format!(" (the first: {why})")).unwrap_or_default();
    format!("{messages_words} {words}: {names}{with}{unexplained}{first}")
}

/// How many there are, and their names, neighbours as ranges.
fn name(facts: &Facts<'_>, messages: impl Iterator<Item = MessageId>) -> (u64, String) {
    let mut ranges: Vec<(MessageId, MessageId)> = Vec::new();
    let mut count = 0;
    let mut more = 0_u64;
    for message in messages {
        count += 1;
        let stream = |id| facts.plan.messages.stream(id);
        let full = ranges.len() == NAMED;
        match ranges.last_mut() {
            Some((_, last))
                if more == 0 && last.0 + 1 == message.0 && stream(*last) == stream(message) =>
            {
                *last = message;
            }
            _ if full => more += 1,
            _ => ranges.push((message, message)),
        }
    }
    let mut names = String::new();
    for (first, last) in ranges {
        let separator = if names.is_empty() { "" } else { ", " };
        let first_name = facts.plan.name(first);
        let _ = write!(names, "{separator}{first_name}");
        if first != last {
            let topic = &facts.plan.topics[facts.plan.stream(first).topic.place()].name;
            let _ = write!(names, " to {} on {topic}", facts.plan.name(last));
        }
    }
    if more > 0 {
        let _ = write!(names, " and {} more", numbers::number(more));
    }
    (count, names)
}

/// The words that a message's request ended with.
pub(super) fn why<'a>(facts: &Facts<'a>, message: MessageId) -> Option<&'a str> {
    match &facts.requests.of(message)?.sent(facts.history).outcome {
        Outcome::Refused { why } | Outcome::Unknown { why } => Some(why),
        Outcome::Acked { .. } => None,
    }
}
