//! What a diagram of a part of a run is around, and how much is shown.

use crate::plan::{ConsumerIndex, MessageId};

/// What a diagram is around.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Focus {
    /// Planned messages.
    pub messages: Vec<MessageId>,
    /// Deliveries, by place among those of their consumer: such as no message explains.
    pub deliveries: Vec<(ConsumerIndex, usize)>,
    /// The consumers that are to be shown before all others.
    pub consumers: Vec<ConsumerIndex>,
}

/// How much of it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So many deliveries on either side of those that it is about.
    pub neighbours: usize,
    /// At most so many consumers.
    pub consumers: usize,
    /// At most so many events: those that are farthest from what it is about are left out.
    pub events: usize,
}
