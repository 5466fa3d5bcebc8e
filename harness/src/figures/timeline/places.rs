//! Where to look closer: around the messages that the proofs are about, and around faults.

use std::ops::Range;
use std::time::Duration;

use super::model::{FOCUSES_MAX, Focus};
use crate::check::{Anomaly, Judgement};
use crate::history::{Answer, History, Nanos};
use crate::plan::{ConsumerIndex, MessageId, Plan};

/// So many messages of a proof say where it is; a lost range may be as long as the run.
const MESSAGES_MAX: usize = 2;

/// A place, and the moments that it is about.
pub(super) struct Place {
    pub focus: Focus,
    /// Ascending.
    pub moments: Vec<Nanos>,
    /// The producers whose messages it is about, by their place.
    pub producers: Vec<usize>,
    /// The consumer that it is about, by its place.
    pub consumer: Option<usize>,
}

/// A proof, and what is looked for.
struct Sought {
    what: String,
    consumer: Option<ConsumerIndex>,
    messages: Vec<MessageId>,
    /// Of the messages and their neighbours.
    moments: Vec<Nanos>,
    /// The last one of the messages themselves.
    at: Option<Nanos>,
}

impl Sought {
    /// Notes a moment of a message, or of a neighbour.
    fn note(&mut self, at: Nanos, is_own: bool) {
        self.moments.push(at);
        if is_own {
            self.at = self.at.max(Some(at));
        }
    }
}

/// The places of the violations, at most [`FOCUSES_MAX`], some of each kind; without those of which no
/// moment is known.
pub(super) fn violations(
    plan: &Plan,
    history: &History,
    judgement: &Judgement,
    until: Nanos,
) -> Vec<Place> {
    let mut sought = first_of_each(judgement.violations.iter().map(|finding| {
        finding.proofs.iter().map(|anomaly| Sought {
            what: format!("{}: {}", finding.kind.as_str(), short(&anomaly.title)),
            consumer: consumer(plan, anomaly),
            messages: messages(plan, anomaly),
            moments: Vec::new(),
            at: None,
        })
    }));
    if !sought.is_empty() {
        let index = Index::new(plan, &sought);
        note_sends(plan, history, &index, &mut sought);
        note_deliveries(history, &index, &mut sought);
        note_strangers(history, &mut sought);
    }
    sought.into_iter().filter_map(|sought| place(plan, sought, until)).collect()
}

/// The places of the faults, at most [`FOCUSES_MAX`] firings, some of each fault; as they began.
pub(super) fn faults(plan: &Plan, history: &History, until: Nanos) -> Vec<Place> {
    let by_fault = history.faults.chunk_by(|a, b| a.fault == b.fault);
    let mut firings = first_of_each(by_fault.map(<[_]>::iter));
    firings.sort_by_key(|firing| firing.began);
    let places = firings.into_iter().filter(|firing| firing.began.at < until).map(|firing| {
        let key = plan.scenario.faults[firing.fault as usize].action.key();
        let moments = vec![firing.began.at, firing.ended.at.max(firing.began.at)];
        let margin = ((moments[1] - moments[0]) / 4).max(until / 100);
        Place {
            focus: Focus {
                what: format!("{key} {}", firing.whom),
                is_violation: false,
                ..around(&moments, margin, until)
            },
            moments,
            producers: Vec::new(),
            consumer: None,
        }
    });
    places.collect()
}

/// The first of each list, then the second of each, and so on up to [`FOCUSES_MAX`]; list by list.
fn first_of_each<T>(lists: impl Iterator<Item = impl Iterator<Item = T>>) -> Vec<T> {
    let numbered = lists.enumerate().flat_map(|(list, items)| {
        items.take(FOCUSES_MAX).enumerate().map(move |(place, item)| (place, list, item))
    });
    let mut all: Vec<_> = numbered.collect();
    all.sort_by_key(|(place, list, _)| (*place, *list));
    all.truncate(FOCUSES_MAX);
    all.sort_by_key(|(place, list, _)| (*list, *place));
    all.into_iter().map(|(_, _, item)| item).collect()
}

/// A title without the explanation behind its colon and what stands in brackets behind names.
fn short(title: &str) -> String {
    let fact = title.split(": ").next().unwrap_or_default();
    let mut parts = fact.split(" (");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(')').map_or("", |(_, rest)| rest))
}

fn consumer(plan: &Plan, anomaly: &Anomaly) -> Option<ConsumerIndex> {
    let number = anomaly.consumer.as_ref()?.strip_prefix('C')?.parse().ok()?;
    let place = plan.consumers.binary_search_by_key(&number, |own| own.number).ok()?;
    Some(ConsumerIndex::new(place))
}

fn messages(plan: &Plan, anomaly: &Anomaly) -> Vec<MessageId> {
    let names = anomaly.messages.iter().take(MESSAGES_MAX);
    names.filter_map(|name| plan.find(name.parse().ok()?)).collect()
}

