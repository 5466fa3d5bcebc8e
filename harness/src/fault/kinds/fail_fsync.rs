//! `fail_fsync`: syncs of what keeps the data fail with an I/O error (EIO). What they were to make durable
//! is dropped, as Linux does: the next one succeeds without it. Met: syncs that failed.

use crate::fault::definition::{Definition, Form, Lasts, Setting, Takes};
use crate::fault::effect::Effect;
use crate::fault::settings::Settings;
use crate::fault::storage_fault::{AfterFailedSync, StorageFault};
use crate::fault::symptom::{Symptom, UNAVAILABLE};
use crate::input::values;

/// The most syncs that one fault may fail.
const COUNT_MAX: u64 = 1_000_000_000;

/// The row.
pub static FAIL_FSYNC: Definition = Definition {
    key: "fail_fsync",
    about: "Syncs of what keeps the data fail with an I/O error: `storage`.",
    takes: Takes::Storage,
    settings: &[
        super::drop_ack::COUNT,
        Setting {
            key: "then",
            about: "Of `fail_fsync`: what becomes of what was to be synced, `drop` (default, as Linux \
                    does) or `retry`: the next sync has it.",
            form: Form::Word(&["drop", "retry"]),
        },
    ],
    lasts: Lasts::UntilSpent("it ends when `count` syncs failed"),
    causes: &[Symptom::NoAnswer, Symptom::Forgotten, UNAVAILABLE],
    read,
};

fn read(settings: &mut Settings<'_, '_>) -> Option<Effect> {
    let count = settings.read("count", |text| values::count(text, 1..=COUNT_MAX));
    let then = settings.read("then", |text| {
        values::word(text, &[("drop", AfterFailedSync::Drop), ("retry", AfterFailedSync::Retry)])
    });
    let (count, then) = (count.ok()?.unwrap_or(1), then.ok()?.unwrap_or(AfterFailedSync::Drop));
    Some(Effect::Storage(StorageFault::FailSync { count, then }))
}
