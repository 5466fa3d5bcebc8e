//! Puts what was found into words: names, and what was seen of a message by whom.

mod sighting;

use std::collections::BTreeSet;

use super::facts::{Facts, Feed, Seen};
use super::tally::{Instance, Tally};
use super::{Finding, Kind, Proof};
use crate::history::{EpochIndex, Moment, Outcome};
use crate::plan::{ConsumerIndex, MessageId, Plan};
use sighting::Sightings;

/// At most so many characters of a payload are shown.
const CLIP: usize = 60;

/// Sorts what was found into violations and what `expect` allows, with proofs.
pub(super) fn findings(facts: &Facts<'_>, tallies: &[Tally]) -> (Vec<Finding>, Vec<Finding>) {
    let shown: Vec<&Instance> = tallies.iter().flat_map(|tally| &tally.instances).collect();
    let sightings = Sightings::find(facts, &shown);
    let expect = facts.plan.scenario.expect;
    let [violations, allowed] = [true, false].map(|made| {
        let of_kind = |kind: Kind| {
            let own = tallies.iter().filter(|t| t.kind == kind && t.breaks(expect) == made);
            let own: Vec<&Tally> = own.filter(|tally| tally.count > 0).collect();
            let instances = own.iter().flat_map(|tally| &tally.instances);
            let proofs = instances.take(super::PROOFS_MAX);
            let proofs: Vec<Proof> = proofs.map(|i| proof(facts, &sightings, i)).collect();
            let count = own.iter().map(|tally| tally.count).sum();
            let possible = own.iter().map(|tally| tally.possible).sum();
            let blames = own.iter().filter_map(|tally| tally.blames).reduce(|mut all, more| {
                all.add(more);
                all
            });
            (count > 0).then_some(Finding { kind, count, possible, blames, proofs })
        };
        Kind::ALL.into_iter().filter_map(of_kind).collect::<Vec<_>>()
    });
    (violations, allowed)
}

fn proof(facts: &Facts<'_>, sightings: &Sightings, instance: &Instance) -> Proof {
    let mut evidence = instance.evidence.clone();
    for message in ends(&instance.messages) {
        evidence.push(life(facts, message));
        sightings.tell(facts, message, &mut evidence);
    }
    if instance.messages.is_empty()
        && let (Some(consumer), Some(place)) = (instance.consumer, instance.place)
    {
        sightings.tell_place(facts, consumer, place, &mut evidence);
    }
    Proof {
        topic: instance.topic,
        consumer: instance.consumer,
        messages: instance.messages.clone(),
        title: instance.title.clone(),
        evidence,
        blames: instance.blames,
    }
}

/// The messages of an anomaly that are told about: the first and the last.
fn ends(messages: &[MessageId]) -> BTreeSet<MessageId> {
    messages.first().into_iter().chain(messages.last()).copied().collect()
}

/// `P4#17 left at 12.345 ms (stamp 331), acked at 12.900 ms (stamp 340) at offset 16`.
fn life(facts: &Facts<'_>, message: MessageId) -> String {
    let name = facts.plan.name(message);
    let Some(request) = facts.requests.of(message) else {
        return format!("{name} was never sent");
    };
    let (producer, send) = request.source;
    let sent = &facts.history.producers[producer].sends[send];
    let end = match &sent.outcome {
        Outcome::Acked { offset: Some(offset) } if message == request.first => {
            format!("acked at {} as offset {offset}", moment(sent.completed))
        }
        Outcome::Acked { .. } => format!("acked at {}", moment(sent.completed)),
        Outcome::Refused { why } => format!("refused at {}: {why}", moment(sent.completed)),
        Outcome::Unknown { why } => {
            format!("outcome unknown, given up at {}: {why}", moment(sent.completed))
        }
    };
    let attempts =
        if sent.attempts > 1 { format!(", {} attempts", sent.attempts) } else { String::new() };
    let batch =
        if sent.count > 1 { format!(", in a batch of {}", sent.count) } else { String::new() };
    format!("{name} left at {}{batch}{attempts}, {end}", moment(sent.invoked))
}

/// `12.345 ms (stamp 331)`.
fn moment(moment: Moment) -> String {
    let micros = moment.at / 1_000;
    format!("{}.{:03} ms (stamp {})", micros / 1_000, micros % 1_000, moment.stamp)
}

/// `P4#17 (T2 number 17, producer_4.txt:17)`.
pub(super) fn describe(plan: &Plan, message: MessageId) -> String {
    plan.describe(message)
}

/// `C1`.
pub(super) fn consumer_name(facts: &Facts<'_>, consumer: ConsumerIndex) -> String {
    format!("C{}", facts.plan.consumers[consumer.place()].number)
}

/// ` in epoch e-7`, where there was more than one.
pub(super) fn epoch_name(facts: &Facts<'_>, epoch: Option<EpochIndex>) -> String {
    match epoch {
        Some(epoch) if facts.history.epochs.len() > 1 => {
            format!(" in epoch {}", facts.history.epochs[epoch.0 as usize])
        }
        _ => String::new(),
    }
}

/// What came where no message explains it: its payload, and who the broker says sent it.
pub(super) fn quoted(facts: &Facts<'_>, feed: &Feed, seen: Seen) -> String {
    let oddities = &facts.history.consumers[feed.consumer.place()].oddities;
    let Some(oddity) = oddities.get(&(seen.place as u64)) else {
        return "a message without an identity".to_owned();
    };
    let sender = match (oddity.producer, oddity.sequence) {
        (Some(producer), Some(sequence)) => {
            format!(" (producer id {producer}, sequence {sequence})")
        }
        (Some(producer), None) => format!(" (producer id {producer})"),
        _ => String::new(),
    };
    format!("{}{sender}", clip(&oddity.payload))
}

/// A payload in quotes, its middle left out if it is long.
pub(super) fn clip(payload: &str) -> String {
    let count = payload.chars().count();
    if count <= CLIP {
        return format!("{payload:?}");
    }
    let head: String = payload.chars().take(CLIP / 2).collect();
    let tail: String = payload.chars().skip(count - CLIP / 4).collect();
    format!("{head:?}..{tail:?} ({} bytes)", payload.len())
}
