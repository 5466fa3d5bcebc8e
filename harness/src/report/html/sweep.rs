//! How the runs of one scenario with many seeds ended: a bar, and the seeds that did not pass.

use minijinja::Error;

use super::context::Context;
use super::state::{FAIL, Mark, PASS, STOPPED, UNKNOWN};
use super::templates::values;
use crate::report::words::number;

/// The piece of an entry that is a sweep.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let Some(sweep) = &own.entry.sweep else { return Ok(None) };
    let parts = [
        (PASS, sweep.passed),
        (FAIL, sweep.failing.len() as u64),
        (UNKNOWN, sweep.undecided.len() as u64),
        (STOPPED, sweep.interrupted),
    ];
    let parts: Vec<(Mark, u64, String)> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(mark, count)| (mark, count, number(count)))
        .collect();
    let values = values! { said => sweep.to_string(), parts => parts, named => sweep.named() };
    own.templates.render("sweep.html", values).map(Some)
}
