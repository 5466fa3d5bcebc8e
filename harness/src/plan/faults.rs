//! The faults of a plan: what they are about, and what chance picks.

use std::collections::BTreeSet;

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::Rng as _;

use super::model::{ConsumerIndex, Plan, ProducerIndex};
use crate::chance::{self, Purpose};
use crate::fault::{
    Action, Counted, Fault, Link, Medium, Part, StorageFault, Target, Trigger, Who,
};
use crate::input::diagnostic::Diagnostic;
use crate::input::names::{Actor, Kind};
use crate::numbers;

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

    /// What further chance follows from, elsewhere.
    pub fn seed(&mut self) -> u64 {
        self.0.next_u64()
    }
}

impl Plan {
    /// Every link that a fault of the plan may be about: what a testbed has to be able to put faults on.
    pub fn links(&self) -> BTreeSet<Link> {
        let faults = self.scenario.faults.iter();
        faults.flat_map(|fault| self.links_of(&fault.action)).collect()
    }

    /// Faults that wait for more than there will be.
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
            let label = format!("the plan has {messages} {what}");
            (count > total).then(|| Diagnostic::new(title).label(label).on(&fault.trigger_spot))
        };
        self.scenario.faults.iter().filter_map(out_of_reach).collect()
    }

    /// Whether a process may be another one after a fault: a store in memory begins a new life then. A
    /// server may end because of its disk, and is then started again.
    pub fn restarts(&self) -> bool {
        let mut effects = self.scenario.faults.iter().map(|fault| &fault.action.effect);
        effects.any(|effect| effect.restarts() || effect.storage().is_some())
    }

    /// Whether a fault is about the process of a broker or of its database.
    pub fn has_process_fault(&self) -> bool {
        let mut targets = self.scenario.faults.iter().map(|fault| &fault.action.target);
        targets.any(Target::is_process)
    }

    /// Whether a fault is about the database's process, or its disk.
    pub fn has_database_fault(&self) -> bool {
        let mut targets = self.scenario.faults.iter().map(|fault| &fault.action.target);
        targets.any(|target| match target {
            Target::Process(part) => matches!(part, Part::Database | Part::Node(_)),
            Target::Storage => self.scenario.broker.store.has_database(),
            _ => false,
        })
    }

    /// Whether a fault is about the disk of what keeps the data.
    pub fn has_storage_fault(&self) -> bool {
        self.scenario.has_storage_fault()
    }

    /// What the disk of what keeps the data is like; none where no fault is about it. Loading sees to it
    /// that no two faults ask for two.
    pub fn medium(&self) -> Option<Medium> {
        let faults = self.scenario.faults.iter();
        let mut storage = faults.filter_map(|fault| fault.action.effect.storage()).peekable();
        storage.peek()?;
        Some(storage.find_map(StorageFault::medium).unwrap_or(Medium::PLAIN))
    }

    /// The links that a fault is about; for `any` all that it may pick from.
    pub fn links_of(&self, action: &Action) -> Vec<Link> {
        match &action.target {
            Target::DatabaseLink => vec![Link::Database],
            Target::Links(who) => self.actors(action, who).map(Link::Actor).collect(),
            Target::Process(_) | Target::AnyBroker | Target::Consumers(_) | Target::Storage => {
                Vec::new()
            }
        }
    }

    /// The consumers that a fault is itself about; for `any` all that it may pick from.
    pub fn consumers_of(&self, action: &Action) -> Vec<Actor> {
        match &action.target {
            Target::Consumers(who) => self.actors(action, who).collect(),
            _ => Vec::new(),
        }
    }

    /// In ascending order, producers first.
    fn actors(&self, action: &Action, who: &Who) -> impl Iterator<Item = Actor> {
        let kinds = action.definition.takes.actors();
        let all = || {
            let producers = self.producers.iter().map(|own| Actor::producer(own.number));
            let consumers = self.consumers.iter().map(|own| Actor::consumer(own.number));
            producers.chain(consumers).filter(|actor| kinds.contains(&actor.kind)).collect()
        };
        let actors: Vec<Actor> = match who {
            Who::Actors(actors) => actors.clone(),
            Who::Any | Who::All => all(),
        };
        actors.into_iter()
    }

    /// The chance that the fault at this place follows.
    pub fn choice(&self, fault: usize) -> Choice {
        let place = u32::try_from(fault).expect("a file has fewer than 2^32 faults");
        Choice(chance::generator(self.scenario.seed, Purpose::Faults, place))
    }

    /// The place of an actor among those of its kind, if the plan has it.
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
