//! `cut`: connections are reset, and none is accepted. Met: connections that were reset or refused; in a
//! simulation, requests that failed.

use crate::fault::definition::{Definition, Lasts, Takes};
use crate::fault::effect::Effect;
use crate::fault::link_fault::{LinkFault, Passage};
use crate::fault::symptom::Symptom;
use crate::input::names::Kind;

/// The row.
pub static CUT: Definition = Definition {
    key: "cut",
    about: "Connections are reset, and none is accepted: actors, `any`, `all` or `database`.",
    takes: Takes::Links { actors: &[Kind::Producer, Kind::Consumer], database: true },
    settings: &[],
    lasts: Lasts::Given,
    causes: &[Symptom::NoAnswer],
    read: |_| Some(Effect::link(Cut)),
};

/// A link without connections.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

impl LinkFault for Cut {
    fn begin(&self) -> Box<dyn LinkFault> {
        Box::new(*self)
    }

    fn passage(&self) -> Passage {
        Passage::Cut
    }
}
