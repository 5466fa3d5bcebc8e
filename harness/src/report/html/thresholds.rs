//! What `expect` asks of the figures, and what came of it.

use minijinja::Error;
use serde::Serialize;

use super::context::Context;
use super::templates::values;
use crate::figures::threshold::State;

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    limit: &'a str,
    measured: &'a str,
    note: &'a str,
    class: &'static str,
    sign: &'static str,
    word: &'static str,
}

/// The piece of an entry that has thresholds.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let rows: Vec<Row<'_>> = own
        .entry
        .thresholds
        .iter()
        .map(|threshold| {
            let (class, sign, word) = match threshold.state {
                State::Met => ("good", "✓", "met"),
                State::Missed => ("bad", "✗", "missed"),
                State::NoData => ("doubt", "?", "no verdict"),
            };
            Row {
                name: &threshold.name,
                limit: &threshold.limit,
                measured: threshold.measured.as_deref().unwrap_or("nothing"),
                note: threshold.note.as_deref().unwrap_or_default(),
                class,
                sign,
                word,
            }
        })
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    own.templates.render("thresholds.html", values! { rows => rows }).map(Some)
}
