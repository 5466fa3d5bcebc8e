//! What all senders and subscribers of a run have in common.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::settings::Settings;
use crate::driver::address::Address;
use crate::driver::client::Route;
use crate::driver::marks::Marks;
use crate::input::names::Actor;
use crate::plan::{Plan, TopicIndex};
use crate::scenario;

pub(super) struct Shared {
    plan: Arc<Plan>,
    addresses: Vec<Address>,
    pub(super) marks: Marks,
    pub(super) settings: Settings,
    /// Those whose stream was made, and is to be removed.
    made: Mutex<BTreeSet<TopicIndex>>,
    /// Numbers the subscriptions, so that no two have one durable.
    subscriptions: AtomicU32,
}

impl Shared {
    pub(super) fn new(
        plan: Arc<Plan>,
        addresses: Vec<Address>,
        marks: Marks,
        settings: Settings,
    ) -> Self {
        let (made, subscriptions) = (Mutex::default(), AtomicU32::new(0));
        Self { plan, addresses, marks, settings, made, subscriptions }
    }

    pub(super) fn address(&self, Route(place): Route) -> &Address {
        &self.addresses[place]
    }

    pub(super) fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// What the scenario says of a consumer.
    pub(super) fn consumer(&self, actor: Actor) -> &scenario::Consumer {
        let mut consumers = self.plan.scenario.consumers.iter();
        let found = consumers.find(|consumer| consumer.number == actor.number);
        found.expect("a subscriber is a consumer of the plan")
    }

    /// The name of a new durable.
    pub(super) fn durable(&self, actor: Actor) -> String {
        format!("{actor}-{}", self.subscriptions.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Notes that a topic is about to be made.
    pub(super) fn note_made(&self, topic: TopicIndex) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).insert(topic);
    }

    /// The topics that were made.
    pub(super) fn made(&self) -> Vec<TopicIndex> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}
