//! `kill`: SIGKILL to a process. It is started again on the same port and store when the fault is over.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::{Effect, Hold};
use crate::fault::symptom::Symptom;

/// The row.
pub static KILL: Definition = Definition {
    key: "kill",
    about: "SIGKILL, and a new start: `broker`, `broker 2`, `any`, `database` or `database 2`.",
    takes: Takes::Process { done: "killed" },
    settings: &[],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer, Symptom::Forgotten],
    read: |_| Some(Effect::Process(Hold::Killed)),
};
