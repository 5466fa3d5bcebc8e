//! What there is room for: a page stays small enough to be opened anywhere, whatever was run.
//!
//! The frame and the head of each section are always there. All else is a piece of a section, and the
//! pieces are added step by step, what is needed most first, in the order of the page, until it is
//! full. What has no room is said in its section.

use std::collections::BTreeMap;

use minijinja::Error;

use super::context::Context;

/// A page is smaller than this, in bytes.
pub(super) const PAGE_MAX: usize = 2_000_000;

/// For what a template puts around a piece, and for the words on what was left out.
const AROUND: usize = 400;

/// A step: what is added, where on the page it stands, and how it is made; none where the section has
/// no such piece. A later step may replace what an earlier one made.
pub(super) struct Step {
    /// For people: `diagrams`.
    pub(super) what: &'static str,
    /// Where it stands in a section.
    pub(super) slot: Slot,
    pub(super) make: Make,
}

/// Makes a piece from what its section is about.
pub(super) type Make = fn(&Context<'_>) -> Result<Option<String>, Error>;

/// A place in a section, in their order; those up to the notes stand above the facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    Trouble,
    Notes,
    Sweep,
    Findings,
    Thresholds,
    Golden,
    Facts,
    Graph,
    Shares,
    Timeline,
    OverTime,
    Latency,
    Faults,
    Resolved,
}

/// A section.
pub(super) struct Section<'a> {
    pub(super) context: Context<'a>,
    /// What there is room for.
    pub(super) pieces: BTreeMap<Slot, String>,
    /// What there is no room for.
    pub(super) left_out: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(context: Context<'a>) -> Self {
        Self { context, pieces: BTreeMap::new(), left_out: Vec::new() }
    }
}

/// Fills the sections, which take `used` bytes with the frame.
pub(super) fn fill(sections: &mut [Section<'_>], used: usize, steps: &[Step]) -> Result<(), Error> {
    let mut left = PAGE_MAX.saturating_sub(used + AROUND * sections.len());
    for step in steps {
        for section in &mut *sections {
            let Some(piece) = (step.make)(&section.context)? else { continue };
            let before = section.pieces.get(&step.slot).map_or(0, |before| before.len() + AROUND);
            let more = (piece.len() + AROUND).saturating_sub(before);
            if more <= left {
                left -= more;
                section.pieces.insert(step.slot, piece);
            } else if !section.left_out.contains(&step.what) {
                section.left_out.push(step.what);
            }
        }
    }
    Ok(())
}
