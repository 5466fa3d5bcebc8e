//! What an actor tells a driver about itself: who it is, what it speaks to, and how patient it is.

use std::time::Duration;

use super::failure::Failure;
use crate::input::names::Actor;
use crate::plan::{StreamIndex, TopicIndex};
use crate::scenario::Acknowledge;

/// One actor on one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Who it is.
    pub actor: Actor,
    /// What it produces to or consumes from.
    pub topic: TopicIndex,
    /// Whose messages a producer sends; none for a consumer.
    pub stream: Option<StreamIndex>,
    /// The number on the stream (from 0) of the first message that a producer sends under this
    /// registration.
    pub base: u32,
    /// Where to.
    pub route: Route,
    /// How long what has no answer is repeated, as far as that is safe.
    pub retries: RetryPolicy,
    /// How deliveries are acknowledged; a producer has none.
    pub acknowledge: Acknowledge,
}

/// A place among the addresses that a driver was connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route(pub usize);

impl Route {
    /// What a driver has for this address.
    ///
    /// # Errors
    /// Where there are fewer addresses.
    pub(super) fn of<T>(self, each: &[T]) -> Result<&T, Failure> {
        each.get(self.0).ok_or_else(|| Failure::new(format!("no address {} was given", self.0)))
    }
}

/// How long a request that failed is repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryPolicy {
    /// It is made once, as by the original's clients.
    Never,
    /// A few times, for a few seconds: long enough for what passes by itself.
    #[default]
    Short,
    /// As often as fits into this time: long enough for what is done to the broker on purpose.
    Within(Duration),
}

/// What a broker knows a registration or a subscription by, in its own words. A driver reads only
/// what it wrote; all others keep it for a consumer that comes back after a crash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The broker's id, where it gives one.
    pub id: Option<String>,
    /// The life of the broker's store, where it tells.
    pub epoch: Option<String>,
}
