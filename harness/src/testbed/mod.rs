//! Testbeds: where the broker under test runs and how it is started and ended. A new one is one
//! file here that implements [`Testbed`].

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::driver::Address;
use crate::input::names::Actor;

pub mod database;
mod disk;
mod fault_injector;
pub mod in_process;
mod injection;
mod link_faults;
pub mod process;
pub mod relay;
pub mod shared;
pub mod simulated;
pub mod unaddressed;

pub use crate::server::Failure;
pub use disk::Disk;
pub(crate) use fault_injector::no_node;
pub use fault_injector::{Change, FaultInjector, NodeStanding};
pub use injection::InjectionId;

/// A broker under test that is up.
pub trait Testbed: Send {
    /// Where the brokers are reached, at least one. Actors are spread over them.
    fn addresses(&self) -> &[Address];

    /// The addresses that this actor alone speaks to, where a fault may be about its connections: for
    /// each of [`Testbed::addresses`] one, where a relay to it listens. Nothing for others.
    fn addresses_of(&self, _actor: Actor) -> &[Address] {
        &[]
    }

    /// What carries out faults on it; `None` where none can be.
    fn injector(&self) -> Option<Arc<dyn FaultInjector>> {
        None
    }

    /// Completes, with a line for people, when the broker ends unasked; never for a broker that
    /// was not started here. May be dropped and called again.
    fn ended(&mut self) -> BoxFuture<'_, String>;

    /// Ends what was started and waits until it is gone. Dropping without it kills.
    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>>;
}
