//! What keeps a run without a violation from being a pass.
//!
//! Nothing was acked, so nothing was promised; a planned message was not acked, although it should
//! have been; a consumer never got its subscription, so nothing was due to it; what the scenario
//! requires did not happen, so that the run proves nothing about it; the run was cut short. Each is a
//! sentence that names what it is about.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::facts::{Facts, Fate, Feed, Request};
use super::outcome::CheckOutcome;
use super::words::consumer_name;
use crate::fault::Fault;
use crate::history::{Answer, End, Outcome};
use crate::input::names;
use crate::numbers;
use crate::plan::{MessageId, TopicIndex};
use crate::scenario::{Acked, Counter, Requirement};

/// So many messages or ranges are named; the rest are counted.
const NAMED: usize = 10;

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    let reasons = &mut outcome.inconclusive;
    let acked = count(facts, Fate::Acked);
    if facts.requests.all.is_empty() {
        reasons.push("no message was sent, so there is nothing to judge".to_owned());
    } else if acked == 0 {
        let first = facts.plan.messages.len();
        let first = (0..first).map(MessageId::new).find_map(|message| why(facts, message));
        let why = first.map(|why| format!(" (the first: {why})")).unwrap_or_default();
        reasons.push(format!("no message was acked, so nothing was promised about any{why}"));
    }
    if facts.plan.scenario.expect.acked == Acked::All && !facts.requests.all.is_empty() {
        unacked(facts, reasons);
    }
    unsubscribed(facts, reasons);
    for requirement in &facts.plan.scenario.require {
        vacuous(facts, requirement, reasons);
    }
    match facts.history.end {
        End::Interrupted => reasons.push("the run was interrupted".to_owned()),
        end => {
            reasons.extend(idle_faults(facts));
            if end == End::Deadline || end == End::Idle {
                reasons.extend(unfinished(facts));
            }
        }
    }
    outcome
}

fn count(facts: &Facts<'_>, fate: Fate) -> u64 {
    let requests = facts.requests.all.iter().filter(|request| request.fate == fate);
    requests.map(|request| u64::from(request.count)).sum()
}

/// Names the planned messages without an ack, by what is known about them.
fn unacked(facts: &Facts<'_>, reasons: &mut Vec<String>) {
    let fates = [
        (Some(Fate::Refused), "refused"),
        (Some(Fate::Unknown), "left with an unknown outcome"),
        (None, "never sent"),
    ];
    for (fate, words) in fates {
        let ids = (0..facts.plan.messages.len()).map(MessageId::new);
        let unexplained = |id: &MessageId| {
            let request = facts.requests.of(*id);
            request.map(|r| r.fate) == fate && !request.is_some_and(|r| explained(facts, r))
        };
        let mut own = ids.filter(unexplained).peekable();
        let Some(first) = own.peek().copied() else { continue };
        let (count, names) = name(facts, own);
        let messages = numbers::count(count, "planned message");
        let verb = if count == 1 { "was" } else { "were" };
        let why = why(facts, first).map(|why| format!(" (the first: {why})")).unwrap_or_default();
        reasons.push(format!("{messages} {verb} {words}: {names}{why}"));
    }
}

/// Whether a fault lasted while the request was under way: it may well be why there is no ack. One
/// that restarts a process is also why a registration from before is refused later.
fn explained(facts: &Facts<'_>, request: &Request) -> bool {
    let (producer, send) = request.source;
    let part = &facts.history.producers[producer];
    let sent = &part.sends[send];
    let session = part.sessions.get(sent.session as usize);
    let registered = session.map_or(request.invoked, |session| session.confirmed.stamp);
    facts.history.faults.iter().any(|firing| {
        let fault = facts.plan.scenario.faults.get(firing.fault as usize);
        let since = if fault.is_some_and(|fault| fault.action.effect.restarts()) {
            registered.min(request.invoked)
        } else {
            request.invoked
        };
        since < firing.ended.stamp && firing.began.stamp < sent.completed.stamp
    })
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
fn why<'a>(facts: &Facts<'a>, message: MessageId) -> Option<&'a str> {
    let (producer, send) = facts.requests.of(message)?.source;
    match &facts.history.producers[producer].sends[send].outcome {
        Outcome::Refused { why } | Outcome::Unknown { why } => Some(why),
        Outcome::Acked { .. } => None,
    }
}

