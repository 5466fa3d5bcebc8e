//! How the many runs of one scenario ended, of seeds or of a repetition: a bar, and those that did not
//! pass.

use minijinja::Error;

use super::section::Context;
use super::state::{FAIL, Mark, PASS, STOPPED, UNKNOWN};
use super::templates::values;
use crate::report::tally::Of;
use crate::report::words::number;

/// The piece of an entry that is one of many.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let Some(tally) = own.tally else { return Ok(None) };
    let parts = [
        (PASS, tally.passed),
        (FAIL, tally.failing.len() as u64),
        (UNKNOWN, tally.undecided.len() as u64),
        (STOPPED, tally.interrupted),
    ];
    let parts: Vec<(Mark, u64, String)> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(mark, count)| (mark, count, number(count)))
        .collect();
    let heading = match tally.of {
        Of::Seeds { .. } => "Seeds",
        Of::Runs { .. } => "Runs",
    };
    let values = values! {
        heading => heading,
        said => tally.to_string(),
        is_flaky => tally.is_flaky(),
        parts => parts,
        named => tally.named(),
    };
    own.templates.render("sweep.html", values).map(Some)
}
