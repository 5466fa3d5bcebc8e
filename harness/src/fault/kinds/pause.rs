//! `pause`: SIGSTOP to a process, and SIGCONT when the fault is over.

use std::sync::Arc;

use crate::fault::definition::{Definition, Effect, Lasts, Takes};
use crate::fault::injection::{Hold, Injection};

/// The row.
pub static PAUSE: Definition = Definition {
    key: "pause",
    about: "SIGSTOP, and SIGCONT: `broker`, `broker 2`, `any` or `database`.",
    takes: Takes::Process { done: "paused" },
    settings: &[],
    lasts: Lasts::Given,
    read: |_| Some(Arc::new(Pause)),
};

/// Connections stay, and nothing answers.
#[derive(Clone, Copy, Debug)]
pub struct Pause;

impl Effect for Pause {
    fn injection(&self) -> Injection {
        Injection::Process(Hold::Paused)
    }
}
