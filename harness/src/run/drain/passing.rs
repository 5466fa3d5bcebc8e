//! What a delivery says about messages that did not come: it depends on the order that is promised.

use crate::plan::Plan;
use crate::scenario::Order;

/// What a delivery passes over, so that nobody waits for it any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing {
    /// With `per-topic`: whatever stands at a smaller offset of the same life of the store.
    Offsets,
    /// With `per-topic` where offsets cannot be compared: whatever was acked before it was invoked.
    Acks,
    /// With `per-producer`: what the same producer sent before it.
    Stream,
    /// With `none`: nothing. Each message has to come itself.
    Nothing,
}

impl Passing {
    /// That of a plan; `compares_offsets` says whether the broker tells the offset of an ack and of
    /// a delivery.
    #[must_use]
    pub fn of(plan: &Plan, compares_offsets: bool) -> Self {
        match plan.scenario.expect.order {
            Order::PerTopic if compares_offsets => Self::Offsets,
            Order::PerTopic => Self::Acks,
            Order::PerProducer => Self::Stream,
            Order::None => Self::Nothing,
        }
    }
}
