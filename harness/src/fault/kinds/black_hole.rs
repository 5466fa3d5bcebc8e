//! `black_hole`: bytes vanish in both directions, and connections stay open. A connection that lost bytes
//! is reset when the fault is over. Met: times that something vanished.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::Effect;
use crate::fault::link_fault::{LinkFault, Passage};
use crate::fault::symptom::Symptom;
use crate::input::names::Kind;

/// The row.
pub static BLACK_HOLE: Definition = Definition {
    key: "black_hole",
    about: "Bytes vanish, and connections stay: actors, `any`, `all` or `database`.",
    takes: Takes::Links { actors: &[Kind::Producer, Kind::Consumer], database: true },
    settings: &[],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer],
    read: |_| Some(Effect::link(BlackHole)),
};

/// A link whose connections are half-open.
#[derive(Clone, Copy, Debug)]
pub struct BlackHole;

impl LinkFault for BlackHole {
    fn begin(&self) -> Box<dyn LinkFault> {
        Box::new(*self)
    }

    fn passage(&self) -> Passage {
        Passage::Hole
    }
}
