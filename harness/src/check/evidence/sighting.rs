//! Which consumers saw the messages that anomalies are about, and what stood beside them: found in
//! one pass.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::anomaly::Subject;
use crate::check::facts::{Bits, Facts, Feed, Seen};
use crate::check::words::{consumer_name, moment};
use crate::history::Delivery;
use crate::plan::{ConsumerIndex, MessageId};

/// So many consumers are quoted on one message.
const WITNESSES: usize = 8;

/// One delivery and its neighbours in the same feed.
#[derive(Clone, Copy, Debug)]
struct Sighting {
    /// Into [`Facts::feeds`].
    feed: usize,
    seen: Seen,
    previous: Option<Delivery>,
    next: Option<Delivery>,
}

/// All deliveries of the messages that are searched for.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    by_message: BTreeMap<MessageId, Vec<Sighting>>,
    by_place: BTreeMap<(ConsumerIndex, usize), Sighting>,
}

impl Sightings {
    /// Looks through all feeds for what the `subjects` are.
    pub(super) fn find(facts: &Facts<'_>, subjects: &[Subject]) -> Self {
        let mut found = Self::default();
        if subjects.is_empty() {
            return found;
        }
        let mut wanted = Bits::new(facts.plan.messages.len());
        let mut places = BTreeSet::new();
        for subject in subjects {
            for message in subject.messages() {
                wanted.insert(message.place());
            }
            if let Subject::Delivery(consumer, place) = subject {
                places.insert((*consumer, *place));
            }
        }
        for (place, feed) in facts.feeds.iter().enumerate() {
            let mut previous = None;
            let mut rest = feed.iter(facts.history).peekable();
            while let Some(seen) = rest.next() {
                let at = (feed.consumer, seen.place);
                let mut sighting = || {
                    let next = rest.peek().map(|next| next.delivery);
                    Sighting { feed: place, seen, previous, next }
                };
                match seen.delivery.message() {
                    Some(message) if wanted.contains(message.place()) => {
                        found.by_message.entry(message).or_default().push(sighting());
                    }
                    // An anomaly without a message is found by its place.
                    None if places.contains(&at) => {
                        found.by_place.insert(at, sighting());
                    }
                    _ => {}
                }
                previous = Some(seen.delivery);
            }
        }
        found
    }

    /// Adds a line for each consumer that is planned to get the message, or got it anyway.
    pub(super) fn tell(&self, facts: &Facts<'_>, message: MessageId, evidence: &mut Vec<String>) {
        let none = Vec::new();
        let sightings = self.by_message.get(&message).unwrap_or(&none);
        let topic = facts.plan.stream(message).topic;
        let got = |feed: &&Feed| {
            sightings.iter().any(|own| facts.feeds[own.feed].consumer == feed.consumer)
        };
        let planned = facts.feeds_of(topic).filter(|feed| feed.planned);
        let absent = planned.filter(|feed| !got(feed));
        let mut absent: Vec<String> =
            absent.map(|feed| consumer_name(facts, feed.consumer)).collect();
        for sighting in sightings.iter().take(WITNESSES) {
            evidence.push(line(facts, sighting));
        }
        if sightings.len() > WITNESSES {
            evidence.push(format!("... and {} more deliveries", sightings.len() - WITNESSES));
        }
        let total = absent.len();
        if total > WITNESSES {
            absent.truncate(WITNESSES);
            absent.push(format!("{} more", total - WITNESSES));
        }
        if total > 0 {
            evidence.push(format!("{} never got it", absent.join(", ")));
        }
    }

    /// The line for a delivery that no message explains.
    pub(super) fn of(&self, facts: &Facts<'_>, at: (ConsumerIndex, usize)) -> Option<String> {
        self.by_place.get(&at).map(|found| line(facts, found))
    }
}

/// `C2 got P4#17 on T2 at offset 16, 13.100 ms (stamp 350), after P1#3 and before P2#9`.
fn line(facts: &Facts<'_>, sighting: &Sighting) -> String {
    let feed = &facts.feeds[sighting.feed];
    let who = consumer_name(facts, feed.consumer);
    let name = |delivery: Delivery| {
        let message = delivery.message();
        message.map_or_else(|| "what nobody sent".to_owned(), |m| facts.plan.name(m).to_string())
    };
    let topic = &facts.plan.topics[feed.topic.place()].name;
    let what = name(sighting.seen.delivery);
    let offset = sighting.seen.delivery.offset();
    let offset = offset.map(|offset| format!(" at offset {offset}")).unwrap_or_default();
    let when = moment(feed.poll(facts.history, sighting.seen.poll).completed);
    let around = match (sighting.previous.map(name), sighting.next.map(name)) {
        (Some(previous), Some(next)) => format!("after {previous} and before {next}"),
        (Some(previous), None) => format!("last, after {previous}"),
        (None, Some(next)) => format!("first, before {next}"),
        (None, None) => "alone".to_owned(),
    };
    format!("{who} got {what} on {topic}{offset}, {when}, {around}")
}
