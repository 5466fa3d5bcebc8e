//! `slow_disk`: syncs and writes take longer on the disk of what keeps the data. Met: what was held up.

use crate::fault::definition::{Definition, Form, Lasts, Setting, Takes};
use crate::fault::effect::Effect;
use crate::fault::settings::Settings;
use crate::fault::storage_fault::StorageFault;
use crate::fault::symptom::{Symptom, UNAVAILABLE};
use crate::input::diagnostic::Diagnostic;
use crate::input::values;

/// How long syncs take.
pub(super) const FSYNC: Setting = Setting {
    key: "fsync",
    about: "Of `slow_disk`: how much longer each fsync takes, such as `50ms`. Of `power`: how long each \
            takes at least, default `2ms`.",
    form: Form::Text,
};

/// The row.
pub static SLOW_DISK: Definition = Definition {
    key: "slow_disk",
    about: "The disk of what keeps the data takes its time: `storage`.",
    takes: Takes::Storage,
    settings: &[
        FSYNC,
        Setting {
            key: "write",
            about: "Of `slow_disk`: how much longer each write takes, such as `5ms`.",
            form: Form::Text,
        },
    ],
    lasts: Lasts::OrToTheEnd,
    causes: &[Symptom::NoAnswer, UNAVAILABLE],
    read,
};

fn read(settings: &mut Settings<'_, '_>) -> Option<Effect> {
    let fsync = settings.read("fsync", values::positive_time);
    let write = settings.read("write", values::positive_time);
    let (fsync, write) = (fsync.ok()?, write.ok()?);
    if fsync.is_none() && write.is_none() {
        let label = "add `fsync: 50ms` or `write: 5ms`, or both";
        settings.refuse_all(Diagnostic::new("`slow_disk` does not say how slow").label(label));
        return None;
    }
    let (fsync, write) = (fsync.unwrap_or_default(), write.unwrap_or_default());
    Some(Effect::Storage(StorageFault::Slow { fsync, write }))
}
