//! The faults of a plan: which connections they are about, and whom chance picks.

use std::collections::BTreeSet;
use std::fmt;

use rand_pcg::Pcg64Mcg;

use super::chance::{self, Purpose};
use super::{ConsumerIndex, Plan, ProducerIndex};
use crate::numbers;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::fault::{Action, Counted, Fault, Target, Trigger, Who};
use crate::scenario::names::{Actor, Kind};

/// The connections of one actor with its broker, or those between broker and database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// All connections of this actor.
    Actor(Actor),
    /// All connections of all brokers with the database.
    Database,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor(actor) => actor.fmt(f),
            Self::Database => f.write_str("database"),
        }
    }
}

/// The chance of one fault: each has its own, so that one more fault does not change the others.
#[derive(Debug)]
pub struct Choice(Pcg64Mcg);

impl Choice {
    /// One of `0..count`, all as likely.
    ///
    /// # Panics
    /// If there are none to choose from.
    pub fn below(&mut self, count: usize) -> usize {
        let last = u32::try_from(count).ok().and_then(|count| count.checked_sub(1));
        let last = last.expect("there is something to choose from, and it fits an index");
        chance::between(&mut self.0, 0, last) as usize
    }
}

impl Plan {
    /// Every connection that a fault of the plan may be about: what a testbed has to be able to hurt.
    #[must_use]
    pub fn links(&self) -> BTreeSet<Link> {
        let faults = self.scenario.faults.iter();
        let about = faults.filter_map(|fault| Some((&fault.action, fault.action.links()?)));
        about.flat_map(|(action, who)| self.links_of(action, who)).collect()
    }

    /// Faults that wait for more than there will be. A file's places are not at hand any more.
    pub(super) fn counts_out_of_reach(&self) -> Vec<Diagnostic> {
        let place = |actor| self.place_of(actor).expect("loading looks every name up");
        let out_of_reach = |fault: &Fault| {
            let Trigger::After { count, counted } = fault.trigger else { return None };
            let (total, what) = match counted {
                Counted::Acked(None) => (self.sent_total(), "sent".to_owned()),
                Counted::Delivered(None) => (self.delivered_total(), "due".to_owned()),
                Counted::Acked(Some(number)) => {
                    let index = ProducerIndex::new(place(Actor::producer(number)));
                    (self.producer_total(index), format!("sent by P{number}"))
                }
                Counted::Delivered(Some(number)) => {
                    let index = ConsumerIndex::new(place(Actor::consumer(number)));
                    (self.consumer_total(index), format!("due to C{number}"))
                }
            };
            let title = format!("`after: {count} {counted}` never comes");
            let messages = numbers::count(total, "message");
            let (file, line) = (self.scenario.file.display(), fault.line);
            let label = format!("{file}:{line}: the plan has {messages} {what}");
            (count > total).then(|| Diagnostic::new(title).label(label))
        };
        self.scenario.faults.iter().filter_map(out_of_reach).collect()
    }

    /// Whether a fault ends a process and starts it again: a store in memory begins a new life then.
    #[must_use]
    pub fn restarts(&self) -> bool {
        let mut actions = self.scenario.faults.iter().map(|fault| &fault.action);
        actions.any(|action| matches!(action, Action::Kill(_) | Action::Stop(_)))
    }

    /// Whether a fault kills, pauses or stops the database.
    #[must_use]
    pub fn hurts_database(&self) -> bool {
        let mut targets = self.scenario.faults.iter().filter_map(|fault| fault.action.target());
        targets.any(|target| target == Target::Database)
    }

    /// The connections that a fault is about; for `any` all that it may pick from.
    #[must_use]
    pub fn links_of(&self, action: &Action, who: &Who) -> Vec<Link> {
        match who {
            Who::Database => vec![Link::Database],
            _ => self.actors_of(action, who).into_iter().map(Link::Actor).collect(),
        }
    }

    /// The actors that a fault is about; for `any` all that it may pick from. In ascending order,
    /// producers first.
    #[must_use]
    pub fn actors_of(&self, action: &Action, who: &Who) -> Vec<Actor> {
        let (producers, consumers) = match action {
            Action::DropAck { .. } => (true, false),
            Action::Crash(_) => (false, true),
            _ => (true, true),
        };
        match who {
            Who::Database => Vec::new(),
            Who::Actors(actors) => actors.clone(),
            Who::Any | Who::All => {
                let producers = self.producers.iter().filter(|_| producers);
                let consumers = self.consumers.iter().filter(|_| consumers);
                let producers = producers.map(|producer| Actor::producer(producer.number));
                producers.chain(consumers.map(|c| Actor::consumer(c.number))).collect()
            }
        }
    }

    /// The chance that the fault at this place follows.
    #[must_use]
    pub fn choice(&self, fault: usize) -> Choice {
        let place = u32::try_from(fault).expect("a file has fewer than 2^32 faults");
        Choice(chance::generator(self.scenario.seed, Purpose::Faults, place))
    }

    /// The place of an actor among those of its kind, if the plan has it.
    #[must_use]
    pub fn place_of(&self, actor: Actor) -> Option<usize> {
        match actor.kind {
            Kind::Producer => {
                self.producers.binary_search_by_key(&actor.number, |producer| producer.number)
            }
            Kind::Consumer => {
                self.consumers.binary_search_by_key(&actor.number, |consumer| consumer.number)
            }
        }
        .ok()
    }
}
