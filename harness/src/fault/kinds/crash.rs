//! `crash`: consumers lose their memory, and when the fault is over resume from the broker. The same
//! in real and simulated runs. Met: polls that were under way.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::Effect;

/// The row.
pub static CRASH: Definition = Definition {
    key: "crash",
    about: "These consumers lose their memory, and resume from the broker.",
    takes: Takes::Consumers,
    settings: &[],
    lasts: Lasts::Given,
    causes: &[],
    read: |_| Some(Effect::Crash),
};
