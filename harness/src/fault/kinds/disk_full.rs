//! `disk_full`: nothing grows on the disk of what keeps the data, and what is there can be written over,
//! renamed and removed, as on a real one. Met: what was refused.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::Effect;
use crate::fault::storage_fault::StorageFault;
use crate::fault::symptom::{Symptom, UNAVAILABLE};

/// The row.
pub static DISK_FULL: Definition = Definition {
    key: "disk_full",
    about: "Nothing grows on the disk of what keeps the data: `storage`.",
    takes: Takes::Storage,
    settings: &[],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer, Symptom::Forgotten, UNAVAILABLE],
    read: |_| Some(Effect::Storage(StorageFault::Full)),
};
