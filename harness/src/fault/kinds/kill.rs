//! `kill`: SIGKILL to a process. It is started again on the same port and store when the fault is over.

use std::sync::Arc;

use crate::fault::definition::{Definition, Effect, Lasts, Takes};
use crate::fault::injection::{Hold, Injection};

/// The row.
pub static KILL: Definition = Definition {
    key: "kill",
    about: "SIGKILL, and a new start: `broker`, `broker 2`, `any` or `database`.",
    takes: Takes::Process { done: "killed" },
    settings: &[],
    lasts: Lasts::Given,
    read: |_| Some(Arc::new(Kill)),
};

/// Nothing is finished.
#[derive(Clone, Copy, Debug)]
pub struct Kill;

impl Effect for Kill {
    fn injection(&self) -> Injection {
        Injection::Process(Hold::Killed)
    }
}
