//! Which address each actor speaks to: its own, where a relay listens for it, or one of those that
//! all share; and whether it may go on at another broker's.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

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
    /// Whether an actor has an address for each broker, and may choose.
    fails_over: bool,
    own: BTreeMap<Actor, Route>,
}

impl Routes {
    /// Actors are spread over these addresses, at least one.
    pub fn shared(addresses: &[Address]) -> Self {
        let addresses = addresses.to_vec();
        Self { shared: addresses.len(), addresses, fails_over: false, own: BTreeMap::new() }
    }

    /// What a testbed has for the actors of a plan.
    pub fn new(plan: &Plan, testbed: &dyn Testbed) -> Self {
        let mut routes = Self::shared(testbed.addresses());
        routes.fails_over = !plan.scenario.broker.spread;
        let producers = plan.producers.iter().map(|producer| Actor::producer(producer.number));
        let consumers = plan.consumers.iter().map(|consumer| Actor::consumer(consumer.number));
        for actor in producers.chain(consumers) {
            let own = testbed.addresses_of(actor);
            if own.is_empty() {
                continue;
            }
            let (turn, begin) = (routes.turn(actor), routes.addresses.len());
            if routes.fails_over {
                routes.own.insert(actor, Route(begin + turn));
                routes.addresses.extend_from_slice(own);
            } else {
                routes.own.insert(actor, Route(begin));
                routes.addresses.push(own[turn].clone());
            }
        }
        routes
    }

    /// So many addresses in a row lead the same actors to the brokers of one store.
    pub fn alternatives(&self) -> NonZeroUsize {
        let several = if self.fails_over { self.shared } else { 1 };
        NonZeroUsize::new(several).unwrap_or(NonZeroUsize::MIN)
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

    /// The number of the broker behind that, from 1. Where an actor goes on at another one, the driver
    /// says so of its attempts.
    pub fn broker(&self, actor: Actor, topic: TopicIndex) -> u32 {
        let Route(place) = self.of(actor, topic);
        let own = self.own.contains_key(&actor);
        let place = if own { self.turn(actor) } else { place };
        u32::try_from(place + 1).expect("a run has few brokers")
    }

    /// The place of the broker that an actor's own relay or link leads to: in turn by its number.
    fn turn(&self, actor: Actor) -> usize {
        (actor.number as usize - 1) % self.shared.max(1)
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