fn unsubscribed(facts: &Facts<'_>, reasons: &mut Vec<String>) {
    let lacking = |feed: &&Feed| feed.planned && feed.subscription.is_none();
    for feed in facts.feeds.iter().filter(lacking) {
        let who = consumer_name(facts, feed.consumer);
        let topic = &facts.plan.topics[feed.topic.place()].name;
        reasons.push(format!("{who} never subscribed to {topic}, so nothing was due to it"));
    }
}

fn vacuous(facts: &Facts<'_>, requirement: &Requirement, reasons: &mut Vec<String>) {
    let Requirement { counter, at_least } = *requirement;
    let (happened, what) = match counter {
        Counter::UnknownAcks => (count(facts, Fate::Unknown), "unknown ack"),
        Counter::Acked => (count(facts, Fate::Acked), "acked message"),
        Counter::Retries => {
            let sends = facts.history.producers.iter().flat_map(|producer| &producer.sends);
            let retries = sends.map(|sent| u64::from(sent.attempts.saturating_sub(1)));
            (retries.sum(), "retry")
        }
        Counter::Delivered => {
            let consumers = facts.history.consumers.iter();
            (consumers.map(|consumer| consumer.deliveries.len() as u64).sum(), "delivery")
        }
    };
    if happened < at_least {
        reasons.push(format!(
            "vacuous: the scenario requires at least {}, and there {} {}",
            numbers::count(at_least, what),
            if happened == 1 { "was" } else { "were" },
            numbers::number(happened)
        ));
    }
}

/// Faults that prove nothing: they did not happen, or met no traffic.
fn idle_faults(facts: &Facts<'_>) -> Vec<String> {
    let scenario = &facts.plan.scenario;
    let firings =
        |place| facts.history.faults.iter().filter(move |firing| firing.fault as usize == place);
    let sentence = |(place, fault): (usize, &Fault)| {
        let why = match firings(place).map(|firing| firing.met).max() {
            None => "never fired",
            Some(0) => "met no traffic",
            Some(_) => return None,
        };
        let (file, line) = (scenario.file.display(), fault.line);
        Some(format!("vacuous: the fault `{fault}` ({file}:{line}) {why}"))
    };
    scenario.faults.iter().enumerate().filter_map(sentence).collect()
}

/// What kept each feed from being read to its end when the run ended: a sentence for all of a
/// topic for which it is the same.
fn unfinished(facts: &Facts<'_>) -> Vec<String> {
    let mut groups: BTreeMap<(TopicIndex, String), Vec<u32>> = BTreeMap::new();
    let claimed = |feed: &&Feed| feed.planned && feed.subscription.is_some();
    for feed in facts.feeds.iter().filter(claimed).filter(|feed| facts.undecided(feed)) {
        let words = match facts.last_poll(feed).map(|poll| &poll.answer) {
            Some(Answer::Failed(words)) => format!("the last poll failed: {words}"),
            Some(Answer::Delivered(1..)) => "messages still came when the deadline passed".into(),
            _ => "no answer came after everything was sent".to_owned(),
        };
        let number = facts.plan.consumers[feed.consumer.place()].number;
        groups.entry((feed.topic, words)).or_default().push(number);
    }
    let sentence = |((topic, words), consumers): ((TopicIndex, String), Vec<u32>)| {
        let who = names::list(names::Kind::Consumer, &consumers);
        format!("{who} on {}: {words}", facts.plan.topics[topic.place()].name)
    };
    groups.into_iter().map(sentence).collect()
}