/// Which proofs are about which messages.
struct Index {
    /// By message.
    is_sought: Vec<bool>,
    /// Ascending: a message, and the place of a proof.
    pairs: Vec<(MessageId, usize)>,
}

impl Index {
    /// A message's neighbours on its stream are looked for too: they show what was around it, and when
    /// it would have come.
    fn new(plan: &Plan, sought: &[Sought]) -> Self {
        let mut index = Self { is_sought: vec![false; plan.messages.len()], pairs: Vec::new() };
        for (proof, sought) in sought.iter().enumerate() {
            for id in &sought.messages {
                let stream = plan.stream(*id).messages();
                let around = id.0.saturating_sub(1).max(stream.start)..(id.0 + 2).min(stream.end);
                for id in around.map(MessageId) {
                    index.is_sought[id.place()] = true;
                    index.pairs.push((id, proof));
                }
            }
        }
        index.pairs.sort_unstable();
        index.pairs.dedup();
        index
    }

    /// The proofs about any of these messages, one by one.
    fn among(&self, messages: &Range<u32>) -> impl Iterator<Item = usize> {
        let begin = self.pairs.partition_point(|(id, _)| id.0 < messages.start);
        let end = messages.end;
        let pairs = self.pairs[begin..].iter().take_while(move |(id, _)| id.0 < end);
        pairs.map(|(_, proof)| *proof)
    }
}

fn note_sends(plan: &Plan, history: &History, index: &Index, sought: &mut [Sought]) {
    for sent in history.producers.iter().flat_map(|producer| &producer.sends) {
        let first = plan.streams[sent.stream.place()].first.0 + sent.first;
        let messages = first..first + sent.count;
        for proof in index.among(&messages) {
            let proof = &mut sought[proof];
            let is_own = proof.messages.iter().any(|own| messages.contains(&own.0));
            proof.note(sent.invoked.at, is_own);
            proof.note(sent.completed.at, is_own);
        }
    }
}

fn note_deliveries(history: &History, index: &Index, sought: &mut [Sought]) {
    for (place, consumer) in history.consumers.iter().enumerate() {
        let concerns = |own: &Sought| own.consumer.is_none_or(|own| own.place() == place);
        if !sought.iter().any(concerns) {
            continue;
        }
        let mut deliveries = consumer.deliveries.iter();
        for poll in &consumer.polls {
            let Answer::Delivered(count) = poll.answer else { continue };
            for delivery in deliveries.by_ref().take(count as usize) {
                let Some(id) = delivery.message().filter(|id| index.is_sought[id.place()]) else {
                    continue;
                };
                for proof in index.among(&(id.0..id.0 + 1)) {
                    let proof = &mut sought[proof];
                    if concerns(proof) {
                        let is_own = proof.messages.contains(&id);
                        proof.note(poll.completed.at, is_own);
                    }
                }
            }
        }
    }
}

/// A proof without messages is about a delivery that no planned message explains.
fn note_strangers(history: &History, sought: &mut [Sought]) {
    for own in sought.iter_mut().filter(|own| own.messages.is_empty()) {
        let Some(consumer) = own.consumer.map(|own| &history.consumers[own.place()]) else {
            continue;
        };
        let mut deliveries = consumer.deliveries.iter();
        own.moments = consumer
            .polls
            .iter()
            .find(|poll| {
                let Answer::Delivered(count) = poll.answer else { return false };
                deliveries.by_ref().take(count as usize).any(|own| own.message().is_none())
            })
            .map(|poll| vec![poll.invoked.at, poll.completed.at])
            .unwrap_or_default();
    }
}

fn place(plan: &Plan, mut sought: Sought, until: Nanos) -> Option<Place> {
    sought.moments.sort_unstable();
    sought.moments.dedup();
    let (first, last) = (*sought.moments.first()?, *sought.moments.last()?);
    let margin = ((last - first) / 10).max(until / 500);
    let mut producers: Vec<usize> =
        sought.messages.iter().map(|id| plan.stream(*id).producer.place()).collect();
    producers.sort_unstable();
    producers.dedup();
    Some(Place {
        focus: Focus {
            what: sought.what,
            is_violation: true,
            at: Duration::from_nanos(sought.at.unwrap_or(first + (last - first) / 2)),
            ..around(&sought.moments, margin, until)
        },
        producers,
        consumer: sought.consumer.map(ConsumerIndex::place),
        moments: sought.moments,
    })
}

/// From before the first moment until after the last, within the run.
fn around(moments: &[Nanos], margin: Nanos, until: Nanos) -> Focus {
    let first = moments.first().copied().unwrap_or(0);
    let last = moments.last().copied().unwrap_or(0);
    Focus {
        from: Duration::from_nanos(first.saturating_sub(margin)),
        until: Duration::from_nanos(last.saturating_add(margin).min(until)),
        at: Duration::from_nanos(first),
        what: String::new(),
        is_violation: false,
    }
}
