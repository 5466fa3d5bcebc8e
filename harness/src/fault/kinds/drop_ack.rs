//! `drop_ack`: the next requests of producers arrive, and their answers are lost: when an answer begins
//! to come, the connection is reset. Met: answers that were lost.

use crate::fault::definition::{Definition, Form, Lasts, Setting, Takes};
use crate::fault::effect::Effect;
use crate::fault::link_fault::LinkFault;
use crate::fault::settings::Settings;
use crate::fault::symptom::Symptom;
use crate::input::names::Kind;
use crate::input::values;

/// The most answers that one fault may lose.
const COUNT_MAX: u64 = 1_000_000_000;

/// How often something happens that then is over.
pub(super) const COUNT: Setting = Setting {
    key: "count",
    about: "How many answers `drop_ack` loses, of each producer; how many syncs `fail_fsync` fails; \
            default 1.",
    form: Form::Count,
};

/// The row.
pub static DROP_ACK: Definition = Definition {
    key: "drop_ack",
    about: "Requests of these producers arrive, and their answers are lost.",
    takes: Takes::Links { actors: &[Kind::Producer], database: false },
    settings: &[COUNT],
    lasts: Lasts::UntilSpent("it ends when `count` answers were lost"),
    causes: &[Symptom::NoAnswer],
    read,
};

/// So many answers to produce requests are lost on each link.
#[derive(Clone, Copy, Debug)]
pub struct DropAcks(
    /// How many are left.
    pub u64,
);

fn read(settings: &mut Settings<'_, '_>) -> Option<Effect> {
    let count = settings.read("count", |text| values::count(text, 1..=COUNT_MAX)).ok()?;
    Some(Effect::link(DropAcks(count.unwrap_or(1))))
}

impl LinkFault for DropAcks {
    fn begin(&self) -> Box<dyn LinkFault> {
        Box::new(*self)
    }

    fn settings(&self) -> String {
        format!(", count: {}", self.0)
    }

    fn watches_requests(&self) -> bool {
        true
    }

    fn loses_answer(&mut self) -> bool {
        let loses = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        loses
    }

    fn is_spent(&self) -> bool {
        self.0 == 0
    }
}
