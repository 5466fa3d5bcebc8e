//! `isolate`: a node of a cluster of databases is cut from the other nodes, and comes back to them when
//! the fault is over. Brokers still reach it.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::{Effect, Hold};
use crate::fault::symptom::Symptom;

/// The row.
pub static ISOLATE: Definition = Definition {
    key: "isolate",
    about: "A node of a cluster is cut from the others: `database 2`; `database` is each from each.",
    takes: Takes::Node,
    settings: &[],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer],
    read: |_| Some(Effect::Process(Hold::Isolated)),
};
