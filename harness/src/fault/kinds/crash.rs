//! `crash`: consumers lose their memory, and when the fault is over resume from the broker. The same
//! in real and simulated runs. Met: polls that were under way.

use std::sync::Arc;

use crate::fault::definition::{Definition, Effect, Lasts, Takes};
use crate::fault::injection::Injection;

/// The row.
pub static CRASH: Definition = Definition {
    key: "crash",
    about: "These consumers lose their memory, and resume from the broker.",
    takes: Takes::Consumers,
    settings: &[],
    lasts: Lasts::Given,
    read: |_| Some(Arc::new(Crash)),
};

/// Only its name is left to a consumer.
#[derive(Clone, Copy, Debug)]
pub struct Crash;

impl Effect for Crash {
    fn injection(&self) -> Injection {
        Injection::Crash
    }
}
