//! What keeps a run without a violation from being a pass.
//!
//! Nothing was acked, so nothing was promised; a planned message was not acked, although it should
//! have been; a consumer never got its subscription, so nothing was due to it; what the scenario
//! requires did not happen, so that the run proves nothing about it; the run was cut short. Each is a
//! sentence that names what it is about. Where the server does not start again after a fault, how the run
//! ended is no reason, nor is what was to come.

mod explanations;
mod unacked;

use std::collections::BTreeMap;

use super::facts::{Facts, Fate, Feed};
use super::judgement::VACUOUS;
use super::outcome::CheckOutcome;
use super::words::consumer_name;
use crate::fault::{Effect, Fault, StorageFault};
use crate::history::{Answer, End, backlogs};
use crate::input::names;
use crate::numbers;
use crate::plan::{MessageId, TopicIndex};
use crate::scenario::{Acked, Counter, Requirement};

pub(super) fn check(facts: &Facts<'_>) -> CheckOutcome {
    let mut outcome = CheckOutcome::default();
    let reasons = &mut outcome.inconclusive;
    let acked = count(facts, Fate::Acked);
    if facts.requests.all.is_empty() {
        reasons.push("no message was sent, so there is nothing to judge".to_owned());
    } else if acked == 0 {
        let first = facts.plan.messages.len();
        let first = (0..first).map(MessageId::new).find_map(|message| unacked::why(facts, message));
        let why = first.map(|why| format!(" (the first: {why})")).unwrap_or_default();
        reasons.push(format!("no message was acked, so nothing was promised about any{why}"));
    }
    if facts.plan.scenario.expect.acked == Acked::All && !facts.requests.all.is_empty() {
        unacked::check(facts, reasons);
    }
    if facts.gone().is_none() {
        unsubscribed(facts, reasons);
    }
    for requirement in &facts.plan.scenario.require {
        vacuous(facts, requirement, reasons);
    }
    match facts.history.end {
        _ if facts.gone().is_some() => {}
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
        Counter::Backlog => return reasons.extend(short_backlogs(facts, at_least)),
        Counter::Forgotten => return reasons.extend(little_forgotten(facts, at_least)),
    };
    if happened < at_least {
        reasons.push(format!(
            "{VACUOUS}the scenario requires at least {}, and there {} {}",
            numbers::count(at_least, what),
            if happened == 1 { "was" } else { "were" },
            numbers::number(happened)
        ));
    }
}

/// Faults that took effect when consumers were not far enough behind: of those on processes, or of
/// all where none is. One that fires several times has to meet the backlog once.
fn short_backlogs(facts: &Facts<'_>, at_least: u64) -> Vec<String> {
    let scenario = &facts.plan.scenario;
    // A disk that is full or slow ends nothing.
    let is_process = |fault: &Fault| match fault.action.effect {
        Effect::Storage(storage) => storage.restarts(),
        _ => fault.action.target.is_process(),
    };
    let any_process = scenario.faults.iter().any(is_process);
    let backlogs = backlogs(facts.plan, facts.history);
    let sentence = |(place, fault): (usize, &Fault)| {
        if any_process && !is_process(fault) {
            return None;
        }
        let firings = facts.history.faults.iter().zip(&backlogs);
        let own = firings.filter(|(firing, _)| firing.fault as usize == place);
        // One that never fired is vacuous for that.
        let met = match own.map(|(_, backlog)| *backlog).max()? {
            Some(backlog) if backlog >= at_least => return None,
            Some(backlog) => format!("met {}", numbers::number(backlog)),
            None => "met one that the history does not tell".to_owned(),
        };
        let (file, line, least) = (scenario.file.display(), fault.line, numbers::number(at_least));
        Some(format!(
            "{VACUOUS}the scenario requires a backlog of at least {least}, and the fault `{fault}` \
             ({file}:{line}) {met}"
        ))
    };
    scenario.faults.iter().enumerate().filter_map(sentence).collect()
}

/// Power cuts that forgot less than is required. One that fires several times has to reach it once.
fn little_forgotten(facts: &Facts<'_>, at_least: u64) -> Vec<String> {
    let scenario = &facts.plan.scenario;
    let sentence = |(place, fault): (usize, &Fault)| {
        if !matches!(fault.action.effect, Effect::Storage(StorageFault::Power(_))) {
            return None;
        }
        let firings = facts.history.faults.iter().filter(|own| own.fault as usize == place);
        let told = firings.map(|firing| firing.on_disk.as_ref()?.forgotten.as_ref());
        // One that never fired is vacuous for that.
        let most = told.max_by_key(|own| own.map(|own| (own.bytes, own.noise)))?;
        let forgot = match most {
            Some(own) if own.bytes >= at_least => return None,
            None => "forgot what the history does not tell".to_owned(),
            Some(own) => {
                let words = format!("forgot {}", numbers::count(own.bytes, "byte"));
                match own.noise {
                    0 => words,
                    noise => {
                        let noise = numbers::number(noise);
                        format!("{words}, and {noise} of files that the server does not need")
                    }
                }
            }
        };
        let (file, line) = (scenario.file.display(), fault.line);
        let least = numbers::count(at_least, "forgotten byte");
        Some(format!(
            "{VACUOUS}the scenario requires at least {least}, and the fault `{fault}` \
             ({file}:{line}) {forgot}"
        ))
    };
    scenario.faults.iter().enumerate().filter_map(sentence).collect()
}

/// Faults that prove nothing: they did not happen, or met no traffic.
fn idle_faults(facts: &Facts<'_>) -> Vec<String> {
    let scenario = &facts.plan.scenario;
    let firings =
        |place| facts.history.faults.iter().filter(move |firing| firing.fault as usize == place);
    let sentence = |(place, fault): (usize, &Fault)| {
        let why = match firings(place).map(|firing| firing.met).max() {
            None => "never fired",
            Some(0) => nothing_met(&fault.action.effect),
            Some(_) => return None,
        };
        let (file, line) = (scenario.file.display(), fault.line);
        Some(format!("{VACUOUS}the fault `{fault}` ({file}:{line}) {why}"))
    };
    scenario.faults.iter().enumerate().filter_map(sentence).collect()
}

/// That a fault met nothing, which each kind counts in its own way.
const fn nothing_met(effect: &Effect) -> &'static str {
    let Effect::Storage(fault) = effect else { return "met no traffic" };
    match fault {
        StorageFault::Power(_) => "met no traffic",
        StorageFault::Full => "refused nothing",
        StorageFault::Slow { .. } => "held nothing up",
        StorageFault::FailSync { .. } => "met no sync that it could fail",
        StorageFault::Rot { .. } => "found no acked message on the disk",
    }
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
