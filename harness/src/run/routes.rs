//! Which address each actor speaks to: its own, where a relay listens for it, or one of those that
//! all share.

use std::collections::BTreeMap;

use crate::driver::{Address, Route};
use crate::input::names::{Actor, Kind};
use crate::plan::{Plan, TopicIndex};
use crate::testbed::Testbed;

/// All addresses of a testbed, and who speaks to which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    addresses: Vec<Address>,
    /// So many at the front are for everybody.
    shared: usize,
    own: BTreeMap<Actor, Route>,
}

impl Routes {
    /// Actors are spread over these addresses, at least one.
    pub fn shared(addresses: &[Address]) -> Self {
        let addresses = addresses.to_vec();
        Self { shared: addresses.len(), addresses, own: BTreeMap::new() }
    }

    /// What a testbed has for the actors of a plan.
    pub fn new(plan: &Plan, testbed: &dyn Testbed) -> Self {
        let mut routes = Self::shared(testbed.addresses());
        let producers = plan.producers.iter().map(|producer| Actor::producer(producer.number));
        let consumers = plan.consumers.iter().map(|consumer| Actor::consumer(consumer.number));
        for actor in producers.chain(consumers) {
            if let Some(address) = testbed.address_of(actor) {
                routes.own.insert(actor, Route(routes.addresses.len()));
                routes.addresses.push(address.clone());
            }
        }
        routes
    }

    /// What a driver is connected to.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Those for everybody, which no relay stands before.
    pub fn shared_ones(&self) -> impl Iterator<Item = Route> {
        (0..self.shared).map(Route)
    }

    /// Where an actor speaks to about a topic: its own address, else one of the shared ones, in turn
    /// over actors and topics, so that every broker meets every topic where there are enough.
    pub fn of(&self, actor: Actor, topic: TopicIndex) -> Route {
        let own = self.own.get(&actor).copied();
        let turn = actor.number as usize - 1 + topic.place();
        let turn = turn + usize::from(actor.kind == Kind::Consumer);
        own.unwrap_or(Route(turn % self.shared.max(1)))
    }

    /// The number of the broker behind that, from 1. A relay or a link of an actor's own leads to
    /// one of them in turn by the actor's number.
    pub fn broker(&self, actor: Actor, topic: TopicIndex) -> u32 {
        let Route(place) = self.of(actor, topic);
        let own = self.own.contains_key(&actor);
        let place = if own { (actor.number as usize - 1) % self.shared.max(1) } else { place };
        u32::try_from(place + 1).expect("a run has few brokers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actors_are_spread_over_the_shared_addresses_by_number_and_topic() {
        let routes = Routes::shared(&["a", "b", "c"].map(|host| Address::new(host, 1)));
        let of = |actor, topic| routes.of(actor, TopicIndex(topic)).0;
        assert_eq!((1..=4).map(|p| of(Actor::producer(p), 0)).collect::<Vec<_>>(), [0, 1, 2, 0]);
        assert_eq!((0..3).map(|t| of(Actor::producer(1), t)).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!((1..=3).map(|c| of(Actor::consumer(c), 0)).collect::<Vec<_>>(), [1, 2, 0]);
    }

    #[test]
    fn an_actor_with_an_address_of_its_own_speaks_to_no_other() {
        let mut routes = Routes::shared(&["a", "b"].map(|host| Address::new(host, 1)));
        routes.own.insert(Actor::consumer(1), Route(2));
        for topic in 0..3 {
            assert_eq!(routes.of(Actor::consumer(1), TopicIndex(topic)), Route(2));
            assert_ne!(routes.of(Actor::producer(1), TopicIndex(topic)), Route(2));
            assert_eq!(routes.broker(Actor::consumer(1), TopicIndex(topic)), 1);
        }
        assert_eq!(
            (0..3).map(|t| routes.broker(Actor::producer(1), TopicIndex(t))).collect::<Vec<_>>(),
            [1, 2, 1]
        );
    }
}
