//! `pause`: SIGSTOP to a process, and SIGCONT when the fault is over.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::{Effect, Hold};
use crate::fault::symptom::Symptom;

/// The row.
pub static PAUSE: Definition = Definition {
    key: "pause",
    about: "SIGSTOP, and SIGCONT: `broker`, `broker 2`, `any`, `database` or `database 2`.",
    takes: Takes::Process { done: "paused" },
    settings: &[],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer],
    read: |_| Some(Effect::Process(Hold::Paused)),
};
