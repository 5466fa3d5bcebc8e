//! The graph of producers, topics and consumers, with what was sent and delivered on its edges.

mod draw;
mod model;

use minijinja::Error;

use super::context::Context;
use model::Graph;

/// The piece of an entry that ran.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let Some(figures) = &own.entry.figures else { return Ok(None) };
    if figures.sent.is_empty() && figures.got.is_empty() {
        return Ok(None);
    }
    let svg = draw::draw(&Graph::of(figures));
    Ok(Some(format!(
        "<section class=\"piece\"><h3>Who sent what to whom</h3>\
         <div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"Graph\">{svg}</div></section>"
    )))
}
