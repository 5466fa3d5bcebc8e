//! What carries faults out on a testbed: its processes are killed, paused and stopped, and faults
//! are put on its links.
//!
//! The executor (`run::faults`) decides when and what; a testbed only carries out. Chance comes from
//! the run's seed in a simulated testbed.

use futures_util::future::BoxFuture;

use super::Failure;
use crate::fault::{Link, LinkFault, Part};

/// Names one fault on one link while it lasts; the caller never uses one twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InjectionId(pub u64);

/// Carries out the faults of a run, which may overlap, on its testbed.
///
/// Calls about one part never overlap, and make sense in their order: what is killed or stopped is
/// up (and not paused when it is stopped), what is started is down, what is resumed is paused. Any
/// number of faults may be on one link at a time.
///
/// While a part is down on purpose, its end is not reported by
/// [`Testbed::ended`](super::Testbed::ended). [`Testbed::stop`](super::Testbed::stop) and dropping
/// the testbed end it as thoroughly in any state: paused, killed, half started.
pub trait FaultInjector: Send + Sync {
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

    /// Puts a fault on a link, which is one of [`Plan::links`](crate::plan::Plan::links). Takes
    /// effect before it returns.
    fn inject(
        &self,
        id: InjectionId,
        link: Link,
        fault: Box<dyn LinkFault>,
    ) -> BoxFuture<'_, Result<(), Failure>>;

    /// Completes when a fault has used itself up ([`LinkFault::is_spent`]). May be dropped and called
    /// again.
    fn spent(&self, id: InjectionId) -> BoxFuture<'_, ()>;

    /// Takes a fault off its link, used up or not, and says how much traffic it met.
    fn heal(&self, id: InjectionId) -> BoxFuture<'_, Result<u64, Failure>>;
}
