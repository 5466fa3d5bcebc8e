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
use crate::history::{Answer, History, Nanos};
use crate::plan::Plan;

/// The timeline of a run. Linear in its requests and polls; where something was found, also in the
/// deliveries.
pub(super) fn of(plan: &Plan, history: &History, judgement: &Judgement) -> Timeline {
    let until = end(history);
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

/// The last outcome or delivery.
fn end(history: &History) -> Nanos {
    let outcomes = history.producers.iter().flat_map(|producer| &producer.sends);
    let outcomes = outcomes.map(|sent| sent.completed.at).max();
    let deliveries = history.consumers.iter().filter_map(|consumer| {
        // Polls stand in the order of their completion.
        let last = consumer.polls.iter().rev();
        last.filter(|poll| matches!(poll.answer, Answer::Delivered(1..)))
            .map(|poll| poll.completed.at)
            .next()
    });
    outcomes.max(deliveries.max()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
