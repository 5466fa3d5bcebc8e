//! How the ledger of the run compares with the reviewed one.

use minijinja::Error;
use serde::Serialize;

use super::context::Context;
use super::templates::values;
use crate::golden::{Comparison, Side};
use crate::report::sentence;

/// So many lines of a difference are shown, and so many characters of each.
const LINES_MAX: usize = 60;
const LINE_MAX: usize = 400;

#[derive(Serialize)]
struct Line {
    class: &'static str,
    sign: char,
    /// Emphasised (true) where it is what differs.
    pieces: Vec<(bool, String)>,
    is_cut: bool,
}

/// The piece of an entry whose ledger was compared.
pub(super) fn render(own: &Context<'_>) -> Result<Option<String>, Error> {
    let Some(golden) = &own.entry.golden else { return Ok(None) };
    let is_news = !matches!(golden, Comparison::Match | Comparison::Skipped(_));
    let lines = match golden {
        Comparison::Different { difference, .. } => difference.lines.as_slice(),
        _ => &[],
    };
    let pending = match golden {
        Comparison::New { pending } | Comparison::Different { pending: Some(pending), .. } => {
            Some(pending.display().to_string())
        }
        _ => None,
    };
    let shown: Vec<Line> = lines
        .iter()
        .take(LINES_MAX)
        .map(|line| {
            let mut left = LINE_MAX;
            let pieces = line.pieces.iter().map(|(emphasised, piece)| {
                let shown: String = piece.chars().take(left).collect();
                left -= shown.chars().count();
                (*emphasised, shown)
            });
            let pieces = pieces.collect();
            let class = match line.side {
                Side::Reviewed => "minus",
                Side::New => "plus",
            };
            Line { class, sign: line.side.sign(), pieces, is_cut: left == 0 }
        })
        .collect();
    let values = values! { is_news => is_news, said => sentence::golden(golden), pending => pending, lines => shown, left_out => lines.len().saturating_sub(LINES_MAX) };
    own.templates.render("golden.html", values).map(Some)
}
