//! Testbeds: where the broker under test runs and how it is started and ended. A new one is one
//! file here that implements [`Testbed`].

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::driver::Address;
use crate::scenario::names::Actor;

pub mod bugs;
pub mod child;
pub mod database;
pub mod external;
mod hurt;
mod life;
pub mod process;
pub mod relay;
pub mod sabotage;
pub mod simulated;
mod tail;

pub use hurt::{Harm, HarmId, Hurt, Part};

/// A broker under test that is up.
pub trait Testbed: Send {
    /// Where the brokers are reached, at least one. Actors are spread over them.
    fn addresses(&self) -> &[Address];

    /// The address that this actor alone speaks to, where a fault may be about its connections; a
    /// relay to one of [`Testbed::addresses`] listens there.
    fn address_of(&self, _actor: Actor) -> Option<&Address> {
        None
    }

    /// How it can be hurt; `None` where it cannot.
    fn hurt(&self) -> Option<Arc<dyn Hurt>> {
        None
    }

    /// Completes, with a line for people, when the broker ends although nobody asked it to; never
    /// for a broker that is not ours to watch. May be dropped and called again.
    fn ended(&mut self) -> BoxFuture<'_, String>;

    /// Ends what was started and waits until it is gone. Dropping without it kills.
    fn stop(self: Box<Self>) -> BoxFuture<'static, Result<(), Failure>>;
}

/// A testbed that cannot be brought up or down; the text says what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);
