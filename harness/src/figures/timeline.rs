//! What each actor did when: single requests and polls around what was found and around faults, and
//! how much there was elsewhere.
//!
//! `model` has the types. `places` finds where to look closer, `rows` says which actors are shown and
//! how much each did, `marks` picks the requests and polls that are shown one by one, and `gaps` finds
//! when no consumer got anything.

mod gaps;
mod marks;
mod model;
mod places;
mod rows;

use std::time::Duration;

pub use model::{DENSITY, FOCUSES_MAX, Focus, MARKS_MAX, Mark, MarkKind, ROWS_MAX, Row, Timeline};

use crate::check::Judgement;
use crate::history::{History, Nanos};
use crate::plan::Plan;

/// The timeline of a run whose last outcome or delivery was then. Linear in its requests and polls;
/// where something was found, also in the deliveries.
pub(super) fn of(plan: &Plan, history: &History, judgement: &Judgement, until: Nanos) -> Timeline {
    let violations = places::violations(plan, history, judgement, until);
    let faults = places::faults(plan, history, until);
    let shown = rows::choose(plan, history, &violations);
    let mut rows = rows::measure(plan, history, &shown, until);
    marks::add(history, &shown, &violations, &faults, until, &mut rows);
    Timeline {
        until: Duration::from_nanos(until),
        rows,
        rows_left_out: history.producers.len() + history.consumers.len() - shown.len(),
        focuses: violations.into_iter().chain(faults).map(|place| place.focus).collect(),
        gaps: gaps::of(history, until),
    }
}

#[cfg(test)]
mod tests;
