//! Two messages at one offset.

use std::collections::BTreeMap;

use super::acks::{Acks, DeliveryPlaces};
use crate::check::anomaly::Anomaly;
use crate::check::facts::{Classification, Facts, Feed, Log, Restart};
use crate::check::finding::Finding;
use crate::check::words::{consumer_name, epoch_name};
use crate::numbers;
use crate::plan::{ConsumerIndex, MessageId};
use crate::scenario::{Delivery, Order};

/// Counts the deliveries at offsets that hold another message, and says which they are.
pub(super) fn misplaced(
    facts: &Facts<'_>,
    log: &Log,
    acks: &mut Acks<'_>,
    found: &mut Finding,
) -> DeliveryPlaces {
    let mut places = DeliveryPlaces::new();
    for restart in &log.restarts {
        let share = facts.feeds[restart.feed].share();
        found.add_at(share, 1, || begins_again(facts, log, restart));
    }
    for (_, feed) in heard(facts, log) {
        again_elsewhere(facts, log, feed, found);
    }
    if log.disputed.is_empty() {
        return places;
    }
    let holders = holders(facts, log);
    let home: BTreeMap<MessageId, u64> =
        holders.iter().map(|(at, own)| (own.message, *at)).collect();
    for (place, feed) in heard(facts, log) {
        let mut run: Vec<Misplaced> = Vec::new();
        for (seen, message) in feed.firsts_of_life(facts.history, log.epoch) {
            let offset = seen.delivery.offset();
            let holder = offset.and_then(|offset| Some((offset, holders.get(&offset)?)));
            match holder {
                Some((offset, holder)) if holder.message != message => {
                    places.insert((place, seen.place));
                    let home = home.get(&message).copied();
                    let holder = *holder;
                    run.push(Misplaced { place: seen.place, message, offset, holder, home });
                }
                _ => close(facts, log, (place, feed), &mut run, acks, found),
            }
        }
        close(facts, log, (place, feed), &mut run, acks, found);
    }
    places
}

/// The feeds whose offsets say something about this log.
fn heard<'a>(facts: &'a Facts<'_>, log: &Log) -> impl Iterator<Item = (usize, &'a Feed)> {
    let feeds = facts.feeds.iter().enumerate();
    feeds.filter(|(place, feed)| feed.topic == log.topic && log.hears(*place))
}

/// Counts the runs of repeats that are fair as such, and came at an offset that is another message's.
fn again_elsewhere(facts: &Facts<'_>, log: &Log, feed: &Feed, found: &mut Finding) {
    let repeats = facts.plan.scenario.expect.delivery == Delivery::AtLeastOnce;
    let is_fair = |own: &Classification| match own {
        Classification::Redelivered => true,
        Classification::Again => repeats,
        _ => false,
    };
    let claims = &facts.history.consumers[feed.consumer.place()].subscriptions;
    if !repeats && claims.iter().all(|claim| claim.incarnation == 0) {
        return;
    }
    let mut in_run = false;
    for seen in feed.iter_life(facts.history, log.epoch) {
        let own = seen.delivery.message().zip(seen.delivery.offset());
        let own = own.filter(|_| is_fair(&seen.classification));
        let other = own.and_then(|(message, offset)| {
            let entry = log.entries.binary_search_by_key(&offset, |entry| entry.0).ok()?;
            let holder = log.entries[entry].1;
            (holder != message && log.proves(offset, holder)).then_some((message, offset, holder))
        });
        if let Some((message, offset, holder)) = other.filter(|_| !in_run) {
            found.add_at(feed.share(), 1, || {
                let title = format!(
                    "{} got {} again at offset {offset} of {}{}, where {} stands",
                    consumer_name(facts, feed.consumer),
                    facts.plan.describe(message),
                    facts.plan.topics[feed.topic.place()].name,
                    epoch_name(facts, log.epoch),
                    facts.plan.describe(holder),
                );
                let (who, messages) = (Some(feed.consumer), [message, holder]);
                Anomaly::new(facts.plan, feed.topic, who, &messages, title)
            });
        }
        in_run = other.is_some();
    }
}

/// What stands at an offset.
#[derive(Clone, Copy)]
struct Holder {
    message: MessageId,
    /// Whether its ack named the offset.
    acked: bool,
    /// How many consumers have it there.
    votes: u32,
    /// One of them.
    consumer: ConsumerIndex,
}

