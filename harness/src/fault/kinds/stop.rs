//! `stop`: SIGTERM to a process, its graceful end. It is started again when the fault is over.

use std::sync::Arc;

use crate::fault::definition::{Definition, Effect, Lasts, Takes};
use crate::fault::injection::{Hold, Injection};

/// The row.
pub static STOP: Definition = Definition {
    key: "stop",
    about: "SIGTERM, and a new start: `broker`, `broker 2`, `any` or `database`.",
    takes: Takes::Process { done: "stopped" },
    settings: &[],
    lasts: Lasts::Given,
    read: |_| Some(Arc::new(Stop)),
};

/// What is under way is finished, and nothing new is taken.
#[derive(Clone, Copy, Debug)]
pub struct Stop;

impl Effect for Stop {
    fn injection(&self) -> Injection {
        Injection::Process(Hold::Stopped)
    }
}
