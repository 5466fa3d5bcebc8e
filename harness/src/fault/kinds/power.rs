//! `power`: SIGKILL to what keeps the data, and what it had not synced is forgotten; then it is started
//! again. Met: the requests of all actors that were under way meanwhile.

use crate::fault::definition::{Definition, Form, Lasts, Setting, Takes};
use crate::fault::effect::Effect;
use crate::fault::settings::Settings;
use crate::fault::storage_fault::{Directories, Keep, Power, StorageFault};
use crate::fault::symptom::{Symptom, UNAVAILABLE};
use crate::input::values;

/// The row.
pub static POWER: Definition = Definition {
    key: "power",
    about: "SIGKILL, and what was not synced is forgotten; then a new start: `storage`.",
    takes: Takes::Storage,
    settings: &[
        Setting {
            key: "keep",
            about: "Of `power`: what survives of what was not synced, `none` (default) or `some`.",
            form: Form::Word(&["none", "some"]),
        },
        Setting {
            key: "directories",
            about: "Of `power`: when names of files are durable, `now` (default) or `lazy`: when their \
                    folder is synced.",
            form: Form::Word(&["now", "lazy"]),
        },
        Setting {
            key: "settled",
            about: "Of `power`: whether all that was written before the first message is durable; \
                    default true.",
            form: Form::Flag,
        },
        super::slow_disk::FSYNC,
    ],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer, Symptom::Forgotten, UNAVAILABLE],
    read,
};

fn read(settings: &mut Settings<'_, '_>) -> Option<Effect> {
    let keep = settings
        .read("keep", |text| values::word(text, &[("none", Keep::None), ("some", Keep::Some)]));
    let directories = settings.read("directories", |text| {
        values::word(text, &[("now", Directories::Now), ("lazy", Directories::Lazy)])
    });
    let settled =
        settings.read("settled", |text| values::word(text, &[("true", true), ("false", false)]));
    let fsync = settings.read("fsync", values::time);
    Some(Effect::Storage(StorageFault::Power(Power {
        keep: keep.ok()?.unwrap_or(Power::PLAIN.keep),
        directories: directories.ok()?.unwrap_or(Power::PLAIN.directories),
        settled: settled.ok()?.unwrap_or(Power::PLAIN.settled),
        fsync: fsync.ok()?.unwrap_or(Power::PLAIN.fsync),
    })))
}
