//! What carries faults out on a testbed: its processes are killed, paused and stopped, and faults
//! are put on its links.
//!
//! The executor (`run::faults`) decides when and what; a testbed only carries out. Chance comes from
//! the run's seed in a simulated testbed.

use std::future::{pending, ready};

use futures_util::future::BoxFuture;

use super::{Disk, Failure, InjectionId};
use crate::fault::{Link, LinkFault, Part};

/// What can be done to a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It ends at once, without a chance to finish anything (SIGKILL). What it had promised must
    /// survive; what it had only in memory is gone.
    Kill,
    /// It is asked to end in good order (SIGTERM), and has to in time.
    Stop,
    /// After it was killed or stopped it is started on the same port and the same store, and
    /// listens. The port may be taken by then.
    Start,
    /// Its clock stops (SIGSTOP): its connections stay, and nothing answers.
    Pause,
    /// It goes on (SIGCONT).
    Resume,
}

/// How a node of a cluster stands to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeStanding {
    /// It is of the majority, which counts so many nodes; one that was killed may be among them still.
    Serves(usize),
    /// It looks for the others, or does not answer.
    Waits,
    /// It runs, and has left the others: it never looks for them again, and has to be started again.
    Left,
    /// Its process has ended.
    Ended,
}

/// Why nothing can be done to a part as a node.
pub(crate) fn no_node(part: Part) -> Failure {
    Failure(format!("the {part} is no node of a cluster"))
}

/// Carries out the faults of a run, which may overlap, on its testbed.
///
/// Changes of one part never overlap, and make sense in their order: what is killed or stopped is
/// up (and not paused when it is stopped), what is started is down, what is resumed is paused. Any
/// number of faults may be on one link at a time.
///
/// While a part is down on purpose, its end is not reported by
/// [`Testbed::ended`](super::Testbed::ended). [`Testbed::stop`](super::Testbed::stop) and dropping
/// the testbed end it as thoroughly in any state: paused, killed, half started.
pub trait FaultInjector: Send + Sync {
    /// How many brokers there are; at least 1. Places of [`Part::Broker`] are below it.
    fn brokers(&self) -> u32;

    /// Does this to a part, and returns when it is done.
    ///
    /// # Errors
    /// When it cannot be done: the run then has no verdict.
    fn change(&self, part: Part, change: Change) -> BoxFuture<'_, Result<(), Failure>>;

    /// While a part is being started: completes, with what it is in words, when the start has to wait for
    /// something that other faults hold. May be dropped and called again.
    fn obstacle(&self, _part: Part) -> BoxFuture<'_, String> {
        Box::pin(pending())
    }

    /// Cuts a node of a cluster from the other nodes, and returns when it knows; or lets it back, and
    /// returns when it serves again. Says whether the node is lost instead: it has left the others, or has
    /// ended, which being cut explains. It is not told while it is paused or held down.
    ///
    /// # Errors
    /// When it cannot be done: the run then has no verdict.
    fn isolate(&self, part: Part, _is_cut: bool) -> BoxFuture<'_, Result<bool, Failure>> {
        Box::pin(ready(Err(no_node(part))))
    }

    /// How a node of a cluster stands to the others now.
    ///
    /// # Errors
    /// When there is no such node.
    fn standing(&self, part: Part) -> BoxFuture<'_, Result<NodeStanding, Failure>> {
        Box::pin(ready(Err(no_node(part))))
    }

    /// The disk of what keeps the data ([`Broker::storage`](crate::scenario::Broker::storage)).
    ///
    /// # Errors
    /// Where there is none that something can be done to.
    fn disk(&self) -> Result<&dyn Disk, Failure> {
        Err(Failure("nothing can be done to the disk here".to_owned()))
    }

    /// Puts a fault on a link, which is one of [`Plan::links`](crate::plan::Plan::links). Takes
    /// effect before it returns.
    ///
    /// # Errors
    /// When there is no such link.
    fn inject(&self, id: InjectionId, link: Link, fault: Box<dyn LinkFault>)
    -> Result<(), Failure>;

    /// Completes when a fault has used itself up ([`LinkFault::is_spent`]). May be dropped and called
    /// again.
    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()>;

    /// Takes a fault off its link, used up or not, and says how much traffic it met.
    ///
    /// # Errors
    /// For one that was never begun, or has ended.
    fn heal(&self, id: InjectionId) -> Result<u64, Failure>;
}
