//! One diagram of a part of a run, in the making.

use std::collections::{BTreeMap, BTreeSet};

use super::focus::{Focus, Limits};
use super::found::{Found, carried};
use super::model::{Diagram, Event, EventKind};
use super::window::{Places, Shown};
use super::words;
use crate::history::{Answer, History, Moment, Stamp};
use crate::plan::{ConsumerIndex, MessageId, Plan, ProducerIndex};

/// So many requests that carried a message are shown, and so many attempts of each.
const REPEATS_MAX: usize = 4;

/// So many firings of faults are shown.
const FAULTS_MAX: usize = 6;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Producer(ProducerIndex),
    Consumer(ConsumerIndex),
}

/// A diagram in the making.
pub(super) struct Draft<'a> {
    plan: &'a Plan,
    history: &'a History,
    focus: &'a Focus,
    limits: Limits,
    /// Those that are shown.
    pub(super) consumers: Vec<ConsumerIndex>,
    /// Each with how far it is from what the diagram is about, and whose it is.
    events: Vec<(usize, Option<Actor>, Event)>,
    /// Whether a consumer got nothing after a message that it misses, so that all that follows may be
    /// to blame.
    is_open: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        history: &'a History,
        focus: &'a Focus,
        found: &Found,
        limits: Limits,
    ) -> Self {
        let mut consumers = focus.consumers.clone();
        consumers.extend(focus.deliveries.iter().map(|(consumer, _)| *consumer));
        let got = focus.messages.iter().flat_map(|id| found.deliveries(*id));
        consumers.extend(got.map(|(consumer, _)| *consumer));
        let topics = focus.messages.iter().map(|id| plan.stream(*id).topic);
        consumers.extend(topics.flat_map(|topic| &plan.topics[topic.place()].consumers));
        let mut known = BTreeSet::new();
        consumers.retain(|consumer| known.insert(*consumer));
        consumers.truncate(limits.consumers);
        let (events, is_open) = (Vec::new(), false);
        let mut draft = Self { plan, history, focus, limits, consumers, events, is_open };
        let sends = focus.messages.iter().flat_map(|id| ends(found.sends(*id)));
        let sends: BTreeSet<_> = sends.copied().collect();
        sends.into_iter().for_each(|(producer, place)| draft.request(producer, place));
        draft
    }

    fn put(&mut self, far: usize, by: Option<Actor>, event: (Moment, EventKind, String)) {
        let (at, kind, text) = event;
        let event = Event { at, column: None, text, messages: Vec::new(), kind };
        self.events.push((far, by, event));
    }

    /// All attempts of a request.
    fn request(&mut self, producer: ProducerIndex, place: usize) {
        let sent = &self.history.producers[producer.place()].sends[place];
        let stream = &self.plan.streams[sent.stream.place()];
        let messages: Vec<MessageId> =
            carried(self.plan, sent).filter(|id| self.focus.messages.contains(id)).collect();
        let mut names = words::names(self.plan, &messages);
        if sent.count as usize > messages.len() {
            names += &format!(" (of {})", sent.count);
        }
        let topic = &self.plan.topics[stream.topic.place()].name;
        let by = Some(Actor::Producer(producer));
        let before = self.events.len();
        let last = sent.tries.len().saturating_sub(1);
        for (number, attempt) in ends(&sent.tries.iter().enumerate().collect::<Vec<_>>()) {
            let again =
                if *number > 0 { format!(", attempt {}", number + 1) } else { String::new() };
            let text = format!("{names} -> {topic}{again}");
            self.put(0, by, (attempt.began, EventKind::Sent, text));
            if *number < last {
                let text = format!("{names} {}", words::attempt(attempt));
                self.put(0, by, (attempt.ended, EventKind::Outcome, text));
            }
        }
        if sent.tries.is_empty() {
            self.put(0, by, (sent.invoked, EventKind::Sent, format!("{names} -> {topic}")));
        }
        let first = messages.first().map_or(0, |id| id.0 - stream.first.0 - sent.first);
        let attempts = match sent.attempts {
            0 | 1 => String::new(),
            many => format!(", attempt {many}"),
        };
        let text = format!("{names} {}{attempts}", words::outcome(sent, first));
        self.put(0, by, (sent.completed, EventKind::Outcome, text));
        for (_, _, event) in &mut self.events[before..] {
            event.messages.clone_from(&messages);
        }
    }

    /// What a consumer got of it and around it.
    pub(super) fn consumer(&mut self, consumer: ConsumerIndex, places: &Places<'_>, found: &Found) {
        let own = |all: &[(ConsumerIndex, usize)]| -> Vec<usize> {
            all.iter().filter(|(own, _)| *own == consumer).map(|(_, place)| *place).collect()
        };
        let mut shown = Shown::new();
        let neighbours = self.limits.neighbours;
        let mut hits = own(&self.focus.deliveries);
        for message in &self.focus.messages {
            let came = own(found.deliveries(*message));
            let topic = self.plan.stream(*message).topic;
            let is_planned = self.plan.consumers[consumer.place()].topics.contains(&topic);
            if came.is_empty() && is_planned {
                self.is_open |= !places.gap(*message, neighbours, &mut shown);
            }
            hits.extend(ends(&came));
        }
        hits.iter().for_each(|place| places.around(*place, neighbours, &mut shown));
        self.polls(consumer, places, &shown);
        // Where they came, it was there.
        if hits.is_empty() {
            self.claims(consumer);
        }
    }

    /// A line for each poll that brought something which is shown, and for those between that failed.
    fn polls(&mut self, consumer: ConsumerIndex, places: &Places<'_>, shown: &Shown) {
        let part = &self.history.consumers[consumer.place()];
        let by = Some(Actor::Consumer(consumer));
        let mut polls: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (place, far) in shown {
            polls.entry(places.poll(*place)).or_default().push((*place, *far));
        }
        for (poll, own) in &polls {
            let polled = &part.polls[*poll];
            let got: Vec<String> =
                own.iter().map(|(place, _)| words::delivery(self.plan, part, *place)).collect();
            let mut text = format!("got {}", got.join(", "));
            if let Answer::Delivered(all) = polled.answer
                && all as usize > own.len()
            {
                text += &format!(" (of {all})");
            }
            let far = own.iter().map(|(_, far)| *far).min().unwrap_or_default();
            self.put(far, by, (polled.completed, EventKind::Delivered, text));
            let messages = own.iter().filter_map(|(place, _)| part.deliveries[*place].message());
            if let Some((_, _, event)) = self.events.last_mut() {
                event.messages = messages.collect();
            }
        }
        let (Some((first, _)), Some((last, _))) = (polls.first_key_value(), polls.last_key_value())
        else {
            return;
        };
        let failed = part.polls[*first..*last].iter();
        let failed = failed.filter_map(|poll| Some((poll.completed, words::failed(&poll.answer)?)));
        for (at, text) in failed.take(REPEATS_MAX) {
            self.put(self.limits.neighbours + 1, by, (at, EventKind::Failed, text));
        }
    }

    /// The subscriptions that the messages did not find in place, and those that were forgotten.
    fn claims(&mut self, consumer: ConsumerIndex) {
        let sent = self.events.iter().filter(|(_, _, event)| event.kind == EventKind::Sent);
        let first = sent.map(|(_, _, event)| event.at.stamp).min().unwrap_or(Stamp::MAX);
        let topics: BTreeSet<_> =
            self.focus.messages.iter().map(|id| self.plan.stream(*id).topic).collect();
        let by = Some(Actor::Consumer(consumer));
        let claims = &self.history.consumers[consumer.place()].subscriptions;
        for claim in claims.iter().filter(|claim| topics.contains(&claim.topic)) {
            let topic = &self.plan.topics[claim.topic.place()].name;
            let from = claim.offset.map(|offset| format!(" from {offset}")).unwrap_or_default();
            if let Some(at) = claim.confirmed.filter(|at| at.stamp > first) {
                self.put(1, by, (at, EventKind::Subscribed, format!("has {topic}{from}")));
            }
            if let Some(at) = claim.forgotten {
                self.put(1, by, (at, EventKind::Failed, format!("{topic} is forgotten")));
            }
        }
    }

    /// The faults that were under way meanwhile, those that began last.
    fn faults(&mut self) {
        let stamps = || self.events.iter().map(|(_, _, event)| event.at.stamp);
        let Some(first) = stamps().min() else { return };
        let last = if self.is_open { Stamp::MAX } else { stamps().max().unwrap_or(first) };
        let under_way = |stamp: Stamp, end: Stamp| stamp <= last && end >= first;
        let firings = self.history.faults.iter();
        let mut firings: Vec<_> =
            firings.filter(|own| under_way(own.began.stamp, own.ended.stamp)).collect();
        firings.sort_by_key(|firing| firing.began.stamp);
        for firing in firings.iter().rev().take(FAULTS_MAX) {
            let what = words::fault(self.plan, firing);
            self.put(1, None, (firing.began, EventKind::Fault, what.clone()));
            self.put(1, None, (firing.ended, EventKind::Fault, format!("{what} is over")));
        }
    }

    pub(super) fn finish(mut self) -> Diagram {
        self.faults();
        let (plan, limits) = (self.plan, self.limits);
        let mut actors: BTreeSet<Actor> =
            self.consumers.iter().map(|own| Actor::Consumer(*own)).collect();
        let sent = self.focus.messages.iter();
        actors.extend(sent.map(|id| Actor::Producer(plan.stream(*id).producer)));
        self.events.sort_by_key(|(far, _, event)| (*far, event.at.stamp));
        self.events.truncate(limits.events);
        self.events.sort_by_key(|(_, _, event)| event.at.stamp);
        let place = |by: Option<Actor>| actors.iter().position(|actor| Some(*actor) == by);
        let events = self.events.into_iter();
        let events = events.map(|(_, by, event)| Event { column: place(by), ..event }).collect();
        let name = |actor: &Actor| match actor {
            Actor::Producer(own) => format!("P{}", plan.producers[own.place()].number),
            Actor::Consumer(own) => format!("C{}", plan.consumers[own.place()].number),
        };
        Diagram { columns: actors.iter().map(name).collect(), events }
    }
}

/// The first ones and the last one, where there are too many.
fn ends<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let is_long = all.len() > REPEATS_MAX;
    let (first, last) = if is_long { (&all[..REPEATS_MAX - 1], all.last()) } else { (all, None) };
    first.iter().chain(last)
}
