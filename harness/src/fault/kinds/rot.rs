//! `rot`: what keeps the data is killed, bits of an acknowledged message flip on its disk, and it is
//! started again. Met: bits that flipped.

use crate::fault::definition::{Definition, Form, Lasts, Setting, Takes};
use crate::fault::effect::Effect;
use crate::fault::settings::Settings;
use crate::fault::storage_fault::StorageFault;
use crate::fault::symptom::{Symptom, UNAVAILABLE};
use crate::input::values;

/// The most bits of one message.
const BITS_MAX: u32 = 64;

/// The row.
pub static ROT: Definition = Definition {
    key: "rot",
    about: "SIGKILL, bits of an acknowledged message flip on the disk, and a new start: `storage`.",
    takes: Takes::Storage,
    settings: &[Setting {
        key: "bits",
        about: "Of `rot`: how many bits of the message flip, at most 64; default 1.",
        form: Form::Count,
    }],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer, Symptom::Forgotten, UNAVAILABLE],
    read,
};

fn read(settings: &mut Settings<'_, '_>) -> Option<Effect> {
    let bits = settings.read("bits", |text| values::count(text, 1..=BITS_MAX)).ok()?;
    Some(Effect::Storage(StorageFault::Rot { bits: bits.unwrap_or(1) }))
}
