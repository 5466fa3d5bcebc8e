//! `cut`: connections are reset, and none is accepted. Met: connections that were reset or refused; in a
//! simulation, requests that failed.

use std::sync::Arc;

use crate::fault::definition::{Definition, Effect, Lasts, Takes};
use crate::fault::injection::Injection;
use crate::fault::link_fault::{LinkFault, Passage};
use crate::input::names::Kind;

/// The row.
pub static CUT: Definition = Definition {
    key: "cut",
    about: "Connections are reset, and none is accepted: actors, `any`, `all` or `database`.",
    takes: Takes::Links { actors: &[Kind::Producer, Kind::Consumer], database: true },
    settings: &[],
    lasts: Lasts::Given,
    read: |_| Some(Arc::new(Cut)),
};

/// A link without connections.
#[derive(Clone, Copy, Debug)]
pub struct Cut;

impl Effect for Cut {
    fn injection(&self) -> Injection {
        Injection::Link(Box::new(*self))
    }
}

impl LinkFault for Cut {
    fn passage(&self) -> Passage {
        Passage::Cut
    }
}