/// By disputed offset: the message whose ack named it; else the one that most consumers have there
/// in its order, of equals the first claim.
fn holders(facts: &Facts<'_>, log: &Log) -> BTreeMap<u64, Holder> {
    let mut claims: BTreeMap<u64, Vec<Holder>> = BTreeMap::new();
    for (_, feed) in heard(facts, log) {
        for (seen, message) in feed.firsts_of_life(facts.history, log.epoch) {
            let Some(offset) = seen.delivery.offset() else { continue };
            if log.disputed.binary_search(&offset).is_err() {
                continue;
            }
            let claims = claims.entry(offset).or_default();
            match claims.iter_mut().find(|claim| claim.message == message) {
                Some(claim) => claim.votes += 1,
                None => {
                    let named = facts.requests.acked_in(facts.history, log.epoch, message);
                    let acked = named == Some(offset);
                    claims.push(Holder { message, acked, votes: 1, consumer: feed.consumer });
                }
            }
        }
    }
    let winner = |(at, claims): (u64, Vec<Holder>)| {
        let rank = |claim: &Holder| (claim.acked, log.is_in_order(at, claim.message), claim.votes);
        let most = claims.iter().map(rank).max();
        let winner = claims.into_iter().find(|claim| Some(rank(claim)) == most)?;
        Some((at, winner))
    };
    claims.into_iter().filter_map(winner).collect()
}

/// A delivery at an offset that is another message's.
struct Misplaced {
    place: usize,
    message: MessageId,
    offset: u64,
    holder: Holder,
    /// The disputed offset that it stands at.
    home: Option<u64>,
}

/// Counts a run of misplaced deliveries and empties it.
fn close(
    facts: &Facts<'_>,
    log: &Log,
    (place, feed): (usize, &Feed),
    run: &mut Vec<Misplaced>,
    acks: &mut Acks<'_>,
    found: &mut Finding,
) {
    let Some(first) = run.first() else { return };
    let mut top = None;
    let mut late = Vec::new();
    for entry in run.iter().filter(|entry| entry.home.is_some()) {
        if entry.home < top {
            late.push(entry.place);
        }
        top = top.max(entry.home);
    }
    let swapped = !late.is_empty();
    // Only where there is one order for all does a swap that is *reordered* say all about its offsets.
    if facts.plan.scenario.expect.order == Order::PerTopic {
        late.retain(|late| !acks.contradict(place, *late));
    }
    let count = if swapped { late.len() as u64 } else { 1 };
    if count > 0 {
        found.add_at(feed.share(), count, || out_of_place(facts, log, feed, first));
    }
    run.clear();
}

fn out_of_place(facts: &Facts<'_>, log: &Log, feed: &Feed, misplaced: &Misplaced) -> Anomaly {
    let holder = &misplaced.holder;
    let others = holder.votes - u32::from(holder.consumer == feed.consumer);
    let whose = match others {
        0 if holder.consumer == feed.consumer => "it got",
        1 if holder.consumer != feed.consumer => &consumer_name(facts, holder.consumer),
        _ => "others",
    };
    let title = format!(
        "{} got {} at offset {} of {}{}, where {whose}{} {}",
        consumer_name(facts, feed.consumer),
        facts.plan.describe(misplaced.message),
        misplaced.offset,
        facts.plan.topics[feed.topic.place()].name,
        epoch_name(facts, log.epoch),
        if whose == "it got" { "" } else { " got" },
        facts.plan.describe(holder.message),
    );
    let messages = [misplaced.message, holder.message];
    let mut anomaly = Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &messages, title);
    anomaly.evidence.extend(repeats(feed));
    anomaly
}

fn begins_again(facts: &Facts<'_>, log: &Log, restart: &Restart) -> Anomaly {
    let feed = &facts.feeds[restart.feed];
    let who = consumer_name(facts, feed.consumer);
    let title = format!(
        "the offsets of {}{} begin again at {who}: it got {} at offset {}, where it got {}",
        facts.plan.topics[feed.topic.place()].name,
        epoch_name(facts, log.epoch),
        facts.plan.describe(restart.step.message),
        restart.step.offset,
        facts.plan.describe(restart.before),
    );
    let messages = [restart.step.message, restart.before];
    let mut anomaly = Anomaly::new(facts.plan, feed.topic, Some(feed.consumer), &messages, title);
    let polls = numbers::count(restart.polls as u64, "poll");
    anomaly.evidence.push(format!("{polls} of {who} begin at an offset that it had got before"));
    anomaly.evidence.extend(repeats(feed));
    anomaly
}

/// What follows from offsets that a consumer got two messages at.
fn repeats(feed: &Feed) -> Option<String> {
    let own = feed.classifications.iter().filter(|own| **own == Classification::Misnumbered);
    let count = own.count() as u64;
    (count > 0).then(|| {
        format!(
            "{} at such offsets {} not counted as duplicates: to acknowledge one message by an offset \
             that is another's, too, is to ask for the other again",
            numbers::count(count, "repeat"),
            if count == 1 { "is" } else { "are" },
        )
    })
}
