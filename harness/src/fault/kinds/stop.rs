//! `stop`: SIGTERM to a process, its graceful end. It is started again when the fault is over.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::{Effect, Hold};
use crate::fault::symptom::{Symptom, UNAVAILABLE};

/// The row.
pub static STOP: Definition = Definition {
    key: "stop",
    about: "SIGTERM, and a new start: `broker`, `broker 2`, `any`, `database` or `database 2`.",
    takes: Takes::Process { done: "stopped" },
    settings: &[],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer, Symptom::Forgotten, UNAVAILABLE],
    read: |_| Some(Effect::Process(Hold::Stopped)),
};
