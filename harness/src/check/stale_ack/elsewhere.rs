//! Acks against deliveries: the offset that an ack names for a message is where that message stands.
//!
//! Nothing is claimed where the evidence is contradictory: where consumers have different messages
//! at the offset in question, or a delivery there is out of order, and where the message may stand
//! in the log twice, because it may have happened more than once or a consumer got it at the offset
//! that the ack names, too. What is *reordered* is not stale as well, as long as an order is promised.

use std::collections::{BTreeMap, BTreeSet};

use super::ack::told;
use crate::check::anomaly::Anomaly;
use crate::check::facts::{Classification, Facts, Log, Request};
use crate::check::finding::Finding;
use crate::check::reordered;
use crate::check::words::epoch_name;
use crate::history::{Offsets, Outcome};
use crate::plan::MessageId;
use crate::scenario::Order;

/// Counts the acks of which a message was delivered elsewhere, and says which they are.
pub(super) fn find(facts: &Facts<'_>, stale: &mut Finding) -> BTreeSet<(usize, usize)> {
    let mut found = BTreeSet::new();
    for log in &facts.logs {
        let suspects = suspects(facts, log);
        if suspects.is_empty() {
            continue;
        }
        let places = places(facts, log, &suspects);
        for suspect in suspects {
            let Some(own) = places.get(&suspect.message) else { continue };
            let sure = own.sure.filter(|_| !own.all.contains(&suspect.offset));
            if let Some(at) = sure
                && found.insert(suspect.request.source)
            {
                stale.add(|| anomaly(facts, &suspect, at));
            }
        }
    }
    found
}

/// An ack that names an offset at which its message was not seen.
struct Suspect<'a> {
    request: &'a Request,
    message: MessageId,
    offset: u64,
    /// What stands there instead.
    holder: Option<MessageId>,
}

fn suspects<'a>(facts: &'a Facts<'_>, log: &Log) -> Vec<Suspect<'a>> {
    let mut suspects = Vec::new();
    if log.entries.is_empty() {
        return suspects;
    }
    // By stream: where its last ack was found; acks mostly ascend, so the next is not far.
    let mut hints = vec![0; facts.plan.topics[log.topic.place()].streams.len()];
    for request in facts.requests.on(log.topic).filter(|request| request.epoch == log.epoch) {
        let hint = &mut hints[request.slot as usize];
        for (message, offset) in named(facts, request) {
            let holder = match seek(&log.entries, *hint, offset) {
                Ok(place) => {
                    *hint = place;
                    Some(log.entries[place].1)
                }
                Err(_) => None,
            };
            // A message that may stand in the log twice is judged only where another has its place.
            let is_open = match holder {
                None => facts.requests.may_stand_twice(message, request),
                Some(holder) => holder == message || !log.proves(offset, holder),
            };
            if !is_open {
                suspects.push(Suspect { request, message, offset, holder });
            }
        }
    }
    suspects
}

/// The messages that an ack names an offset for, with it.
fn named(facts: &Facts<'_>, request: &Request) -> impl Iterator<Item = (MessageId, u64)> {
    let count = match &request.sent(facts.history).outcome {
        Outcome::Acked { offsets: Offsets::Each(_) } => request.count,
        _ => told(facts, request),
    };
    let messages = (request.first.0..request.first.0 + count).map(MessageId);
    messages.filter_map(|message| Some((message, request.offset_of(facts.history, message)?)))
}

/// The place of `offset` among ascending entries, looked for in growing steps from a hint on.
fn seek(entries: &[(u64, MessageId)], hint: usize, offset: u64) -> Result<usize, usize> {
    let rest = match entries.get(hint) {
        Some(entry) if entry.0 <= offset => &entries[hint..],
        _ => return entries.binary_search_by_key(&offset, |entry| entry.0),
    };
    let mut reach = 1;
    while rest.get(reach).is_some_and(|entry| entry.0 < offset) {
        reach *= 2;
    }
    let near = &rest[reach / 2..rest.len().min(reach + 1)];
    let found = near.binary_search_by_key(&offset, |entry| entry.0);
    let shift = hint + reach / 2;
    found.map(|place| place + shift).map_err(|place| place + shift)
}

/// At which offsets a message was delivered.
#[derive(Default)]
struct DeliveredAt {
    all: BTreeSet<u64>,
    /// One that consumers agree on.
    sure: Option<u64>,
}

/// Where the suspects' messages were delivered, at any consumer and any number of times.
fn places(
    facts: &Facts<'_>,
    log: &Log,
    suspects: &[Suspect<'_>],
) -> BTreeMap<MessageId, DeliveredAt> {
    let mut places: BTreeMap<MessageId, DeliveredAt> =
        suspects.iter().map(|own| (own.message, DeliveredAt::default())).collect();
    let has_order = facts.plan.scenario.expect.order != Order::None;
    let feeds = facts.feeds.iter().enumerate().filter(|(_, feed)| feed.topic == log.topic);
    for (_, feed) in feeds.filter(|(place, _)| log.hears(*place)) {
        let displaced = if has_order { reordered::displaced(facts, feed) } else { Vec::new() };
        for seen in feed.iter_life(facts.history, log.epoch) {
            let named = seen.delivery.message().zip(seen.delivery.offset());
            let Some((message, offset)) = named else { continue };
            let Some(own) = places.get_mut(&message) else { continue };
            own.all.insert(offset);
            let is_reordered = displaced.binary_search(&seen.place).is_ok();
            let sure = log.proves(offset, message) && !is_reordered;
            if seen.classification == Classification::First && sure {
                own.sure = own.sure.or(Some(offset));
            }
        }
    }
    places
}

fn anomaly(facts: &Facts<'_>, stale: &Suspect<'_>, at: u64) -> Anomaly {
    let Suspect { request, message, offset, holder } = *stale;
    let topic = &facts.plan.topics[request.topic.place()].name;
    let mut title = format!(
        "{} was acked at offset {offset} of {topic}{}, and it stands at offset {at}",
        facts.plan.describe(message),
        epoch_name(facts, request.epoch),
    );
    if let Some(holder) = holder {
        title += &format!("; at {offset} stands {}", facts.plan.describe(holder));
    }
    let messages: Vec<MessageId> = std::iter::once(message).chain(holder).collect();
    Anomaly::new(facts.plan, request.topic, None, &messages, title)
}

#[cfg(test)]
mod tests {
    use super::seek;
    use crate::plan::MessageId;

    #[test]
    fn an_offset_is_found_from_any_hint() {
        let entries: Vec<(u64, MessageId)> =
            (0..50).map(|place| (u64::from(place) * 3, MessageId(place))).collect();
        for hint in 0..51 {
            for offset in 0..155 {
                let plain = entries.binary_search_by_key(&offset, |entry| entry.0);
                assert_eq!(seek(&entries, hint, offset), plain, "{offset} from {hint}");
            }
        }
    }
}
