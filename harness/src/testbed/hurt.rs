//! What can be done to a testbed on purpose: its processes killed, paused and stopped, and its
//! connections cut, emptied, slowed, and robbed of answers.
//!
//! The executor (`run::faults`) decides when and whom; a testbed only carries out. Nothing here is
//! left to chance but what [`Harm::Slow`]'s jitter needs, and a simulated testbed takes that from
//! the run's seed.

use std::fmt;

use super::Failure;
use crate::plan::Link;
use crate::scenario::fault::Slowness;
use futures_util::future::BoxFuture;

/// A process of a testbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The broker of this place, from 0.
    Broker(u32),
    /// The database that all brokers share.
    Database,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broker(0) => f.write_str("broker"),
            Self::Broker(place) => write!(f, "broker {}", place + 1),
            Self::Database => f.write_str("database"),
        }
    }
}

/// Names one harm to one link while it lasts; the caller never uses one twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HarmId(pub u64);

/// What is done to a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// The next so many produce requests arrive at the broker; when the answer begins to come, it
    /// is thrown away and the connection reset. Met: answers thrown away.
    DropAcks(u64),
    /// Every connection is reset, and new ones are accepted only to be reset (or refused). Met:
    /// connections reset or refused; in a simulation, requests that failed.
    Cut,
    /// Bytes vanish in both directions, and connections stay open. What vanished does not come
    /// back: when the harm is mended, a connection that lost bytes is reset. Met: times that
    /// something vanished.
    BlackHole,
    /// Bytes take their time, in each direction. Met: times that something was held up.
    Slow(Slowness),
}

/// A testbed that can be hurt. Shared by the faults of a run, which may overlap.
///
/// Calls about one part never overlap, and make sense in their order: what is killed or stopped is
/// up (and not paused when it is stopped), what is started is down, what is resumed is paused. Any
/// number of harms may be on one link at a time; they add up, and [`Harm::Cut`] beats the others.
///
/// While a part is down on purpose, [`Testbed::ended`](super::Testbed::ended) says nothing of it.
/// [`Testbed::stop`](super::Testbed::stop) and dropping the testbed end it as thoroughly in any
/// state: paused, killed, half started.
pub trait Hurt: Send + Sync {
    /// How many brokers there are; at least 1. Places of [`Part::Broker`] are below it.
    fn brokers(&self) -> u32;

    /// Ends the part at once, without a chance to finish anything (SIGKILL), and waits until it is
    /// gone. What it had promised must survive; what it had only in memory is gone.
    fn kill(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>>;

    /// Asks the part to end in good order (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end in time, or not in good order.
    fn stop(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>>;

    /// Starts a part that was killed or stopped again, on the same port and the same store, and
    /// waits until it listens.
    ///
    /// # Errors
    /// When the port is taken by now, or it does not come up: the run then has no verdict.
    fn start(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>>;

    /// Stops the part's clock (SIGSTOP): its connections stay, and nothing answers.
    fn pause(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>>;

    /// Lets it go on (SIGCONT).
    fn resume(&self, part: Part) -> BoxFuture<'_, Result<(), Failure>>;

    /// Begins to harm a link, which is one of [`Plan::links`](crate::plan::Plan::links). Takes
    /// effect before it returns.
    fn harm(&self, id: HarmId, link: Link, harm: Harm) -> BoxFuture<'_, Result<(), Failure>>;

    /// Completes when a harm has used itself up ([`Harm::DropAcks`]); never for another kind. May
    /// be dropped and called again.
    fn spent(&self, id: HarmId) -> BoxFuture<'_, ()>;

    /// Ends a harm, used up or not, and says how much traffic it met; 0 for none.
    fn mend(&self, id: HarmId) -> BoxFuture<'_, Result<u64, Failure>>;
}
